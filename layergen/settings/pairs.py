"""Settings in which flags, choices, numbers and what is left out move together: every two of them, in few settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from layergen.lang import argument_types
from layergen.lang import expression as ex
from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.bounds import normalize, refusal
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Argument
from layergen.lang.tuples import spread, wholes
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with
from layergen.settings.runs import Standing
from layergen.settings.search import cycled

PRESENCE = "is there: "  # before the name of an input, which an argument may have, too
MOST = 12  # settings
LEVELS = 5  # of one argument; of one without a default, which every setting moves, fewer
REQUIRED = 3
BOUND = 16  # the largest inclusive bound that is tried
OTHERS = (2, 3, 4, 6, 5, 8)
ODD = 3  # the usual first values are even
FLOATS = (0.5, 2.0)
UNEQUAL = ([2, 3, 1], [3, 2, 1])
UNEQUAL_FLOATS = ([0.5, 0.25, 2.0], [2.0, 0.5, 0.25])


@dataclass(frozen=True)
class Factor:
    """Something that a setting decides, and how."""

    name: str
    levels: tuple[Any, ...]  # the first as in the base


@dataclass(frozen=True)
class Level:
    """One level of one factor."""

    name: str
    index: int


def pairs(program: Program, base: Setting) -> Iterator[Setting]:
    """Settings in which every two levels of two factors meet, as far as constraints allow and their number suffices."""
    factors = list(_factors(program, base))
    open_pairs = {
        (Level(one.name, i), Level(other.name, j))
        for one, other in combinations(factors, 2)
        for i in range(len(one.levels))
        for j in range(len(other.levels))
        if i or j  # the base itself, and what differs from it in one respect, are tried anyway
    }
    open_pairs = {pair for pair in open_pairs if pair[0].index and pair[1].index}
    if len(factors) == 1:
        yield from _alone(program, base, factors[0])
        return
    yield from _covering(program, base, factors, open_pairs, "together")


def _covering(
    program: Program, base: Setting, factors: Sequence[Factor], open_pairs: set[tuple[Level, Level]], name: str
) -> Iterator[Setting]:
    """Settings with names that begin alike, in each of which some of the pairs meet that did not before."""
    count = 0
    while open_pairs and count < MOST:
        row = _row(factors, open_pairs)
        setting, made = _setting(program, base, factors, row, f"{name}_{count}")
        covered = _pairs_of(factors, made)
        if setting is None or not covered & open_pairs:
            open_pairs -= {next(pair for pair in sorted(open_pairs, key=_order) if pair in _pairs_of(factors, row))}
            continue
        open_pairs -= covered
        count += 1
        yield setting


def _alone(program: Program, base: Setting, factor: Factor) -> Iterator[Setting]:
    for index in range(1, len(factor.levels)):
        setting, _ = _setting(program, base, [factor], {factor.name: index}, f"together_{index - 1}")
        if setting is not None:
            yield setting


def _order(pair: tuple[Level, Level]) -> tuple[int, str, int, str]:
    first, second = pair
    return first.index + second.index, first.name, first.index, second.name


def _pairs_of(factors: Sequence[Factor], row: Mapping[str, int]) -> set[tuple[Level, Level]]:
    levels = [Level(factor.name, row[factor.name]) for factor in factors]
    return set(combinations(levels, 2))


def _row(factors: Sequence[Factor], open_pairs: set[tuple[Level, Level]]) -> dict[str, int]:
    """A level for each factor: those of the first pair that is open, then those that meet most of the others."""
    first = min(open_pairs, key=_order)
    row = {level.name: level.index for level in first}
    for factor in factors:
        if factor.name not in row:
            gains = [_gain(Level(factor.name, index), row, open_pairs) for index in range(len(factor.levels))]
            row[factor.name] = gains.index(max(gains))
    return row


def _gain(level: Level, row: Mapping[str, int], open_pairs: set[tuple[Level, Level]]) -> int:
    others = [Level(name, index) for name, index in row.items()]
    return sum((other, level) in open_pairs or (level, other) in open_pairs for other in others)


def _setting(
    program: Program, base: Setting, factors: Sequence[Factor], row: Mapping[str, int], name: str
) -> tuple[Setting | None, dict[str, int]]:
    """The setting of a row; where constraints refuse it, with one factor or two as in the base."""
    moved = [factor.name for factor in factors if row[factor.name]]
    for kept in ((), *((name,) for name in moved), *combinations(moved, 2)):
        tried = {key: 0 if key in kept else index for key, index in row.items()}
        setting = _of(program, base, factors, tried, name)
        if setting is not None:
            return setting, tried
    return None, dict(row)


def _of(
    program: Program, base: Setting, factors: Sequence[Factor], row: Mapping[str, int], name: str
) -> Setting | None:
    given, absent, runs = dict(base.given), set(base.absent), Standing(base.leading, base.further)
    for factor in factors:
        value = factor.levels[row[factor.name]]
        if factor.name.startswith(PRESENCE):
            items = set(spread([factor.name.removeprefix(PRESENCE)], program.tuples))
            absent = absent - items if value else absent | items
        elif factor.name == "...":
            runs = value
        elif row[factor.name]:
            given[factor.name] = value
    try:
        setting = setting_with(program, name, given, case_sizes(program, base), frozenset(absent))
    except EvaluationFault:
        return None
    setting = setting and replace(setting, leading=runs.leading, further=runs.further)
    return setting if setting and allowed(program, setting) else None


def _factors(program: Program, base: Setting) -> Iterator[Factor]:
    for name, argument in program.decided.items():
        levels = list(_levels(argument, base.values[name]))
        if len(levels) > 1:
            yield Factor(name, tuple(levels))
    for name in wholes(name for name, tensor in program.inputs.items() if tensor.optional):
        left_out = not base.absent.isdisjoint(spread([name], program.tuples))
        yield Factor(f"{PRESENCE}{name}", (not left_out, left_out))
    if base.leading or base.further:
        few = (_shortened(base, count) for count in (0, 1))
        yield Factor("...", (Standing(base.leading, base.further), *few))


def _shortened(base: Setting, count: int) -> Standing:
    """The first few dimensions of each run."""
    return Standing(base.leading[:count], {name: own[:count] for name, own in base.further.items()})


def _levels(argument: Argument, current: Any) -> Iterator[Any]:
    """What to try for an argument: as in the base, its other values, its inclusive bounds, and unequal entries."""
    most = REQUIRED if argument.required and argument.type == ArgumentType(Base.INT) else LEVELS
    seen = [current]
    yield current
    for value in _tried(argument, current):
        if value is not None and refusal("", argument, value):
            continue
        normal = None if value is None else normalize(argument, value)
        if not any(normal == other and type(normal) is type(other) for other in seen) and len(seen) < most:
            seen.append(normal)
            yield value


def _tried(argument: Argument, current: Any) -> Iterator[Any]:
    if argument.optional:
        yield None
    yield from argument.choices or ()
    if argument.finite and argument.choices is not None:
        return
    if argument.type.base is Base.BOOL:
        yield not current
    elif argument.type.numeric:
        bounds = (argument.min, argument.max)
        near = [bound for bound in bounds if bound is not None and abs(bound) <= BOUND]
        yield from _fractions(argument, near) if argument.type.fractional else _whole_numbers(argument, near)


def _fractions(argument: Argument, near: Sequence[float]) -> Iterator[Any]:
    if argument.type.listed:
        gaps: Sequence[Sequence[float | None]] = ((None, 0.5), (2.0, None)) if argument.optional_entries else ()
        yield from (cycled(entries, argument.type.count or 2) for entries in (*gaps, *UNEQUAL_FLOATS))
        yield from near
    else:
        yield from near
        yield from FLOATS


def _whole_numbers(argument: Argument, near: Sequence[float]) -> Iterator[Any]:
    match argument.type.count:
        case None:
            yield from (ODD, *near, *OTHERS) if argument.required else (*OTHERS[:2], *near, *OTHERS[2:])
        case argument_types.ANY:
            yield from ([None, 3], [2, None]) if argument.optional_entries else ()
            yield from ([3, 2], [4])
        case count:
            yield from (cycled(entries, count) for entries in ((None, 3), (2, None)) if argument.optional_entries)
            yield from (cycled(entries, count) for entries in UNEQUAL)
            yield from near


def divides(program: Program) -> bool:
    """Whether some output has a size that is rounded, so that it matters what a division leaves."""
    entries = [entry for output in program.outputs.values() for entry in output.entries]
    return any(
        isinstance(node, ex.Binary) and node.operator in ("//", "%") for entry in entries for node in ex.walk(entry)
    )
