"""Constant: each output changes with something: an input, what the layer owns, a random number, or a setting.

One that changes at larger sizes alone than those that are tried is no constant. But no test would show anything of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor

from layergen.contracts.grown import grown
from layergen.contracts.promise import Promise
from layergen.contracts.sources import sources
from layergen.diagnostics import Finding, Label, Place
from layergen.domains.joined import joined_limits
from layergen.faults import SpecError
from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.tuples import whole_name, wholes
from layergen.probe.probing import FAR, FLOOR, LARGE, NEAR, Probe, Tensors, Way, differs, probed
from layergen.probe.sites import ON_DATA, SMALL
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.meaning import ConstantOutput
from layergen.rules.values import LossOfPrecision
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.on_data import fits
from layergen.settings.beside import beside
from layergen.settings.written import case_of
from layergen.words import listed

# Of inputs: what bool ones are, None being either at random; whether floating ones are positive; and how large.
DRAWS = ((None, False, 1.0), (True, True, 1.0), (False, False, LARGE), (None, False, FAR), (None, False, NEAR))
LOST = 0.2  # of the entries of inputs that are infinite, and that are no numbers, in a last draw
MOVES = ((1.0, True), (3.0, False))  # how large parameters are, and whether buffers are others, too


@dataclass
class Same:
    """What was seen of an output that has been the same in each run of each setting so far."""

    place: Place | None = None  # where it is computed
    notes: tuple[str, ...] = ()
    numbers: list[str | None] = field(default_factory=list)  # what all of its entries are, setting by setting

    @property
    def number(self) -> str | None:
        """The one number that it is everywhere."""
        first = self.numbers[0] if self.numbers else None
        return first if first is not None and all(number == first for number in self.numbers) else None


def check_constant(ways: Ways) -> Iterator[Finding]:
    """Yield the outputs that nothing changes at the settings that are tried, or at any.

    Those that no setting changes are computed of values, or are one number everywhere.
    """
    program = ways.program
    found = {name: Same() for name in program.outputs}
    explored = list(probed(ways))
    _look(chain(explored, _further(ways)), found)
    still = dict(found)
    _look(grown(explored), found)
    untested = {name: same for name, same in still.items() if name not in found and same.numbers}
    if untested:
        _look(_of_tests(ways), untested)
    yield from (_untested(name, same, explored) for name, same in untested.items())
    if program.matches or program.formula:  # which say what they are
        return
    for name, same in found.items():
        known = sources(program.forward.statements, whole_name(name))
        values = [source for source in wholes((*program.inputs, *program.parameters)) if source in known]
        if same.numbers and (values or (same.number is not None and not known & _decisive(program))):
            yield _finding(name, same, values)


def _look(ways: Iterable[Way], found: dict[str, Same]) -> None:
    """Look for a change of outputs that had none so far; those that change are taken out."""
    for way in ways:
        if not found:
            return
        for name in _changing(way, found):
            found.pop(name, None)


CONSTANT = Promise(check_constant, (ON_DATA, SMALL))


def _further(ways: Ways) -> Iterator[Way]:
    """The layer at all of its settings, also those that take no other way: a factor may be 0 by default."""
    if not all(seen.evidence for seen in ways.seen(SMALL)):
        return
    for setting in ways.settings[len(ways.runs) :]:
        with suppress(TrialFault, EvaluationFault):
            probe = Probe(ways.program, setting)
            yield from (Way(probe, training) for training in ways.program.modes)


def _of_tests(ways: Ways) -> Iterator[Way]:
    """The layer at the settings at which tests run it beside those that are tried, so far as it works there."""
    program = ways.program
    further = tuple(beside(program, ways.settings))
    for setting in (*further, *joined_limits(program, (*ways.settings, *further))):
        with suppress(SpecError, EvaluationFault):
            if fits(Instance(program, setting)):
                probe = Probe(program, setting)
                yield from (Way(probe, training) for training in program.modes)


def _decisive(program: Program) -> frozenset[str]:
    """The names of numbers and texts of which other values need not have been tried."""
    told = {name for name, part in program.decided.items() if part.type != ArgumentType(Base.INT)}
    return frozenset(told.union(program.derived))


def _changing(way: Way, found: Mapping[str, Same]) -> set[str]:
    """Those of some outputs that differ between runs at a setting; what was seen of the others is added to it."""
    probe = way.probe
    first = probe.run(way.training, probe.drawn())
    if first is None:
        return set()
    there = {name: value.clone() for name, value in first.outputs.items() if name in found}  # of what will change
    usual = {name: value for name, value in there.items() if bool(value.isfinite().any())}
    changing: set[str] = set()
    floor = 0.0 if LossOfPrecision.name in probe.program.accept else FLOOR  # what rounding leaves may be meant
    told = False
    for outputs in _others(way):
        told = True
        changing |= {name for name, value in usual.items() if _differs(value, outputs[name], floor)}
        if changing >= usual.keys():
            return changing
    for name, value in usual.items() if told else ():
        same, entry = found[name], value.flatten()[0]
        if not same.numbers:
            same.place, same.notes = first.place(name), probe.instance.explainer.notes()
        same.numbers.append(None if differs(entry.expand(value.shape), value) else _shown(entry))
    return changing


def _shown(entry: Tensor) -> str:
    """A number without what rounding leaves."""
    value = entry.item()
    if isinstance(value, complex):
        return f"{value:.6g}"
    return f"{round(value, 6) + 0.0:g}" if isinstance(value, float) else str(value)  # 0 for -0


def _differs(usual: Tensor, now: Tensor, floor: float) -> bool:
    """Whether an output has become another one, where it is still a number, by more than a least difference."""
    same = usual.shape == now.shape
    return differs(usual, torch.where(now.isfinite(), now, usual) if same else now, floor=floor)


def _others(way: Way) -> Iterator[Tensors]:
    """What comes of other inputs, other random numbers and other tensors of the layer's own."""
    probe, kept, seed = way.probe, way.probe.state, way.probe.seed
    try:
        for number, (masks, positive, scale) in enumerate(DRAWS):
            probe.seed, probe.state = seed + number + 1, _moved(probe, kept, *MOVES[number % len(MOVES)])
            yield from _given(way, probe.drawn(masks, positive, scale))
        yield from _given(way, {name: torch.zeros_like(value) for name, value in _free(probe).items()})
        yield from _given(way, {name: _lost(probe, value) for name, value in _free(probe).items()})
    finally:
        probe.seed, probe.state = seed, kept


def _given(way: Way, inputs: Tensors) -> Iterator[Tensors]:
    outputs = way.probe.outputs(way.training, {**way.probe.drawn(), **inputs})
    if outputs is not None:
        yield outputs


def _free(probe: Probe) -> dict[str, Tensor]:
    """The floating inputs that may be any number."""
    return {
        name: value for name, value in probe.drawn().items() if value.is_floating_point() and name not in probe.ranges
    }


def _lost(probe: Probe, value: Tensor) -> Tensor:
    kinds = torch.rand(value.shape, generator=probe.generator)
    return value.masked_fill(kinds < LOST, torch.inf).masked_fill(kinds > 1 - LOST, torch.nan)


def _moved(probe: Probe, state: Tensors, scale: float, buffers: bool) -> dict[str, Tensor]:
    """Other values of what a layer owns: parameters of both signs; and if asked for, buffers as they may become."""
    instance, moved = probe.instance, dict(state)
    for name, value in state.items():
        inner = instance.inner.get(name)
        share = torch.rand(value.shape, generator=probe.generator, dtype=torch.float64)
        if inner.parameter if inner else name in instance.program.parameters:
            noise = torch.randn(value.shape, generator=probe.generator, dtype=torch.float64)
            moved[name] = (scale * noise).to(value.dtype)
        elif buffers and (value.is_floating_point() or value.is_complex()):
            moved[name] = torch.where(value == 0, share, value * (0.5 + share)).to(value.dtype)
        elif buffers and name in instance.program.forward.assigned:  # a count, or a flag
            moved[name] = ~value if value.dtype is torch.bool else value + 1
    return moved


def _told(name: str, same: Same) -> str:
    return f"`{name}` is {same.number}" if same.number is not None else f"`{name}` is the same"


def _finding(name: str, same: Same, values: list[str]) -> Finding:
    message = f"{_told(name, same)} in each run, whatever the inputs and the layer's own tensors are"
    labels = [Label(same.place, "computed here")] if same.place else []
    help = "compute it from what it is to tell, or delete it"
    if values:
        shown = listed([f"`{value}`" for value in values])
        brought = "brings" if len(values) == 1 else "bring"
        help = f"find where what {shown} {brought} to it is taken away again, as in the sum of a softmax"
    return ConstantOutput.at(Place(("outputs", name), key=True), message, labels=labels, notes=same.notes, help=help)


def _untested(name: str, same: Same, ways: Sequence[Way]) -> Finding:
    """What is said of an output that changes at larger sizes alone than those of the generated tests."""
    message = f"{_told(name, same)} in each run at the settings that are tried, and so in each test"
    case = _case(name, ways)
    help = "under `cases`, give a setting at which it changes with what it is computed of"
    labels = [Label(same.place, "computed here")] if same.place else []
    return ConstantOutput.at(
        Place(("outputs", name), key=True), message, labels=labels, notes=same.notes,
        help=help if case is None else f"{help}: `{case}`",
    )  # fmt: skip


def _case(name: str, ways: Sequence[Way]) -> str | None:
    """The first of some larger settings at which an output mostly is not what it is elsewhere, as a case."""
    for way in grown(ways):
        given = way.probe.outputs(way.training, way.probe.drawn())
        if given is not None:
            others = [outputs[name] for outputs in _others(way)]
            changed = [other for other in others if _differs(given[name], other, FLOOR)]
            if 2 * len(changed) > len(others):
                return f"- {case_of(way.probe.setting, ways[0].probe.setting)}"
    return None
