"""Finds sizes on both sides of each constraint that mentions a dimension."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.condition import Condition
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.tuples import spread, wholes
from layergen.resolve.program import Program
from layergen.settings.choice import Setting
from layergen.settings.search import candidates, consistent, values_of
from layergen.settings.sizes import keeps

LARGEST = 256  # sizes that are looked at
LONGEST = 4  # dimensions in the place of `...`
SIZES = (3, 2, 4, 5)


@dataclass(frozen=True)
class SizeLimit:
    """A constraint on sizes, with a setting that only just keeps it and one that breaks it and none before it."""

    constraint: ex.Expression
    kept: Setting
    broken: Setting


def size_limits(program: Program, base: Setting) -> Iterator[SizeLimit]:
    """A limit for each constraint on sizes that some dimension or argument can break near the base."""
    conditions = [Condition(node) for node in program.size_constraints]
    for index, constraint in enumerate(program.size_constraints):
        known = conditions[: index + 1]
        looked_for = (
            limit
            for least in (1, 0)  # what all other sizes keep, a size of 0 may break
            for near in grounds(program, base, constraint)
            for limit in _limits(program, near, known, least)
        )
        found = next(looked_for, None)
        if found is not None:
            yield found


def grounds(program: Program, base: Setting, constraint: ex.Expression) -> Iterator[Setting]:
    """The base, and the settings in which one of the constraint's arguments is another: at `r == 1`, all divides.

    And those in which all its dimensions but one are 1, without which `N * L >= 2` holds whatever one of them is.
    """
    yield base
    asks = bool(ex.names(constraint) & program.asked)
    for name, argument in program.decided.items():
        if name in ex.names(constraint):
            none = [None] if argument.optional and asks else []
            for value in (*none, *candidates(argument, defaulted=not argument.required)):
                given = {**base.given, name: value}
                if consistent(program, given, set()):
                    yield replace(base, given=given, values=values_of(program, given))
    several = [name for name in program.dimensions if name in ex.names(constraint) and name in base.sizes]
    for name in several if len(several) > 1 else ():
        yield replace(base, sizes={**base.sizes, **{other: 1 for other in several if other != name}})


def _limits(program: Program, base: Setting, conditions: Sequence[Condition], least: int) -> Iterator[SizeLimit]:
    """What one dimension after the other, from some size on, makes of the last of some constraints.

    All else is as in the base.
    """
    constraint = conditions[-1].node
    for row in moves(program, base, constraint, least):
        kept, broken = [], []
        for place, setting in row:
            names: dict[str, Any] = setting.names
            holds = [condition.holds(names) for condition in conditions]
            if None in holds:
                continue
            if all(holds) and 0 not in setting.sizes.values():  # which is no layer to try, though one may break it
                kept.append((_slack(constraint, names), place, setting))
            elif all(holds[:-1]) and not holds[-1] and has_shapes(program, setting):
                broken.append((place, setting))
            edge = any(slack <= 1 and at == place - 1 for slack, at, _ in kept[-2:])
            if edge and any(at in (place, place - 2) for at, _ in broken[-2:]):
                break  # what lies on both sides of it is known
        kept = [item for item in kept if broken and keeps(program, item[2].names, item[2].sizes)]
        if kept:
            _, place, near = min(kept, key=lambda item: item[:2])
            yield SizeLimit(constraint, near, min(broken, key=lambda item: (abs(item[0] - place), -item[0]))[1])


def moves(
    program: Program, base: Setting, constraint: ex.Expression, least: int
) -> Iterator[list[tuple[int, Setting]]]:
    """The settings in which one thing of which a constraint speaks is another, each with its place in their row."""
    mentioned = ex.names(constraint)
    for name in (name for name in program.dimensions if name in mentioned):
        yield [(size, replace(base, sizes={**base.sizes, name: size})) for size in range(least, LARGEST)]
    for name in (name for name, part in program.values.items() if name in mentioned and part.type.integral):
        yield list(_values(program, base, name))
    for name in (name for name in wholes(program.inputs) if name in mentioned):
        items = frozenset(spread([name], program.tuples))
        yield [
            (place, replace(base, absent=absent))
            for place, absent in enumerate((base.absent | items, base.absent - items))
            if has_shapes(program, replace(base, absent=absent))
        ]
    if program.run in mentioned:
        yield [(place, replace(base, leading=leading)) for place, leading in enumerate(_runs(base.leading))]
    for name in (name for name in base.further if name in mentioned):
        several = enumerate(_runs(base.further[name]))
        yield [(place, replace(base, further={**base.further, name: sizes})) for place, sizes in several]


def has_shapes(program: Program, setting: Setting) -> bool:
    """Whether the inputs that are there can have their shapes: none in an argument that is None, or of less than 0."""
    known = Interpreter(setting.names)
    try:
        for name, part in program.inputs.items():
            if name not in setting.absent:
                own = (entry.value if isinstance(entry, ex.Splice) else entry for entry in part.entries)
                sizes = (known.evaluate(entry) for entry in own if entry != ex.Literal(...))
                if not all(map(_is_sized, sizes)):
                    return False
    except EvaluationFault:
        return False
    return True


def _is_sized(value: object) -> bool:
    """Whether an entry of a shape has a size, or several."""
    if isinstance(value, list | tuple):
        return all(map(_is_sized, value))
    return isinstance(value, int) and value >= 0


def _values(program: Program, base: Setting, name: str) -> Iterator[tuple[int, Setting]]:
    """The settings in which a call gives one value another number."""
    for value in range(-1, LARGEST):
        if type(base.values[name]) is int and not refusal(name, program.values[name], value):
            given = {**base.given, name: value}
            yield value, replace(base, given=given, values=values_of(program, given))


def _runs(leading: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """What else may stand for `...`: fewer dimensions and more of them, each of another size."""
    for count in range(LONGEST + 1):
        yield (*leading, *SIZES)[:count]
    for index in range(len(leading)):
        yield from ((*leading[:index], size, *leading[index + 1 :]) for size in range(1, LARGEST // 8))


def _slack(constraint: ex.Expression, names: dict[str, Any]) -> float:
    """How far a comparison is from its edge, where it is one of numbers."""
    if not isinstance(constraint, ex.Compare) or len(constraint.operators) != 1:
        return 0
    left, right = (Interpreter(names).evaluate(side) for side in (constraint.left, constraint.comparators[0]))
    both = isinstance(left, int | float) and isinstance(right, int | float)
    return abs(left - right) if both else 0
