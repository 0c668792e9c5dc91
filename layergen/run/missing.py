"""Guesses the constraint that a layer needs: the simplest one that holds wherever it works near a setting, and nowhere
else. Nothing rests on it: it is shown as help."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import combinations, islice

from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.program import Program
from layergen.run.budget import budget
from layergen.settings.choice import Setting
from layergen.settings.search import consistent, values_of
from layergen.settings.sizes import keeps, of_call

VALUES = (1, 2, 3, 4, 5, 6, 8)
TRIES = 150  # settings that are tried
Point = Mapping[str, int]
Holds = Callable[[Point], bool]
Condition = tuple[str, Holds, Holds]  # its text, where it holds, and where that shows that it is meant


def missing_constraint(program: Program, setting: Setting, works: Callable[[Program, Setting], bool]) -> str | None:
    """Help with a constraint at which a layer works, if a simple one tells where it does."""
    good: list[Point] = []
    bad: list[Point] = []
    with budget():
        for other in (setting, *islice(near(program, setting), TRIES)):
            (good if works(program, other) else bad).append(_point(program, other))
    if not good or len(bad) < 2:
        return None
    for text, holds, shows in _conditions(list(_point(program, setting))):
        try:
            if all(map(holds, good)) and not any(map(holds, bad)) and any(map(shows, good)):
                return f"where it was tried, it works only if `{text}`: add that under `constraints`"
        except ZeroDivisionError:
            continue
    return None


def _point(program: Program, setting: Setting) -> dict[str, int]:
    """The numbers of a setting by their names; of a size of several numbers, each."""
    point: dict[str, int] = {}
    for name in program.decided:
        value = setting.values[name]
        if type(value) is int:
            point[name] = value
        elif isinstance(value, tuple) and program.decided[name].type.sized:
            point |= {f"{name}[{index}]": part for index, part in enumerate(value) if type(part) is int}
    return point | dict(setting.sizes)


def holds_for_all_sizes(program: Program, setting: Setting, works: Callable[[Program, Setting], bool]) -> bool:
    """Whether a layer works at the arguments of a setting wherever it is tried, whatever the sizes of a call are."""
    others = (other for other in near(program, setting) if other.given == setting.given)
    return all(works(program, other) for other in (setting, *islice(others, TRIES)))


def near(program: Program, setting: Setting) -> Iterator[Setting]:
    """Settings in which one number is another, or two are."""
    names = [name for name in program.decided if _is_number(program, setting, name)] + list(setting.sizes)
    for name in names:
        for value in VALUES:
            yield from _changed(program, setting, {name: value})
    for several in combinations(names, 2):
        for first, second in ((1, 2), (2, 1), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3), (2, 2)):
            yield from _changed(program, setting, dict(zip(several, (first, second), strict=True)))


def _is_number(program: Program, setting: Setting, name: str) -> bool:
    argument, value = program.decided[name], setting.values[name]
    sized = isinstance(value, tuple) and argument.type.sized
    return argument.type.integral and argument.choices is None and (isinstance(value, int) or sized)


def _changed(program: Program, setting: Setting, changes: Mapping[str, int]) -> Iterator[Setting]:
    given = {**setting.given, **{name: value for name, value in changes.items() if name in program.decided}}
    sizes = {name: changes.get(name, size) for name, size in setting.sizes.items()}
    try:
        if consistent(program, given, set()):
            values = values_of(program, given)
            if keeps(program, of_call(program, values, (setting.leading, setting.further), setting.absent), sizes):
                yield replace(setting, given=given, values=values, sizes=sizes)
    except EvaluationFault:
        return


def _conditions(names: list[str]) -> Iterator[Condition]:
    """Conditions, the simple ones first. Sizes that must be equal are mostly a mistake, so none.

    Of two numbers that are equal wherever a layer works, or of which one is 1 there, nothing else is shown.
    """
    for name in names:
        for text, holds in _alone(name):
            yield text, holds, holds
    pairs = [pair for one, other in combinations(names, 2) for pair in ((one, other), (other, one))]
    for one, other in pairs:
        yield from _of_two(one, other)
    for one in names:
        for two in combinations([name for name in names if name != one], 2):
            text, holds = f"{one} < max({two[0]}, {two[1]})", partial(_is_below, one, two)
            yield text, holds, lambda at, a=one, h=holds: at[a] > 1 and h(at)  # type: ignore[misc]


def _alone(name: str) -> Iterator[tuple[str, Holds]]:
    for divisor in (2, 3, 4):
        yield f"{name} % {divisor} == 0", lambda at, d=divisor: at[name] % d == 0  # type: ignore[misc]
    yield f"{name} % 2 == 1", lambda at: at[name] % 2 == 1
    for bound in (2, 3, 4):
        yield f"{name} >= {bound}", lambda at, b=bound: at[name] >= b  # type: ignore[misc]


def _of_two(one: str, other: str) -> Iterator[Condition]:
    def below(at: Point) -> bool:
        return at[one] < at[other]

    def shows(at: Point) -> bool:
        return 1 < at[one] < at[other]

    yield f"{one} <= {other}", lambda at: at[one] <= at[other], shows
    yield f"{one} < {other}", below, shows
    yield f"{one} % {other} == 0", lambda at: at[one] % at[other] == 0, lambda at: at[one] > at[other] > 1
    yield f"2 * {one} <= {other}", lambda at: 2 * at[one] <= at[other], lambda at: 2 < 2 * at[one] < at[other]


def _is_below(one: str, two: tuple[str, str], at: Point) -> bool:
    return at[one] < max(at[name] for name in two)
