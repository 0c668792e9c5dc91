"""The settings that are larger than one, at which what it leaves over may be reached."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed, setting_with, sizable
from layergen.settings.search import consistent, search, values_of

FAR = (64, 256, 1024)  # sizes at which distances come to the last of some buckets
GROWTH = (1, 2, 3, 5, 8, 12)  # by what sizes and arguments grow, so that windows and slices come to cover all


def with_larger_sizes(program: Program, setting: Setting, size: int, along: str | None) -> Iterator[Setting]:
    """The setting with one dimension after the other larger, up to a size and beyond it, and all of them.

    Of a dimension that tells which rows of a table are read, each size is tried, and some far beyond.
    """
    changes: list[Mapping[str, int]] = []
    for name, old in setting.sizes.items():
        further = {*(old + growth for growth in GROWTH), size, (size + 1) // 2}
        further |= {*range(size), *FAR} if name == along else set()
        changes += [{name: new} for new in sorted(further) if new > old]
    changes += [{name: old + growth for name, old in setting.sizes.items()} for growth in GROWTH if setting.sizes]
    for change in changes:
        larger = replace(setting, sizes={**setting.sizes, **change})
        if allowed(program, larger):
            yield larger


def with_larger_arguments(program: Program, setting: Setting, size: int) -> Iterator[Setting]:
    """The setting with one whole number after the other larger, up to a size and beyond it, and all of them.

    Dimensions keep their sizes, unless constraints want others.
    """
    names = _whole(program, setting)
    changes = [{name: new} for name in names for new in _further(setting.values[name], size)]
    if len(names) > 1:
        changes += [{name: _grown(setting.values[name], growth) for name in names} for growth in GROWTH]
    for change in changes:
        given = {**setting.given, **change}
        if not consistent(program, given, set()):
            continue
        larger = replace(setting, given=given, values=values_of(program, given))
        if allowed(program, larger):
            yield larger
        elif other := setting_with(program, setting.name, given, {}, setting.absent):
            yield replace(other, dtypes=setting.dtypes, shrunk=setting.shrunk)


def with_other_values(program: Program, setting: Setting, size: int, every: bool = False) -> Iterator[Setting]:
    """The layer of a setting, called with other whole numbers, and with what sizes and values these want beside them.

    Its parameters are of the same shapes there, for a call does not tell them.

    Args:
        program: The layer.
        setting: What it differs from.
        size: What numbers come to.
        every: Whether each number up to the size is tried.
    """
    kept = {name: value for name, value in setting.given.items() if name not in program.values}
    for name in whole_values(program, setting):
        old = setting.values[name]
        further = {*_further(old, size), *(range(size) if every and isinstance(old, int) else ())} - {old}
        for new in sorted(further):
            for beside in ({**setting.given, name: new}, {**kept, name: new}):
                found = search(program, beside, {}, sizable(program, {}, [setting.absent]))
                other = setting_with(program, setting.name, found, {}, setting.absent) if found else None
                if other is not None:
                    yield replace(other, dtypes=setting.dtypes, shrunk=setting.shrunk)
                    break


def whole_values(program: Program, setting: Setting) -> list[str]:
    """The values of the inputs that are whole numbers at a setting, or lists of them."""
    return [name for name in _whole(program, setting) if name in program.values]


def _whole(program: Program, setting: Setting) -> list[str]:
    """The arguments and values of the inputs that are whole numbers or lists of them, and no choice among a few."""
    whole = [name for name, part in program.decided.items() if part.type.integral and part.choices is None]
    return [name for name in whole if _numbers(setting.values[name])]


def _numbers(value: object) -> bool:
    parts: Iterable[object] = value if isinstance(value, tuple) else (value,)
    return value != () and all(type(part) is int for part in parts)


def _further(value: Any, size: int) -> list[Any]:
    """What else a whole number may be, largest last, or the entries of a list."""
    if isinstance(value, tuple):
        return [_grown(value, growth) for growth in GROWTH]
    return sorted({*(value + growth for growth in GROWTH), size, (size + 1) // 2, 0, 1} - {value})


def _grown(value: Any, growth: int) -> Any:
    return tuple(part + growth for part in value) if isinstance(value, tuple) else value + growth
