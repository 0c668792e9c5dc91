"""Values that a layer computes from its arguments: defaults, derived values, attributes, constraints, initial values.

Where one cannot be computed, the search passes over the setting, and a caller would see the error of a division by zero
instead of a ValueError. So they are computed at the bounds of arguments, at small numbers, and where two are equal.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations, islice, product
from typing import Any

from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.argument_types import Base
from layergen.lang.bounds import normalize, refusal
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import TOO_LARGE, EvaluationFault, Interpreter
from layergen.resolve.program import Program
from layergen.resolve.scope import Scoped
from layergen.rules.cases import IncomputableValue
from layergen.settings.choice import Setting
from layergen.settings.computable import condition_of
from layergen.settings.incomputable import compute_made, deferred, of_entries
from layergen.settings.search import candidates
from layergen.words import listed

NUMBERS = (0, 1, -1, 2, 3)
FEW = 4  # lists that are tried
TRIES = 1500  # settings in which two arguments are moved
UNRUN = frozenset({"attributes", "repr"})  # what no forward computes


def check_computed(program: Program, base: Setting) -> Iterator[Finding]:
    """Yield what cannot be computed at arguments that bounds and constraints allow, each once.

    Args:
        program: The layer.
        base: A setting at which all can be computed.
    """
    said = set[Path]()
    for moved in _moves(program, base):
        given = {**base.given, **moved}
        fault = _fault(program, given)
        whole = None if fault is None else _whole(program, fault)
        if fault is None or whole is None or whole.path in said:
            continue
        said.add(whole.path)
        read = _read(program, whole.expression)
        values = {**base.values, **moved}
        told = [f"`{name}` is {_shown(values[name])}" for name in program.arguments if name in read]
        if not told and whole.path[0] not in UNRUN:
            continue  # what fails everywhere is said where it is run
        where = f" where {listed(told)}" if told else ""
        shown = f"`{ex.show(fault.node)}`" if isinstance(fault.node, ex.Expression) else "this"
        message = f"{shown} cannot be computed{where}: {fault.message}"
        help = _help(program, given, moved, fault, whole) if told else None
        yield IncomputableValue.at(Place(whole.path, fault.node.span), message, help=help)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _whole(program: Program, fault: EvaluationFault) -> Scoped | None:
    """The expression of the spec in which something failed, and where it stands."""
    own = fault.node
    parts = program.scoped
    same = (part for part in parts if any(node is own for node in ex.walk(part.expression)))
    alike = (part for part in parts if any(node == own and node.span == own.span for node in ex.walk(part.expression)))
    return next(same, None) or next(alike, None)  # an initial value is a copy, in which fans are replaced


def _moves(program: Program, base: Setting) -> Iterator[dict[str, Any]]:
    """What to give instead of the base's: one argument after the other, then two at once, and nothing."""
    initial = (part.init.value for part in program.tensors.values() if is_initializer(part.init.value))
    computed = (*program.derived.values(), *program.attributes.values(), *program.argument_constraints)
    defaults = (part.default for part in program.arguments.values() if part.default is not None)
    made = (
        part for member in program.members.values() for part in (member.constructor, member.when) if part is not None
    )
    whole = (*computed, *initial, *defaults, *made, *_shown_where(program))
    read = frozenset[str]().union(*(_read(program, part) for part in whole))
    pools = {name: _pool(program, name, base) for name in program.arguments if name in read}
    yield from ({name: value} for name, pool in pools.items() for value in pool)
    both = (
        {one: first, other: second}
        for one, other in combinations(pools, 2)
        for first, second in product(pools[one], pools[other])
    )
    yield from islice(both, TRIES)
    yield {}


def _pool(program: Program, name: str, base: Setting) -> list[Any]:
    """Other values that an argument may have: its bounds first."""
    argument = program.arguments[name]
    found: list[Any] = [None] if argument.optional else []
    if argument.finite and argument.choices is not None:
        found += argument.choices
    elif argument.type.base is Base.BOOL:
        found += [True, False]
    elif argument.type.numeric and argument.type.count is None:
        others = (base.values[other] for other in program.arguments if other != name)
        same = [value for value in others if type(value) is int or (argument.type.fractional and type(value) is float)]
        found += [bound for bound in (argument.min, argument.max) if bound is not None]
        found += [*NUMBERS, *same]
    elif argument.type.numeric:
        bounds = [bound for bound in (argument.min, argument.max) if bound is not None]
        found += [*bounds, *candidates(argument, defaulted=False)[:FEW]]
    fitting = [float(value) if argument.type.base is Base.FLOAT and type(value) is int else value for value in found]
    return [value for value in fitting if value is None or not refusal(name, argument, value)]


def _arguments(program: Program, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments, with defaults; None if some bound refuses one.

    Raises:
        EvaluationFault: If a default cannot be computed.
    """
    values: dict[str, Any] = {}
    for name, argument in program.decided.items():
        value = given.get(name)
        if name not in given and argument.default is not None:
            value = Interpreter(values).evaluate(argument.default)
        if refusal(name, argument, value):
            return None
        values[name] = normalize(argument, value)
    return values


def _fault(program: Program, given: Mapping[str, Any]) -> EvaluationFault | None:
    """What cannot be computed at a setting, before something refuses it."""
    values: dict[str, Any] | None = {}
    try:
        values = _arguments(program, given)
        if values is None or not _hold(program, {name: values[name] for name in values.keys() - program.replaced}):
            return None  # what names an argument whose place is taken is asked of what takes it
        for name, expression in program.derived.items():
            values[name] = Interpreter(values).evaluate(expression)
        if not _hold(program, values):
            return None
        for expression in (*program.attributes.values(), *_initial(program, values), *_shown_where(program)):
            if ex.names(expression) <= values.keys():
                Interpreter(values).evaluate(expression)
        for member in program.members.values():
            if _is_there(member.when, values):
                compute_made(member, Interpreter(values))
    except EvaluationFault as fault:
        return fault if not values or _hold(program, values, fault) else None
    return None


def _shown_where(program: Program) -> Iterator[ex.Expression]:
    """The conditions under which ``repr`` shows something."""
    yield from (item.when for item in program.repr or () if item.when is not None)


def _initial(program: Program, values: Mapping[str, Any]) -> Iterator[ex.Expression]:
    """What is handed to the initializers of those tensors that there are."""
    for part in program.tensors.values():
        call = part.init.value
        if is_initializer(call) and _is_there(part.when, values):
            yield from call.arguments
            yield from (keyword.value for keyword in call.keywords)


def _is_there(when: ex.Expression | None, values: Mapping[str, Any]) -> bool:
    """Whether a tensor exists, as far as that can be told."""
    try:
        return when is None or Interpreter(values).truth(when)
    except EvaluationFault:
        return False


def _hold(program: Program, values: Mapping[str, Any], beside: EvaluationFault | None = None) -> bool:
    """Whether those constraints hold that can be told.

    Args:
        program: The layer.
        values: What is known.
        beside: What is known to fail; nothing else may, then.
    """
    for constraint in program.argument_constraints:
        if ex.names(constraint) <= values.keys():
            try:
                if not Interpreter(values).truth(constraint):
                    return False
            except EvaluationFault:
                if beside is None:
                    raise
    return True


def _read(program: Program, expression: ex.Expression) -> frozenset[str]:
    """The names that an expression reads, and those that derived values among them do."""
    return ex.names(_spelled(program, expression))


def _spelled(program: Program, expression: ex.Expression) -> ex.Expression:
    """An expression with derived values spelled out."""

    def spelled(part: ex.Expression) -> ex.Expression | None:
        known = isinstance(part, ex.Name) and part.id in program.derived and part.id not in program.replaced
        return _spelled(program, program.derived[part.id]) if known and isinstance(part, ex.Name) else None

    return ex.transform(expression, spelled)


def _help(
    program: Program, given: Mapping[str, Any], moved: Mapping[str, Any], fault: EvaluationFault, whole: Scoped
) -> str:
    """What to write: a number, a bound, where one argument lies at its own, or else a constraint."""
    if (help := of_entries(program, fault.node)) is not None:
        return help
    if len(moved) == 1:
        ((name, value),) = moved.items()
        argument = program.arguments[name]
        for end, step in (("min", 1), ("max", -1)):
            if getattr(argument, end) != value or not _works_beyond(program, given, name, argument, step):
                continue
            bound = f"{end}: {value + step}" if argument.type.integral else f"exclusive: {end}"
            return f"leave that out of what `{name}` may be: `{bound}`"
        if _begins_above(program, given, name, argument):
            bound = "min: 1" if argument.type.integral else "min: 0, exclusive: min"
            return f"say what `{name}` is at least: `{bound}`"
        if fault.message == TOO_LARGE and argument.max == value and (most := _most(program, given, name, value)):
            return f"say what `{name}` may be: `max: {most}`"
    if isinstance(fault.node, ex.Subscript) and (help := deferred(whole)) is not None:
        return help
    condition = condition_of(program, fault.node)
    if condition is None:
        return "raise a bound, or rule it out by a constraint"
    return f"add the constraint `{ex.show(_spelled(program, condition))}`"


def _begins_above(program: Program, given: Mapping[str, Any], name: str, argument: Argument) -> bool:
    """Whether an argument without a least value fails at 0 and below, and works above."""
    if argument.min is not None or type(given[name]) not in (int, float) or argument.type.listed:
        return False
    failing = [_fault(program, {**given, name: value}) is not None for value in (0, -1)]
    return all(failing) and _fault(program, {**given, name: 1}) is None


def _most(program: Program, given: Mapping[str, Any], name: str, bound: float) -> int | None:
    """The largest whole number below a bound at which all can be computed, if there is a positive one."""
    near, far = 1, int(bound)
    if _refused_at(program, given, name, near):
        return None
    while far - near > 1:
        middle = (near + far) // 2
        near, far = (near, middle) if _refused_at(program, given, name, middle) else (middle, far)
    return near


def _refused_at(program: Program, given: Mapping[str, Any], name: str, value: int) -> bool:
    """Whether an argument may not be a number, or something cannot be computed there."""
    argument = program.arguments[name]
    moved = value if argument.type.integral else float(value)
    return bool(refusal(name, argument, moved)) or _fault(program, {**given, name: moved}) is not None


def _works_beyond(program: Program, given: Mapping[str, Any], name: str, argument: Argument, step: int) -> bool:
    """Whether all can be computed a step further."""
    value = given[name] + (step if argument.type.integral else 0.1 * step)
    return not refusal(name, argument, value) and _fault(program, {**given, name: value}) is None
