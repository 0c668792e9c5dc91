"""Finds inputs and settings that take a layer to the edge of an op's domain, and runs it there.

What is degenerate, as inputs of zeros, is tried where arguments have ordinary values. Where an argument lies at its
bound, or a size is 1, inputs are ordinary: who asks for `eps=0` wants no protection from zeros, but does want a result.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from layergen.domains.draws import CPU, ORDINARY, SINGULAR, Draw, draws, fill
from layergen.domains.labels import EDGES as LABELS
from layergen.domains.labels import compared_arguments
from layergen.domains.recorded import Breakdown, breakdown
from layergen.domains.site import Edge, Suspect
from layergen.domains.study import suspects_at
from layergen.domains.twin import match_fails_too
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting
from layergen.settings.search import consistent, values_of
from layergen.words import listed

ORDINARY_FLOATS = (1.0, 2.0)  # for arguments without a default, of which the first choice may be a special case
ROOT = 0.5
INFINITE = SINGULAR | {Edge.IGNORED, Edge.SPREAD}  # at these edges infinity is no more meant than NaN is


@dataclass(frozen=True)
class Witness:
    """A run at the edge of an op's domain in which the layer failed."""

    suspect: Suspect
    setting: Setting
    draw: Draw
    training: bool
    breakdown: Breakdown | None  # None: torch refused the op
    bound: str | None = None  # the argument that was at its bound
    words: str = ""  # what is special about the setting, as the end of "where …"

    @property
    def unit(self) -> str | None:
        """The dimension that was 1, if it was one."""
        name = self.words.removesuffix(" is 1")
        return name if name != self.words and name in self.setting.sizes else None

    @property
    def where(self) -> str:
        """Which inputs and settings these are, as the end of "where …"."""
        if not self.words:
            return self.draw.words
        return self.words if self.draw is ORDINARY else f"{self.words} and {self.draw.words}"


@dataclass(frozen=True)
class Trip:
    """A setting to try, and how."""

    setting: Setting
    degenerate: bool  # whether inputs may be, too
    suspects: tuple[Suspect, ...]
    training: bool
    bound: str | None = None
    words: str = ""


def witnesses(program: Program, ways: Sequence[Setting], suspects: Sequence[Suspect]) -> Iterator[Witness]:
    """Yield a failing run for each suspect that some run takes to its edge.

    Args:
        program: A layer that works at its settings.
        ways: Settings of ordinary arguments, one for each way through the forward.
        suspects: What may reach an edge at any setting.
    """
    open_ones = {suspect.node.span for suspect in suspects}
    with torch.random.fork_rng(devices=[]):
        for trip in _trips(program, ways, suspects):
            if any(suspect.node.span in open_ones for suspect in trip.suspects):
                for found in _failing(program, trip):
                    if found.suspect.node.span in open_ones and _confirmed(program, found):
                        open_ones.discard(found.suspect.node.span)
                        yield found


def _trips(program: Program, ways: Sequence[Setting], suspects: Sequence[Suspect]) -> Iterator[Trip]:
    suspects = tuple(suspects)
    edges = {suspect.edge for suspect in suspects}
    for setting in ways:
        for training in program.modes:
            yield Trip(setting, True, suspects_at(program, setting, training), training)
    for setting in ways[:1]:
        for training in program.modes:
            for name, changed in _with_roots(program, setting, suspects):
                yield Trip(changed, True, suspects, training, words=f"`{name}` is {changed.values[name]:g}")
            for name, changed in _with_labels(program, setting) if edges & LABELS else ():
                yield Trip(changed, True, suspects, training, words=f"`{name}` is {changed.values[name]}")
            if edges & SINGULAR:
                for name, changed in _at_bounds(program, setting):
                    words = f"`{name}` is {changed.values[name]:g}"
                    yield Trip(changed, False, suspects, training, name, words)
            if edges & {Edge.SPREAD, Edge.DIVISION, Edge.IGNORED, Edge.EMPTY}:
                for names, changed in _with_units(program, setting):
                    words = f"{listed(names)} {'is' if len(names) == 1 else 'are'} 1"
                    yield Trip(changed, False, suspects, training, words=words)
            if Edge.INDEX in edges:
                for words, changed in _uneven(program, setting):
                    yield Trip(changed, False, suspects, training, words=words)


def _with_roots(program: Program, setting: Setting, suspects: Sequence[Suspect]) -> Iterator[tuple[str, Setting]]:
    """The setting with one exponent after the other between 0 and 1: such a power has no finite slope at 0."""
    powers = [suspect.node for suspect in suspects if suspect.edge is Edge.POWER]
    exponents = [node.right for node in powers if isinstance(node, ex.Binary)]
    exponents += [part for node in powers if isinstance(node, ex.Call) for part in node.arguments[1:]]
    named = {name for exponent in exponents for name in ex.names(exponent)}
    for name, argument in program.arguments.items():
        if name in named and _is_number(argument) and setting.values[name] not in (None, ROOT):
            changed = None if refusal(name, argument, ROOT) else _given(program, setting, {name: ROOT})
            if changed is not None:
                yield name, changed


def _with_labels(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with one argument after the other that labels are compared with as a label that there may be."""
    instance = _instance(program, setting)
    for name, label in compared_arguments(program, instance) if instance is not None else ():
        changed = _given(program, setting, {name: label})
        if changed is not None:
            yield name, changed


def _is_number(argument: Argument) -> bool:
    """Whether the values of an argument are single numbers that may be fractions."""
    return argument.type.fractional and not argument.type.listed and not argument.type.worded


def _at_bounds(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with one floating argument after the other at a bound that it may have."""
    for name, argument in program.decided.items():
        if not argument.type.fractional or not isinstance(setting.values[name], int | float):
            continue
        for end, bound in (("min", argument.min), ("max", argument.max)):
            if bound is not None and not argument.excludes(end) and setting.values[name] != bound:  # type: ignore[arg-type]
                changed = _given(program, setting, {name: float(bound)})
                if changed is not None:
                    yield name, changed


def _given(program: Program, setting: Setting, given: Mapping[str, Any]) -> Setting | None:
    """The setting with some arguments changed, if bounds and constraints allow it."""
    changed = {**setting.given, **given}
    if not consistent(program, changed, set()):
        return None
    return _allowed(program, replace(setting, given=changed, values=values_of(program, changed)))


def _allowed(program: Program, setting: Setting) -> Setting | None:
    """The setting, unless its sizes break a constraint."""
    for constraint in program.constraints:
        try:
            if not Interpreter(setting.names).truth(constraint):
                return None
        except EvaluationFault:
            continue  # it asks for a size that is not there
    return setting


def _with_units(program: Program, setting: Setting) -> Iterator[tuple[tuple[str, ...], Setting]]:
    """The setting with one dimension after the other at 1, and with all of them."""
    every = tuple(setting.sizes)
    for names in (*((name,) for name in every), *((every,) if len(every) > 1 else ())):
        changed = _allowed(program, replace(setting, sizes={**setting.sizes, **dict.fromkeys(names, 1)}))
        if changed is not None:
            yield names, changed


def _uneven(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with sizes of several entries that differ."""
    counts = {name: argument.type.count or 0 for name, argument in program.decided.items() if argument.type.integral}
    several = [name for name, count in counts.items() if count > 1 and isinstance(setting.values[name], tuple)]
    for entries in (itertools.cycle((2, 3, 4)), itertools.cycle((4, 3, 2))):
        given = {name: list(itertools.islice(entries, counts[name])) for name in several}
        changed = _given(program, setting, given) if given else None
        if changed is not None:
            yield listed([f"`{name}` is {changed.values[name]}" for name in several]), changed


def _failing(program: Program, trip: Trip) -> Iterator[Witness]:
    """Yield the draws of a trip at which a suspect fails."""
    edges = frozenset(suspect.edge for suspect in trip.suspects)
    instance = _instance(program, trip.setting)
    if instance is None:
        return
    tried = tuple(draws(instance, edges)) if trip.degenerate else (ORDINARY,)
    for draw in tried:
        found = _run(program, trip, draw)
        if found is not None:
            yield found


def _instance(program: Program, setting: Setting) -> Instance | None:
    try:
        return Instance(program, setting, Placement(CPU, gradients=True))
    except SpecError:
        return None


def _run(program: Program, trip: Trip, draw: Draw) -> Witness | None:
    """Run the layer once, and say where it fails, if that is at a suspect."""
    instance = _instance(program, trip.setting)
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
        if ordinary or not refused or refused[0].edge is not Edge.INDEX:
            return None
        return Witness(refused[0], trip.setting, draw, trip.training, None, trip.bound, trip.words)
    suspect = None if found is None else _at_fault(trip.suspects, found)
    if suspect is None:
        return None
    if match_fails_too(instance, trip.training):
        return None
    return Witness(suspect, trip.setting, draw, trip.training, found, trip.bound, trip.words)


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
        run = instance.run(training=True)
    except TrialFault:
        return
    with torch.no_grad():
        for step in run.steps:
            buffer = instance.state.get(step.name)
            if step.name in instance.program.buffers and buffer is not None and isinstance(step.value, Tensor):
                buffer.copy_(step.value)


def _confirmed(program: Program, witness: Witness) -> bool:
    """Whether the layer fails as well where arguments without a default have other ordinary values."""
    required = [name for name, part in program.decided.items() if part.required and _is_number(part)]
    for number in ORDINARY_FLOATS if required and witness.breakdown else ():
        given = {name: number for name in required if name != witness.bound}
        changed = _given(program, witness.setting, given)
        if changed is None or not given:
            continue
        trip = Trip(changed, False, (witness.suspect,), witness.training, witness.bound, witness.words)
        if _run(program, trip, witness.draw) is None:
            return False
    return True
