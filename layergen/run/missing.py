"""Guesses the constraint that a layer needs: the simplest one that holds wherever it works near a setting, and nowhere
else. Nothing rests on it: it is shown as help."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
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
Condition = tuple[str, Callable[[Point], bool]]


def missing_constraint(program: Program, setting: Setting, works: Callable[[Program, Setting], bool]) -> str | None:
    """Help with a constraint at which a layer works, if a simple one tells where it does."""
    good: list[Point] = []
    bad: list[Point] = []
    with budget():
        for other in (setting, *islice(near(program, setting), TRIES)):
            (good if works(program, other) else bad).append(_point(program, other))
    if not good or len(bad) < 2:
        return None
    for text, holds in _conditions(list(_point(program, setting))):
        try:
            if all(map(holds, good)) and not any(map(holds, bad)):
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
    """Conditions, the simple ones first. Sizes that must be equal are mostly a mistake, so none."""
    for name in names:
        for divisor in (2, 3, 4):
            yield f"{name} % {divisor} == 0", lambda at, n=name, d=divisor: at[n] % d == 0  # type: ignore[misc]
        yield f"{name} % 2 == 1", lambda at, n=name: at[n] % 2 == 1  # type: ignore[misc]
        for bound in (2, 3, 4):
            yield f"{name} >= {bound}", lambda at, n=name, b=bound: at[n] >= b  # type: ignore[misc]
    pairs = [pair for one, other in combinations(names, 2) for pair in ((one, other), (other, one))]
    for one, other in pairs:
        yield f"{one} <= {other}", lambda at, a=one, b=other: at[a] <= at[b]  # type: ignore[misc]
        yield f"{one} < {other}", lambda at, a=one, b=other: at[a] < at[b]  # type: ignore[misc]
        yield f"{one} % {other} == 0", lambda at, a=one, b=other: at[a] % at[b] == 0  # type: ignore[misc]
        yield f"2 * {one} <= {other}", lambda at, a=one, b=other: 2 * at[a] <= at[b]  # type: ignore[misc]
    for one in names:
        for two in combinations([name for name in names if name != one], 2):
            yield (
                f"{one} < max({two[0]}, {two[1]})",
                lambda at, a=one, b=two[0], c=two[1]: at[a] < max(at[b], at[c]),  # type: ignore[misc]
            )
