"""Settings at which a layer may reach the edge of an op's domain: ordinary ones, and those at the limits of its own.

Arguments are brought to their bounds, entry by entry where they have several; sizes to 1; and constraints to where they
only just hold.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from layergen.domains.draws import CPU, SINGULAR
from layergen.domains.fractions import at_fractions
from layergen.domains.labels import EDGES as LABELS
from layergen.domains.labels import compared_arguments
from layergen.domains.limits import (
    Limit,
    allowed_sizes,
    at_bounds,
    at_equality,
    at_exponents,
    at_numbers,
    at_zeros,
    beside_equality,
    with_arguments,
)
from layergen.domains.site import Edge, Suspect
from layergen.domains.study import suspects_at
from layergen.faults import SpecError
from layergen.resolve.program import Program
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import fits
from layergen.settings.choice import Setting
from layergen.words import listed


@dataclass(frozen=True)
class Trip:
    """A setting to try, and how."""

    setting: Setting
    degenerate: bool  # whether inputs may be, too
    suspects: tuple[Suspect, ...]
    training: bool
    words: str = ""  # what is special about it, as the end of "where …"
    settled: str | None = None  # the argument or dimension that is at a limit
    help: str | None = None  # what leaves the limit out
    beyond: Setting | None = None  # what that does not leave out, and lies beside it


def trips(program: Program, ways: Sequence[Setting], suspects: Sequence[Suspect]) -> Iterator[Trip]:
    """Yield what is worth a try, for whatever may reach an edge."""
    suspects = tuple(suspects)
    edges = {suspect.edge for suspect in suspects}
    powers = [suspect.node for suspect in suspects if suspect.edge is Edge.POWER]
    for setting in ways:
        for training in program.modes:
            yield Trip(setting, True, suspects_at(program, setting, training), training)
    for setting in ways[:1]:
        for training in program.modes:
            for name, changed in at_fractions(program, setting, powers):
                yield Trip(changed, True, suspects, training, words=f"`{name}` is {changed.values[name]:g}")
            for name, changed in _with_labels(program, setting) if edges & LABELS else ():
                yield Trip(changed, True, suspects, training, words=f"`{name}` is {changed.values[name]}")
            for suspect in suspects:
                for limit in at_exponents(program, setting, suspect.node) if suspect.edge is Edge.POWER else ():
                    yield _to(limit, (suspect,), training, degenerate=True)
            there = tuple(suspect for suspect in suspects if suspect.edge in SINGULAR)
            bounded = tuple(suspect for suspect in suspects if suspect.edge in SINGULAR | {Edge.SPREAD})
            for limit in at_bounds(program, setting) if bounded else ():
                yield _to(limit, bounded, training)
            spreads = tuple(suspect for suspect in suspects if suspect.edge is Edge.SPREAD)
            for words, changed in _at_least(program, setting) if spreads else ():
                yield Trip(changed, False, spreads, training, words=words)
            for limit in (*at_equality(program, setting), *beside_equality(program, setting)):
                yield _to(limit, suspects, training)
            for limit in at_numbers(program, ways, [suspect.node for suspect in there]) if there else ():
                yield _to(limit, there, training)
            for limit in at_zeros(program, setting, [suspect.node for suspect in there]):
                yield _to(limit, there, training)
            if edges & {Edge.SPREAD, Edge.DIVISION, Edge.IGNORED, Edge.EMPTY}:
                for names, changed in _with_units(program, setting):
                    words = f"{listed(names)} {'is' if len(names) == 1 else 'are'} 1"
                    yield Trip(changed, False, suspects, training, words=words)
            if Edge.INDEX in edges:
                for words, changed in _uneven(program, setting):
                    yield Trip(changed, False, suspects, training, words=words)


def _to(limit: Limit, suspects: tuple[Suspect, ...], training: bool, degenerate: bool = False) -> Trip:
    """The trip to a limit."""
    return Trip(limit.setting, degenerate, suspects, training, limit.words, limit.name, limit.help, limit.beyond)


def _with_labels(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with one argument after the other that labels are compared with as a label that there may be."""
    instance = instance_at(program, setting)
    for name, label in compared_arguments(program, instance) if instance is not None else ():
        changed = with_arguments(program, setting, {name: label})
        if changed is not None:
            yield name, changed


def _with_units(program: Program, setting: Setting) -> Iterator[tuple[tuple[str, ...], Setting]]:
    """The setting with one dimension after the other at 1, and with all of them."""
    every = tuple(setting.sizes)
    for names in (*((name,) for name in every), *((every,) if len(every) > 1 else ())):
        changed = allowed_sizes(program, replace(setting, sizes={**setting.sizes, **dict.fromkeys(names, 1)}))
        if changed is not None:
            yield names, changed


def _at_least(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with all whole numbers at their least at once: what is shared out among one is 1 there."""
    least = {
        name: argument.min
        for name, argument in program.decided.items()
        if argument.type.integral
        and not argument.type.listed
        and argument.min is not None
        and not argument.finite
        and name not in program.replaced
        and setting.values[name] is not None
    }
    changed = with_arguments(program, setting, {name: int(bound) for name, bound in least.items()})
    if len(least) > 1 and changed is not None:
        yield listed([f"`{name}` is {bound:g}" for name, bound in least.items()]), changed


def _uneven(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with sizes of several entries that differ."""
    counts = {name: argument.type.count or 0 for name, argument in program.decided.items() if argument.type.integral}
    several = [name for name, count in counts.items() if count > 1 and isinstance(setting.values[name], tuple)]
    for entries in (itertools.cycle((2, 3, 4)), itertools.cycle((4, 3, 2))):
        given = {name: list(itertools.islice(entries, counts[name])) for name in several}
        changed = with_arguments(program, setting, given) if given else None
        if changed is not None:
            yield listed([f"`{name}` is {changed.values[name]}" for name in several]), changed


def instance_at(program: Program, setting: Setting) -> Instance | None:
    """The layer with data at a setting, unless it cannot be set up there or is too large for that."""
    try:
        if not fits(Instance(program, setting)):
            return None
        return Instance(program, setting, Placement(CPU, gradients=True))
    except SpecError:
        return None
