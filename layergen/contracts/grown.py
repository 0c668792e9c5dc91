"""Runs of a layer at other numbers than those that it is tried at, where it takes them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Argument
from layergen.probe.probing import Probe, Way
from layergen.probe.sites import ON_DATA
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed
from layergen.settings.search import consistent, values_of

GROWTH = range(1, 13)  # by what sizes grow, so that windows with a stride come to cover the last entry
SMALL = (0, 1, 2)


def grown(ways: Sequence[Way], growths: Iterable[int] = GROWTH) -> Iterator[Way]:
    """Further runs at larger sizes, and with larger arguments where the constraints allow it."""
    for way in ways:
        setting, program = way.probe.setting, way.probe.program
        for growth in growths:
            sizes = {name: size + growth for name, size in setting.sizes.items()}
            leading = tuple(size + 1 for size in setting.leading)
            ints = [name for name, part in program.decided.items() if is_size(part)]
            grown = {name: setting.values[name] + growth for name in ints if setting.values[name] is not None}
            further = {name: tuple(size + 1 for size in own) for name, own in setting.further.items()}
            larger = replace(setting, sizes=sizes, leading=leading, further=further)
            for candidate in (larger, _with(way, larger, grown)):
                yield from run_at(program, candidate, way.training)


def with_small(ways: Sequence[Way], arguments: Mapping[str, Argument]) -> Iterator[tuple[Way, str, int]]:
    """Further runs with one int after the other at small values, all else as it is; each with that int."""
    for way in ways:
        setting, program = way.probe.setting, way.probe.program
        for name, argument in arguments.items():
            for number in SMALL if is_size(argument) and setting.values[name] is not None else ():
                other = _with(way, setting, {name: number}) if _is_within(argument, number) else None
                kept = other if other is not None and allowed(program, other) else None
                yield from ((found, name, number) for found in run_at(program, kept, way.training))


def _is_within(argument: Argument, number: int) -> bool:
    """Whether the bounds of an int allow a number."""
    low = argument.min is None or number > argument.min or (number == argument.min and not argument.excludes("min"))
    return low and (argument.max is None or number < argument.max)


def run_at(program: Program, setting: Setting | None, training: bool) -> Iterator[Way]:
    """A layer at another setting, where it runs there."""
    if setting is not None:
        with suppress(TrialFault, EvaluationFault):
            if Runs(program, setting, (ON_DATA,)).admits(ON_DATA.site):
                yield Way(Probe(program, setting), training)


def is_size(argument: Argument) -> bool:
    return argument.type == ArgumentType(Base.INT) and argument.choices is None


def _with(way: Way, setting: Setting, changed: dict[str, int]) -> Setting | None:
    program, given = way.probe.program, {**setting.given, **changed}
    if not changed or not consistent(program, given, set()):
        return None
    return replace(setting, given=given, values=values_of(program, given))
