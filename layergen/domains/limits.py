"""Settings at the limits of what a layer takes: arguments at their bounds, and constraints that only just hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.visitor import sources
from layergen.resolve.program import Program
from layergen.settings.choice import Setting
from layergen.settings.search import consistent, values_of

DIVISIONS = frozenset({"/", "//", "%"})
SMALL = range(2, 13)  # what 1 does is tried of every size, and of every argument
LOW = (-1, 0, 1, 2, 3, -2, -3)  # at which an exponent may be negative, or a fraction
LARGEST = 4096  # of whole numbers that are written in a forward, and tried as arguments
STRICT = {"<=": "<", ">=": ">"}
APART = {"<": -1, "<=": -1, ">": 1, ">=": 1}  # where the left side lies beside the right one, if it is not equal


@dataclass(frozen=True)
class Limit:
    """A setting at a limit."""

    setting: Setting
    name: str  # the argument or dimension that has been moved there
    words: str  # what is special about it, as the end of "where …"
    help: str | None  # what leaves the limit out, where it is the limit that is to be left out
    beyond: Setting | None = None  # the next whole number, which the help does not leave out


def at_bounds(program: Program, setting: Setting) -> Iterator[Limit]:
    """The setting with one argument after the other, or one of its entries, at a bound that it may have."""
    for name, argument in program.decided.items():
        current = setting.values[name]
        if not argument.type.numeric or argument.finite or name in program.replaced:
            continue
        for end in ends(argument):
            bound = typed(argument, getattr(argument, end))
            places = range(len(current)) if isinstance(current, tuple) else [None]
            for place in places:
                own = current if place is None else current[place]
                if type(own) not in (int, float) or own == bound:
                    continue
                changed = with_arguments(program, setting, {name: _at(current, place, bound)})
                if changed is not None:
                    words = f"`{_shown(name, place)}` is {bound:g}"
                    further = bound + (1 if end == "min" else -1)
                    beyond = assigned(program, setting, name, place, further) if argument.type.integral else None
                    yield Limit(changed, name, words, _left_out(name, argument, end, bound), beyond)


def ends(argument: Argument) -> Iterator[Literal["min", "max"]]:
    """The bounds that an argument may have itself."""
    if argument.min is not None and not argument.excludes("min"):
        yield "min"
    if argument.max is not None and not argument.excludes("max"):
        yield "max"


def _left_out(name: str, argument: Argument, end: Literal["min", "max"], bound: float) -> str:
    """What keeps an argument from its bound."""
    if argument.type.integral:
        further = bound + 1 if end == "min" else bound - 1
        return f"leave the bound out of what `{name}` may be: `{end}: {further:g}`"
    return f"leave the bound out of what `{name}` may be: `exclusive: {end}`"


def at_numbers(program: Program, ways: Sequence[Setting], nodes: Sequence[ex.Expression]) -> Iterator[Limit]:
    """A setting with one argument after the other, or one of its entries, at a number that no bound leaves out.

    Args:
        program: The layer.
        ways: Settings, in the first of which that has a number for an argument it is moved.
        nodes: What may reach an edge there: at 0, at 1, at a number that is written in it, or at the negative of one.
    """
    written = (part.value for node in nodes for part in ex.walk(node) if isinstance(part, ex.Literal))
    literals = [value for value in written if isinstance(value, int | float) and not isinstance(value, bool)]
    numbers = list(dict.fromkeys((0, 1, *literals, *(-value for value in literals))))
    for name, argument in program.decided.items():
        if not argument.type.numeric or argument.finite or name in program.replaced:
            continue
        for setting, place in _places(ways, name):
            for number in (value for value in numbers if value not in (argument.min, argument.max)):
                if argument.type.integral and abs(number) > LARGEST:  # which may be turns of a loop
                    continue
                changed = assigned(program, setting, name, place, number)
                if changed is not None and changed.given != setting.given:
                    yield from _apart(program, changed, name, place, number)


def _apart(program: Program, setting: Setting, name: str, place: int | None, number: float) -> Iterator[Limit]:
    """A setting at which an argument has a number: first with no other at the same, then as it is."""
    words = f"`{_shown(name, place)}` is {number:g}"
    help = _unlike(program, name, place, number)
    numeric = [other for other, part in program.decided.items() if part.type.numeric and other != name]
    equal = [other for other in numeric if setting.values[other] == number]
    moved = with_arguments(program, setting, {other: setting.values[other] + 1 for other in equal}) if equal else None
    if moved is not None:
        yield Limit(moved, name, words, help)
        help = f"leave it out by the constraint `{_shown(name, place)} != {equal[0]}`"
    yield Limit(setting, name, words, help)


def _places(ways: Sequence[Setting], name: str) -> Iterator[tuple[Setting, int | None]]:
    """The first setting at which an argument has a number, and each of its entries; None where it is one."""
    for setting in ways:
        value = setting.values[name]
        places = list(range(len(value))) if isinstance(value, tuple) else [None]
        found = [place for place in places if type(value if place is None else value[place]) in (int, float)]
        if found:
            yield from ((setting, place) for place in found)
            return


def _shown(name: str, place: int | None) -> str:
    return name if place is None else f"{name}[{place}]"


def _unlike(program: Program, name: str, place: int | None, number: float) -> str:
    """What keeps an argument from a number that lies between its bounds."""
    argument = program.decided[name]
    constraint = f"the constraint `{_shown(name, place)} != {number:g}`"
    if number or argument.min is not None:
        return f"leave it out by {constraint}"
    both = "true" if argument.excludes("max") else "min"
    bound = "`min: 1`" if argument.type.integral else f"`min: 0` with `exclusive: {both}`"
    return f"if `{name}` is positive, say so by {bound}; else leave 0 out by {constraint}"


def at_equality(program: Program, setting: Setting) -> Iterator[Limit]:
    """The setting at which one constraint after the other that may be an equation is one."""
    for left, sign, right in _comparisons(program):
        if sign in STRICT:
            strict = ex.Compare(left, (STRICT[sign],), (right,))
            help = f"leave it out by the constraint `{ex.show(strict)}`"
            yield from _limits(program, setting, (left, sign, right), 0, help)


def beside_equality(program: Program, setting: Setting) -> Iterator[Limit]:
    """The setting where one constraint after the other that says of whole numbers which is larger only just holds."""
    for left, sign, right in _comparisons(program):
        if sign in STRICT.values():
            larger = ex.Compare(left, (sign,), (_moved(right, APART[sign]),))
            help = f"leave it out by the constraint `{ex.show(larger)}`"
            yield from _limits(program, setting, (left, sign, right), 1, help)


def _comparisons(program: Program) -> Iterator[tuple[ex.Expression, str, ex.Expression]]:
    """The comparisons that constraints make, two sides of each."""
    for constraint in program.constraints:
        if isinstance(constraint, ex.Compare):
            sides = (constraint.left, *constraint.comparators)
            yield from zip(sides, constraint.operators, constraint.comparators, strict=False)


def _limits(
    program: Program, setting: Setting, comparison: tuple[ex.Expression, str, ex.Expression], apart: int, help: str
) -> Iterator[Limit]:
    """The setting with the sides of a comparison so far apart, by the side that can be moved, and then by 1 more."""
    left, sign, right = comparison
    for one, other, way in ((left, right, APART[sign]), (right, left, -APART[sign])):
        for changed, name in _equal(program, setting, one, other, apart * way):
            further = (moved for moved, _ in _equal(program, setting, one, other, (apart + 1) * way))
            equation = ex.Compare(left, ("==",), (_moved(right, apart * APART[sign]),))
            yield Limit(changed, name, f"`{ex.show(equation)}`", help, next(further, None))
            return


def _moved(number: ex.Expression, by: int) -> ex.Expression:
    """An expression, and a number that is added to it."""
    if not by:
        return number
    if isinstance(number, ex.Literal) and type(number.value) is int:
        return ex.Literal(number.value + by)
    return ex.Binary("+" if by > 0 else "-", number, ex.Literal(abs(by)))


def _equal(
    program: Program, setting: Setting, one: ex.Expression, other: ex.Expression, apart: int = 0
) -> Iterator[tuple[Setting, str]]:
    """The setting with one side of a comparison so far apart from the other, where it is a name or an entry."""
    try:
        before, value = (Interpreter(setting.names).evaluate(side) for side in (one, other))
    except EvaluationFault:
        return
    if type(value) not in (int, float) or type(before) not in (int, float) or (apart and type(value) is not int):
        return
    value += apart
    if before == value or (apart and type(before) is not int):
        return
    match one:
        case ex.Name(id=name) if name in setting.sizes and type(value) is int and value > 0:
            changed = allowed_sizes(program, replace(setting, sizes={**setting.sizes, name: value}))
        case ex.Name(id=name) if name in program.decided and name not in program.replaced:
            changed = assigned(program, setting, name, None, value)
        case ex.Subscript(ex.Name(id=name), ex.Literal(value=int(place))) if name in program.decided:
            changed = assigned(program, setting, name, place, value)
        case _:
            return
    if changed is not None:
        yield changed, name


def at_zeros(program: Program, setting: Setting, nodes: Sequence[ex.Expression]) -> Iterator[Limit]:
    """The setting with a dimension or argument so that a number by which is divided is 0, as in ``x / (L - 2 * k)``."""
    for node in nodes:
        for divisor in dict.fromkeys(_numbers_in(program, setting, node)):
            named = [name for name in setting.sizes if name in ex.names(divisor)]
            named += [name for name in setting.names if name in behind(program, divisor)]
            for name, number in product(dict.fromkeys(named), SMALL):
                if name in setting.sizes:
                    changed = allowed_sizes(program, replace(setting, sizes={**setting.sizes, name: number}))
                else:
                    changed = assigned(program, setting, name, None, number) if name in program.decided else None
                if changed is not None and number_at(divisor, changed) == 0:
                    text = ex.show(divisor)
                    yield Limit(changed, name, f"`{text}` is 0", f"leave it out by the constraint `{text} != 0`")
                    break


def _numbers_in(program: Program, setting: Setting, node: ex.Expression) -> Iterator[ex.Expression]:
    """The divisor of a division, and what a call is given, so far as it is computed of numbers alone."""
    if isinstance(node, ex.Binary) and node.operator in DIVISIONS:
        node = node.right
    elif not isinstance(node, ex.Call):
        return
    for part in ex.walk(node):
        if isinstance(part, ex.Expression) and ex.names(part):
            spelled = _spelled(program, setting, part)
            if number_at(spelled, setting) is not None:
                yield spelled


def at_exponents(program: Program, setting: Setting, node: ex.Expression) -> Iterator[Limit]:
    """The setting with one argument after the other so that an exponent of numbers alone is negative, or a fraction."""
    exponent = exponent_of(node)
    usual = None if exponent is None else number_at(exponent, setting)
    if exponent is None or usual is None:
        return
    for name in sorted(behind(program, exponent)):
        for leaves in (_is_negative, _is_fraction):
            if leaves(usual):  # as it is anyway, with no argument moved
                continue
            moved = (assigned(program, setting, name, None, number) for number in LOW)
            found = next((part for part in moved if part and leaves(number_at(exponent, part) or 0)), None)
            if found is not None:
                help = _from_zero(program, name, exponent) if leaves is _is_negative else None
                yield Limit(found, name, f"`{name}` is {found.values[name]:g}", help)


def _is_negative(exponent: float) -> bool:
    return exponent < 0


def _is_fraction(exponent: float) -> bool:
    return not float(exponent).is_integer()


def exponent_of(node: ex.Expression) -> ex.Expression | None:
    """By what an op takes powers."""
    match node:
        case ex.Binary(operator="**", right=right):
            return right
        case ex.Call(function="pow" | "float_power", arguments=(_, exponent)):
            return exponent
    return None


def behind(program: Program, expression: ex.Expression) -> frozenset[str]:
    """The arguments that a value is computed from, by derived ones too."""
    found = ex.names(expression)
    for name in reversed(tuple(program.derived)):
        if name in found and name not in program.replaced:
            found |= ex.names(program.derived[name])
    return found & program.decided.keys()


def _from_zero(program: Program, name: str, exponent: ex.Expression) -> str:
    """What keeps an exponent from being negative."""
    if exponent == ex.Name(name) and program.decided[name].type.integral:
        return f"say what `{name}` is at least: `min: 0`"
    return f"leave it out by the constraint `{ex.show(ex.Compare(exponent, ('>=',), (ex.Literal(0),)))}`"


def number_at(expression: ex.Expression, setting: Setting) -> float | None:
    """What comes of numbers alone at a setting; None where there are tensors among them, or nothing comes of them."""
    try:
        value = Interpreter(setting.names).evaluate(expression)
    except EvaluationFault:
        return None
    return value if type(value) in (int, float) else None


def _spelled(program: Program, setting: Setting, expression: ex.Expression) -> ex.Expression:
    """An expression in which names that a forward gives to numbers, each once, are these."""

    def number(part: ex.Expression) -> ex.Expression | None:
        if not isinstance(part, ex.Name) or part.id in setting.names:
            return None
        found = list(sources(program.forward.statements, part.id))
        told = len(found) == 1 and number_at(found[0], setting) is not None
        return found[0] if told else None

    return ex.transform(expression, number)


def assigned(program: Program, setting: Setting, name: str, place: int | None, value: Any) -> Setting | None:
    """The setting with another number for an argument, or for an entry of it, where it may have that."""
    argument = program.decided[name]
    if not argument.type.numeric or (argument.type.integral and type(value) is not int):
        return None
    return with_arguments(program, setting, {name: _at(setting.values[name], place, typed(argument, value))})


def _at(current: Any, place: int | None, value: Any) -> Any:
    """A value, or the entries of one with another in some place."""
    return value if place is None else [value if index == place else entry for index, entry in enumerate(current)]


def typed(argument: Argument, value: Any) -> Any:
    return value if argument.type.integral else float(value)


def with_arguments(program: Program, setting: Setting, given: Mapping[str, Any]) -> Setting | None:
    """The setting with some arguments changed, if bounds and constraints allow it."""
    changed = {**setting.given, **given}
    if any(refusal(name, program.decided[name], value) for name, value in given.items()):
        return None
    if not consistent(program, changed, set()):
        return None
    return allowed_sizes(program, replace(setting, given=changed, values=values_of(program, changed)))


def allowed_sizes(program: Program, setting: Setting) -> Setting | None:
    """The setting, unless its sizes break a constraint."""
    for constraint in program.constraints:
        try:
            if not Interpreter(setting.names).truth(constraint):
                return None
        except EvaluationFault:
            continue  # it asks for a size that is not there
    return setting
