"""Settings at which flags and choices meet that no other setting has together: those on which conditions depend."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with
from layergen.settings.telling import IN_NUMBERS

MOST = 24  # ways that some flags may have together; of more, none is made


class _Level(NamedTuple):
    """What an argument is on some way: its value, where that decides the way, or else that there are numbers."""

    told: str
    given: Any


def crossed(program: Program, ways: Sequence[Setting], flags: Sequence[str]) -> Iterator[Setting]:
    """Settings that differ from all ways in what some arguments are together, as far as constraints allow.

    Args:
        program: The layer.
        ways: The ways on which it is tried, the first of which others are made from before later ones.
        flags: What tells ways apart: ``padding='same'``, ``numbers for padding``.
    """
    names = [name for name in program.decided if name in {_name(flag) for flag in flags}]
    taken = [{name: _level(name, way) for name in names} for way in ways]
    levels = [list({row[name].told: row[name] for row in reversed(taken)}.values()) for name in names]
    if len(names) < 2 or prod(map(len, levels)) > MOST:
        return
    known = [tuple(row[name].told for name in names) for row in taken]
    for row in product(*levels):
        told = tuple(level.told for level in row)
        if told in known:
            continue
        # What is 0 or 1 there is a number for torch, and so shows nothing of larger ones.
        like = max(range(len(ways)), key=lambda index: (_alike(known[index], told), -_units(ways[index]), -index))
        given = dict(ways[like].given)
        for name, level, own in zip(names, row, known[like], strict=True):
            if level.told != own:
                given[name] = level.given
        setting = _made(program, ways[like], given, "_".join(told))
        if setting is not None:
            yield setting


def _name(flag: str) -> str:
    """The argument that a flag is about."""
    return flag.removeprefix(IN_NUMBERS).partition("=")[0]


def _level(name: str, way: Setting) -> _Level:
    value = way.values[name]
    deciding = isinstance(value, bool | str) or value is None
    return _Level(f"{name}={value}" if deciding else name, value)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(first == second for first, second in zip(one, other, strict=True))


def _units(way: Setting) -> int:
    """How many of the numbers of a setting are 0 or 1."""
    parts = [part for value in way.values.values() for part in (value if isinstance(value, tuple) else (value,))]
    return sum(type(part) is int and part <= 1 for part in parts)


def _made(program: Program, like: Setting, given: dict[str, Any], name: str) -> Setting | None:
    """A setting with the inputs of another one."""
    try:
        setting = setting_with(program, name, given, case_sizes(program, like), like.absent)
    except EvaluationFault:
        return None
    return setting if setting is not None and allowed(program, setting) else None
