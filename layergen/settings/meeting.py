"""Settings at which values of two options meet that do so at none of some others: in few settings, as many as can be.

Options are the arguments with a default, flags and choices, lists of any length, the inputs that may be left out, and
what stands for `...` and the runs beside it. What is one value of them is told coarsely: each flag and choice is one,
so is nothing in the place of an argument or an input, of numbers all but the default are one, of lists all that have
several entries, and of runs all that have as many dimensions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.argument_types import ANY
from layergen.lang.bounds import normalize
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.tuples import spread, wholes
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with
from layergen.settings.search import consistent, values_of

PAIR = "pair_"  # how their names begin
MOST = 5  # settings
FEW = 4  # settings that a pair is sought beside
DEFAULT, OTHER = "default", "other"
NUMBERS = frozenset({DEFAULT, OTHER})
GIVEN, LEFT_OUT = "given", "left out"
ONE, SEVERAL, WITHOUT = "of one entry", "of several entries", "without dimensions"
OFF = frozenset({"None", "False", LEFT_OUT, WITHOUT})  # what may keep others from having an effect
RUN = "sizes of "  # before the name of a run as an option


class Level(NamedTuple):
    """What an option is, so far as values of it are told apart."""

    option: str
    told: str


Pair = frozenset[Level]


def levels(program: Program, setting: Setting) -> dict[str, Level]:
    """What each option is at a setting."""
    found = {
        name: Level(name, _told(argument, setting, name))
        for name, argument in program.decided.items()
        if argument.finite or argument.optional or not argument.required or _is_list(argument)
    }
    for name in _optional_inputs(program):
        left_out = not setting.absent.isdisjoint(spread([name], program.tuples))
        found[_input(name)] = Level(_input(name), LEFT_OUT if left_out else GIVEN)
    for name, sizes in _runs(setting).items():
        found[name] = Level(name, f"{len(sizes)} dimensions" if sizes else WITHOUT)
    return found


def pairs_met(program: Program, setting: Setting) -> set[Pair]:
    """The values that meet at a setting, two by two."""
    return {frozenset(pair) for pair in combinations(levels(program, setting).values(), 2)}


def meeting(program: Program, made: Sequence[Setting]) -> Iterator[Setting]:
    """Settings at which values of options meet that do so at none of those there are, as far as constraints allow.

    Args:
        program: The layer.
        made: The settings that there are, the base first. What an option may be is what it is at one of them.
    """
    made = [replace(setting, path=made[0].path) for setting in made]  # whose sizes are taken
    values = _values(program, made)
    missing = _pairs_of(values) - set[Pair]().union(*(pairs_met(program, setting) for setting in made))
    for count in range(MOST):
        found = [
            setting for pair in sorted(missing, key=sorted) if (setting := _at(program, made, values, pair, missing))
        ]
        if not found:
            return
        best = max(found, key=lambda setting: len(pairs_met(program, setting) & missing))
        missing -= pairs_met(program, best)
        yield replace(best, name=f"{PAIR}{count}")


def is_pair(setting: Setting) -> bool:
    """Whether a setting is there for a pair of values."""
    return setting.name.startswith(PAIR)


def otherwise(program: Program, setting: Setting) -> Iterator[Setting]:
    """The setting of a pair with one flag after the other turned, where nothing can be said of it as it is."""
    for name, argument in program.decided.items() if is_pair(setting) else ():
        value = setting.values[name]
        if isinstance(value, bool) and not argument.required:
            given = {**setting.given, name: not value}
            if consistent(program, given, set()):
                turned = replace(setting, given=given, values=values_of(program, given))
                yield from (each for each in [turned] if allowed(program, each))


def _input(name: str) -> str:
    """The name of an input as an option: an argument may have it, too."""
    return f"input {name}"


def _runs(setting: Setting) -> dict[str, tuple[int, ...]]:
    """What stands for `...` and for the runs beside it, by their names as options."""
    return {f"{RUN}{name}": tuple(sizes) for name, sizes in {"...": setting.leading, **setting.further}.items()}


def _optional_inputs(program: Program) -> tuple[str, ...]:
    return wholes(name for name, part in program.inputs.items() if part.optional)


def _is_list(argument: Argument) -> bool:
    """Whether it is a list of any length that each setting gives."""
    return argument.required and argument.type.listed and argument.type.count == ANY


def _told(argument: Argument, setting: Setting, name: str) -> str:
    value = setting.values[name]
    if _is_list(argument) and isinstance(value, tuple):
        return ONE if len(value) == 1 else SEVERAL
    if isinstance(value, bool | str) or value is None or argument.finite:
        return repr(value)
    default = argument.default
    if name not in setting.given:
        return DEFAULT
    return DEFAULT if isinstance(default, ex.Literal) and value == normalize(argument, default.value) else OTHER


def _values(program: Program, made: Sequence[Setting]) -> dict[Level, Any]:
    """What each option may be, and a value that it is given for that; None where it is not given.

    It is the first one, but that a fraction is taken before a whole number, at which ways may lead to the same.
    """
    found: dict[Level, Any] = {}
    for setting in made:
        for option, level in levels(program, setting).items():
            value = None if level.told == DEFAULT else _value(setting, option)
            if level not in found or (level.told == OTHER and _is_fraction(value) and not _is_fraction(found[level])):
                found[level] = value
    return found


def _value(setting: Setting, option: str) -> Any:
    runs = _runs(setting)
    return runs[option] if option in runs else setting.given.get(option, setting.values.get(option))


def _is_fraction(value: object) -> bool:
    """Whether a number, or one of several, is none of the whole ones."""
    parts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(part, float) and not part.is_integer() for part in parts)


def _pairs_of(values: Mapping[Level, Any]) -> set[Pair]:
    """All pairs but those of numbers of which one is its default: they are moved all together, and none at all."""
    return {
        frozenset((one, other))
        for one, other in combinations(values, 2)
        if one.option != other.option and not (DEFAULT in (one.told, other.told) and {one.told, other.told} <= NUMBERS)
    }


def _at(
    program: Program, made: Sequence[Setting], values: Mapping[Level, Any], pair: Pair, missing: set[Pair]
) -> Setting | None:
    """A setting at which a pair meets, and others that are missing, if constraints allow it."""
    setting = _joining(program, made, values, pair)
    return None if setting is None else _widened(program, setting, values, pair, missing)


def _joining(program: Program, made: Sequence[Setting], values: Mapping[Level, Any], pair: Pair) -> Setting | None:
    """The first setting that may be brought to a pair: the base, or one that has half of it."""
    beside = [setting for setting in made[1:] if pair & {*levels(program, setting).values()}]
    for setting in (made[0], *beside[:FEW]):
        found = _with(program, setting, values, pair)
        if found is not None:
            return found
    return None


def _widened(
    program: Program, setting: Setting, values: Mapping[Level, Any], pair: Pair, missing: set[Pair]
) -> Setting:
    """The setting with other options, too, as they are where more pairs meet, each that may be so beside those before.

    What is off stays with the pair alone: of two flags that are off, one may keep the other from being seen.
    """
    kept = {level.option for level in pair}
    for option, levels_of in _by_option(values).items():
        now = levels(program, setting)
        if option in kept:
            continue
        gains = {level: sum({level, other} in missing for other in now.values()) for level in levels_of}
        best = max(gains, key=lambda level: gains[level])
        if gains[best] > gains[now[option]] and best.told not in OFF:
            setting = _with(program, setting, values, [best]) or setting
    return setting


def _by_option(values: Mapping[Level, Any]) -> dict[str, list[Level]]:
    found: dict[str, list[Level]] = {}
    for level in sorted(values):
        found.setdefault(level.option, []).append(level)
    return found


def _with(
    program: Program, setting: Setting, values: Mapping[Level, Any], wanted: Pair | list[Level]
) -> Setting | None:
    """The setting with some options as is wanted, if bounds and constraints let them all be so."""
    given, absent, runs = dict(setting.given), set(setting.absent), _runs(setting)
    for level in wanted:
        name = level.option.removeprefix(_input(""))
        items = set(spread([name], program.tuples))
        if level.told == LEFT_OUT:
            absent |= items
        elif level.told == GIVEN:
            absent -= items
        elif level.option in runs:
            runs[level.option] = values[level]
        elif level.told == DEFAULT:
            given.pop(level.option, None)
        else:
            given[level.option] = values[level]
    try:
        fixed = case_sizes(program, setting)
        found = setting_with(program, setting.name, given, fixed, frozenset(absent))
    except EvaluationFault:
        return None
    if found is None:
        return None
    further = {name: runs[f"{RUN}{name}"] for name in setting.further}
    found = replace(found, leading=runs[f"{RUN}..."], further=further)
    met = {*levels(program, found).values()}
    return found if allowed(program, found) and {*wanted} <= met else None
