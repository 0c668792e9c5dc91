"""Finds inputs and settings that take a layer to the edge of an op's domain, and runs it there.

What is degenerate, as inputs of zeros, is tried where arguments have ordinary values. Where an argument lies at its
bound, or a size is 1, inputs are ordinary: who asks for `eps=0` wants no protection from zeros, but does want a result.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from layergen.domains.draws import ORDINARY, SINGULAR, SURE, Draw, draws, fill
from layergen.domains.fractions import at_fractions, is_number
from layergen.domains.limits import behind, exponent_of, number_at, with_arguments
from layergen.domains.recorded import Breakdown, breakdown
from layergen.domains.site import Edge, Suspect
from layergen.domains.trips import Trip, instance_at, trips
from layergen.domains.twin import match_fails_too
from layergen.faults import SpecError
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

ORDINARY_FLOATS = (1.0, 2.0)  # for arguments without a default, of which the first choice may be a special case
INFINITE = SINGULAR | {Edge.IGNORED, Edge.SPREAD}  # at these edges infinity is no more meant than NaN is


@dataclass(frozen=True)
class Witness:
    """A run at the edge of an op's domain in which the layer failed."""

    suspect: Suspect
    trip: Trip
    draw: Draw
    breakdown: Breakdown | None  # None: torch refused the op
    refusal: str = ""  # in what words

    @property
    def setting(self) -> Setting:
        return self.trip.setting

    @property
    def unit(self) -> str | None:
        """The dimension that was 1, if it was one."""
        name = self.trip.words.removesuffix(" is 1")
        return name if name != self.trip.words and name in self.setting.sizes else None

    @property
    def where(self) -> str:
        """Which inputs and settings these are, as the end of "where …"."""
        if not self.trip.words:
            return self.draw.words
        return self.trip.words if self.draw is ORDINARY else f"{self.trip.words} and {self.draw.words}"


def witnesses(program: Program, ways: Sequence[Setting], suspects: Sequence[Suspect]) -> Iterator[Witness]:
    """Yield a failing run for each suspect that some run takes to its edge.

    Args:
        program: A layer that works at its settings.
        ways: Settings of ordinary arguments, one for each way through the forward.
        suspects: What may reach an edge at any setting.
    """
    return witnesses_on(program, trips(program, ways, suspects), suspects)


def witnesses_on(program: Program, tried: Iterable[Trip], suspects: Sequence[Suspect]) -> Iterator[Witness]:
    """Yield a failing run for each suspect that one of some trips takes to its edge."""
    open_ones = {suspect.node.span for suspect in suspects}
    with torch.random.fork_rng(devices=[]):
        for trip in tried:
            if any(suspect.node.span in open_ones for suspect in trip.suspects):
                for found in _failing(program, trip):
                    if found.suspect.node.span in open_ones and _confirmed(program, found):
                        open_ones.discard(found.suspect.node.span)
                        yield found


def steep(program: Program, setting: Setting, suspects: Sequence[Suspect]) -> Iterator[Witness]:
    """Yield runs at exponents between 0 and 1 in which a power of 0 has no finite gradient, at inputs beside the usual.

    Args:
        program: A layer without a fault.
        setting: One of ordinary arguments, which are moved to such an exponent one after the other.
        suspects: The powers of what may be 0.
    """
    with torch.random.fork_rng(devices=[]):
        powers = [suspect.node for suspect in suspects]
        for name, changed in (*_roots(program, setting, suspects), *at_fractions(program, setting, powers)):
            for training in program.modes:
                trip = Trip(changed, True, tuple(suspects), training, f"`{name}` is {changed.values[name]:g}", name)
                found = (run_once(program, trip, draw) for draw in SURE)
                yield from (one for one in found if one and one.breakdown and one.breakdown.gradient)


def _roots(program: Program, setting: Setting, suspects: Sequence[Suspect]) -> Iterator[tuple[str, Setting]]:
    """The arguments by which an exponent is between 0 and 1 as it is, and the setting."""
    exponents = [exponent for suspect in suspects if (exponent := exponent_of(suspect.node))]
    for exponent in exponents:
        if 0 < (number_at(exponent, setting) or 0) < 1:
            yield from ((name, setting) for name in sorted(behind(program, exponent)))


def fails_at(program: Program, witness: Witness, setting: Setting) -> bool:
    """Whether a layer that failed at one setting fails at another one as well."""
    with torch.random.fork_rng(devices=[]):
        trip = replace(witness.trip, setting=setting, suspects=(witness.suspect,))
        return run_once(program, trip, witness.draw) is not None


def _failing(program: Program, trip: Trip) -> Iterator[Witness]:
    """Yield the draws of a trip at which a suspect fails."""
    edges = frozenset(suspect.edge for suspect in trip.suspects)
    instance = instance_at(program, trip.setting)
    if instance is None:
        return
    tried = tuple(draws(instance, edges)) if trip.degenerate else (ORDINARY,)
    for draw in tried:
        found = run_once(program, trip, draw)
        if found is not None:
            yield found


def run_once(program: Program, trip: Trip, draw: Draw) -> Witness | None:
    """Run the layer once, and say where it fails, if that is at a suspect."""
    instance = instance_at(program, trip.setting)
    if instance is None:
        return None
    try:
        prepare(instance, draw)
    except (SpecError, RuntimeError, ArithmeticError):
        return None  # a range that is empty here, or none to draw from
    if not trip.training:
        _advance(instance)
    try:
        found = breakdown(instance, trip.training)
    except TrialFault as fault:
        refused = [part for part in trip.suspects if part.node.span == fault.finding.place.span]
        ordinary = draw is ORDINARY and trip.degenerate  # what these show, or sizes that do not fit, is said elsewhere
        limited = trip.settled is not None and bool(refused) and refused[0].edge in SINGULAR
        if ordinary or not refused or not (limited or refused[0].edge is Edge.INDEX):
            return None
        if limited and match_fails_too(instance, trip.training):
            return None
        return Witness(refused[0], trip, draw, None, fault.finding.message)
    suspect = None if found is None else _at_fault(trip.suspects, found)
    if suspect is None:
        return None
    if match_fails_too(instance, trip.training):
        return None
    return Witness(suspect, trip, draw, found)


def _at_fault(suspects: Sequence[Suspect], found: Breakdown) -> Suspect | None:
    """The suspect that broke down, if one did."""
    for node in found.nodes:
        for suspect in suspects:
            if suspect.node.span == node.span and (found.nan or suspect.edge in INFINITE):
                return suspect
    carriers = {node.span for node in found.carriers}
    overflowing = (part for part in suspects if part.edge is Edge.OVERFLOW and part.node.span in carriers)
    return next(overflowing, None)


def prepare(instance: Instance, draw: Draw) -> None:
    """Give all tensors their values, the same each time."""
    torch.default_generator.manual_seed(0)
    with torch.no_grad():
        fill(instance)
        draw.change(instance)


def _advance(instance: Instance) -> None:
    """Let the buffers be what one step of training makes of them: evaluation comes after it."""
    try:
        instance.keep(instance.run(training=True))
    except TrialFault:
        return


def _confirmed(program: Program, witness: Witness) -> bool:
    """Whether the layer fails as well where arguments without a default have other ordinary values."""
    required = [name for name, part in program.decided.items() if part.required and is_number(part)]
    for number in ORDINARY_FLOATS if required and witness.breakdown else ():
        given = {name: number for name in required if name != witness.trip.settled}
        changed = with_arguments(program, witness.setting, given)
        if changed is None or not given:
            continue
        trip = replace(witness.trip, setting=changed, degenerate=False, suspects=(witness.suspect,))
        if run_once(program, trip, witness.draw) is None:
            return False
    return True
