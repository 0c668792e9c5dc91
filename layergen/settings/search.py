"""Searches for values of a layer's arguments that its bounds and constraints allow."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice, pairwise
from typing import Any

from layergen.lang import argument_types
from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.bounds import normalize, refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Argument
from layergen.resolve.program import Child, Made, Program

# Sizes and values to try, most useful first: small, distinct, and rarely 1, at which much is equal by accident.
INTS = (4, 6, 8, 3, 2, 5, 10, 12, 16, 9, 7, 1, 0)
FLOATS = (0.5, 0.25, 2.0, 0.1, 1.5, 3.0, 0.0, 1.0, -1.0, 10.0)
DEFAULTED_INTS = (2, 3, 1, 4, 0, 5, 6, 8)
SMALL_FLOATS = (0.1, 0.25, 0.5, 2.0, 1.5, 0.0, 1.0, -1.0, 10.0)  # an eps must be large enough to matter
UNEQUAL = ((2, 1, 3), (1, 2, 3), (3, 2, 1))
UNEQUAL_FLOATS = ((0.5, 0.25, 0.75), (0.25, 0.5, 0.1), (2.0, 3.0, 1.5))
BUDGET = 5_000  # steps of the search


def values_of(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments and values of the inputs, normalized and with defaults, and the derived values.

    What calls have to give is left out where it is not given, as where a member is made.

    Raises:
        EvaluationFault: If a default or a derived value cannot be computed.
    """
    values = _without_derived(program, given)
    for name, expression in program.derived.items():
        values[name] = Interpreter(values).evaluate(expression)
    return values


def _without_derived(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, argument in program.decided.items():
        value = given.get(name)
        if name in program.values and name not in given and argument.required:
            continue
        if argument.default is not None and name not in given:
            value = Interpreter(values).evaluate(argument.default)
        try:
            values[name] = normalize(argument, value)
        except TypeError as error:
            raise EvaluationFault(argument.default or ex.Literal(value), f"`{name}`: {error}") from None
    return values


def given_values(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments whose places derived values take, as they were given."""
    raw = _without_derived(program, given) if program.replaced else {}
    return {name: raw[name] for name in program.replaced}


def kept_as_given(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the layer keeps of those lists that it keeps as a caller gives them."""
    names = [name for name, argument in program.arguments.items() if argument.as_given]
    raw = {name: given[name] if name in given else _default(program.arguments[name]) for name in names}
    replaced = {name: Interpreter(raw).evaluate(program.derived[name]) for name in names if name in program.derived}
    return raw | replaced


def _default(argument: Argument) -> Any:
    assert argument.default is not None, "what has no default is given"
    return Interpreter({}).evaluate(argument.default)


def candidates(argument: Argument, defaulted: bool) -> list[Any]:
    """Values to try for an argument, in order of preference."""
    pool = _pool(argument, defaulted)
    return [value for value in pool if not refusal("", argument, value)]


def _pool(argument: Argument, defaulted: bool) -> list[Any]:
    """What is worth a try, be it allowed or not; of a union its numbers, for the texts are choices."""
    if argument.finite and argument.choices is not None:
        return list(argument.choices)
    if argument.type.base is Base.BOOL:
        return [True, False]
    if argument.type.base is Base.STR:
        return ["text"]
    assert argument.type.numeric, f"nothing to try for type {argument.type}"
    return _fractions(argument, defaulted) if argument.type.fractional else _whole_numbers(argument, defaulted)


def _fractions(argument: Argument, defaulted: bool) -> list[Any]:
    usual = SMALL_FLOATS if defaulted else FLOATS
    match argument.type.count:
        case None:
            return [*usual, *_between(argument)]
        case argument_types.ANY if argument.optional_entries:
            return [[None, 0.5], [0.25, None], [0.5, 0.25], [2.0], *([part] for part in _between(argument))]
        case argument_types.ANY:
            lists = ([0.25, 0.75], [0.5, 0.25], [2.0, 3.0], [0.5], [2.0], [2.0, 1.0, 3.0])
            return [*lists, *_lists_between(argument)]
        case count:
            gaps = ((None, 0.5), (0.25, None)) if argument.optional_entries else ()
            return [*(cycled(parts, count) for parts in (*gaps, *UNEQUAL_FLOATS)), *usual, *_between(argument)]


def _whole_numbers(argument: Argument, defaulted: bool) -> list[Any]:
    match argument.type.count:
        case None:
            return [*(DEFAULTED_INTS if defaulted else INTS), *_between(argument)]
        case argument_types.ANY if argument.optional_entries:
            return [[None, 3], [2, None], [3, 2, 4], [2]]
        case argument_types.ANY:
            return [[3, 4], [4, 2], [5], [3], [2], [2, 3, 4], *_lists_between(argument)]
        case count if argument.optional_entries:
            gaps = [cycled(parts, count) for parts in ((None, 3), (2, None), (3, 2, 1))]
            return [*gaps, 2, 3, *_between(argument)]
        case count if defaulted:
            return [*(cycled(parts, count) for parts in UNEQUAL), 2, 3, *_between(argument)]
    return [3, 2, 4, 1, 5, *_between(argument)]


def cycled(parts: Sequence[Any], count: int) -> list[Any]:
    """So many entries of a list, which is begun anew where it ends."""
    return list(islice(cycle(parts), count))


def _between(argument: Argument) -> list[Any]:
    """Values that follow the bounds, for arguments whose bounds exclude the usual ones."""
    found: list[Any] = []
    low, high = argument.min, argument.max
    step = 1 if argument.type.integral or low is None or high is None else (high - low) / 4
    if low is not None:
        found += [low, low + step, low + 2 * step, low + 3 * step]
    if high is not None:
        found += [high, high - step]
    return found


def _lists_between(argument: Argument) -> list[Any]:
    """Lists of values that follow the bounds: two that differ, and one."""
    found = _between(argument)
    return [*([one, other] for one, other in pairwise(found) if one != other), *([part] for part in found)]


def search(
    program: Program,
    fixed: Mapping[str, Any],
    pools: Mapping[str, list[Any]],
    accept: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> dict[str, Any] | None:
    """Find values for the required arguments, and for those with a pool, that satisfy the constraints.

    Depth first, the arguments with most constraints ahead; a value that no other argument has comes first.

    Args:
        program: The layer.
        fixed: Arguments that are settled.
        pools: What to try for an argument, instead of the usual.
        accept: Has the last word on what was found.
    """
    steps = 0
    mentions = Counter(name for constraint in program.argument_constraints for name in ex.names(constraint))
    order = [name for name, argument in program.decided.items() if argument.required or name in pools]
    order = sorted((name for name in order if name not in fixed), key=lambda name: -mentions[name] if pools else 0)

    def extend(given: dict[str, Any], remaining: list[str], before: Mapping[str, Any]) -> dict[str, Any] | None:
        nonlocal steps
        steps += 1
        values = _settled(program, given, set(remaining), before) if steps <= BUDGET else None
        if values is None:
            return None
        if not remaining:
            return given if accept(given) else None
        name, *rest = remaining
        pool = pools.get(name) or candidates(program.decided[name], defaulted=False)
        taken = [_told(value) for other, value in given.items() if _apart(program.decided[other], value)]
        for value in sorted(pool, key=lambda value: _apart(program.decided[name], value) and _told(value) in taken):
            found = extend({**given, name: value}, rest, values)
            if found is not None:
                return found
        return None

    return extend(dict(fixed), order, {})


def _apart(argument: Argument, value: Any) -> bool:
    """Whether no two arguments are to have the same such value: numbers, and lists of any length."""
    if isinstance(value, list | tuple):
        return argument.type.count == argument_types.ANY
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def consistent(program: Program, given: Mapping[str, Any], open_names: set[str]) -> bool:
    """Whether the constraints that can already be told hold, and all computed values are allowed."""
    return _settled(program, given, open_names, {}) is not None


def _settled(
    program: Program, given: Mapping[str, Any], open_names: set[str], before: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The values that can already be told; None if one is not allowed, or breaks a constraint.

    Args:
        program: The layer.
        given: The arguments that are settled.
        open_names: Those that are not.
        before: What could be told, and was found to be right, when more of them were open.
    """
    values = dict(before)
    unknown = set(open_names)
    try:
        for name, argument in program.decided.items():
            if name in unknown or name in before:
                continue
            if name in given:
                value = given[name]
            elif argument.default is not None and not ex.names(argument.default) & unknown:
                value = Interpreter(values).evaluate(argument.default)
            else:
                unknown.add(name)
                continue
            if refusal(name, argument, value):
                return None
            values[name] = normalize(argument, value)
        for name, expression in program.derived.items():
            if ex.names(expression) & unknown:
                unknown.add(name)
            elif name not in before:
                values[name] = Interpreter(values).evaluate(expression)
        interpreter = Interpreter(values)
        for constraint in program.argument_constraints:
            mentioned = ex.names(constraint)
            known = bool(before) and mentioned <= before.keys()
            if not (mentioned & unknown or known or interpreter.truth(constraint)):
                return None
        return values if _members_agree(program, values) else None
    except EvaluationFault:
        return None


def _members_agree(program: Program, values: Mapping[str, Any]) -> bool:
    """Whether the members can be made that have all they need, but for what no setting of the arguments changes."""
    for member in program.members.values():
        when = member.when
        if when is not None and not (ex.names(when) <= values.keys() and Interpreter(values).truth(when)):
            continue
        for made in member.made:
            if isinstance(made.of, Child) and not _makes(made, made.of, member.constructor, values):
                return False
    return True


def _makes(made: Made, child: Child, constructor: ex.Expression, values: Mapping[str, Any]) -> bool:
    """Whether a child's constructor takes what a call of it gives, at each index of a list."""
    indices: list[dict[str, Any]] = [{}]
    if isinstance(constructor, ex.Comprehension):
        if not ex.names(constructor.iterable) <= values.keys():
            return True
        indices = [{constructor.target.id: index} for index in Interpreter(values).items(constructor.iterable)]
        if constructor.target.id not in ex.names(made.call):
            indices = indices[:1]  # all are made alike
    return all(_takes(made.call, child, {**values, **index}) for index in indices)


def _takes(call: ex.Call, child: Child, values: Mapping[str, Any]) -> bool:
    by_name = dict(zip(child.program.arguments, call.arguments, strict=False))
    by_name |= {keyword.name: keyword.value for keyword in call.keywords}
    varying = {name: node for name, node in by_name.items() if ex.names(node)}
    if not varying or not set[str]().union(*map(ex.names, varying.values())) <= values.keys():
        return True
    given = {name: Interpreter(values).evaluate(node) for name, node in by_name.items()}
    return consistent(child.program, given, set())
