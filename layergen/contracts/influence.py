"""Influence: along each dimension, what lies at the ends of an input has an effect at some setting, size and draw."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import chain, takewhile

import torch
from torch import Tensor

from layergen.contracts.gaps import Gaps, shown
from layergen.contracts.grown import grown, run_at, with_small
from layergen.contracts.promise import Promise
from layergen.contracts.sources import read_for_values
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import Tensor as TensorSpec
from layergen.lang.tuples import whole_name
from layergen.probe.probing import FAR, Probe, Tensors, Way, differs, probed
from layergen.probe.sites import ON_DATA
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.meaning import IgnoredEntries
from layergen.run.forward import Run
from layergen.words import listed

# What bool inputs are, draw by draw, None being either at random; and whether floating ones are positive.
DRAWS = ((True, False), (None, True), (False, False))
ROUNDING = 1e-12  # of the largest number: what is left where an effect cancels out
LAST = re.compile(r"-(\d+):$")  # what is ignored at the end of a dimension
WIDE = 8  # entries that no usual window leaves behind
WIDE_GROWTH = range(13, 129)


class Ignored:
    """What of an input has had no effect, run by run.

    Args:
        fixed: The dimensions whose size is a number in the spec.
        unseen: Whether no output sees the last entry of the last dimension, along which a layer is strictly causal.
    """

    def __init__(self, fixed: frozenset[int], unseen: bool = False) -> None:
        self.fixed = fixed
        self.unseen = unseen
        self.runs: list[list[list[bool]]] = []  # for each run and dimension, whether each slice had none
        self.shapes: set[tuple[int, ...]] = set()
        self.gaps = Gaps()

    def add(self, entries: Tensor) -> None:
        """Add the entries that had no effect in a run."""
        self.shapes.add(tuple(entries.shape))
        self.gaps.add(entries)
        slices = [entries.movedim(axis, 0).reshape(size, -1).all(1).tolist() for axis, size in enumerate(entries.shape)]
        self.runs.append(slices or [[bool(entries)]])

    @property
    def open(self) -> bool:
        """Whether something may be ignored at all settings."""
        return not self.runs or self.index is not None

    @property
    def index(self) -> str | None:
        """What was ignored in all runs, at the ends of a dimension or between others along several."""
        if self.part is not None:
            return self.part
        return None if self.gaps.part is None else shown(self.gaps.part, len(self.runs[0]))

    @property
    def part(self) -> str | None:
        """What was ignored in all runs, as an index; empty for all of the input.

        Windows leave entries between them, and at some sizes behind the last one. So it is only at the ends of a
        dimension that something counts, and where it is there at all sizes. The first index alone counts for nothing:
        the first query of causal attention has but one key to choose from, and labels are read one place later. Nor
        does the last one alone, but of the last dimension: what predicts the next token has nothing to say at the end.
        """
        if all(all(slices[0]) for slices in self.runs):
            return ""
        rank = len(self.runs[0])
        for axis in range(rank):
            found = [slices[axis - rank] for slices in self.runs if rank - axis <= len(slices)]
            features = axis == rank - 1 and not self.unseen
            index = _never(found) if axis in self.fixed else _at_an_end(found, features)
            if index:
                return ", ".join([":"] * axis + [index])
        return None


def _never(found: Sequence[Sequence[bool]]) -> str | None:
    """The first of some indices that were ignored in all runs."""
    return next((str(index) for index, run in enumerate(zip(*found, strict=False)) if all(run)), None)


def _at_an_end(found: Sequence[Sequence[bool]], features: bool) -> str | None:
    """The last indices, or the first ones, if some of them were ignored in all runs."""
    last = min(_leading(reversed(slices)) for slices in found)
    first = min(_leading(slices) for slices in found)
    return f"-{last}:" if last > (0 if features else 1) else f":{first}" if first > 1 else None


def _leading(slices: Iterable[bool]) -> int:
    return sum(1 for _ in takewhile(bool, slices))


def check_influence(ways: Ways) -> Iterator[Finding]:
    """Yield the inputs of which a part never matters."""
    program = ways.program
    if program.matches or program.formula:  # whose values it has, as the tests will tell
        return
    told = {name: part for name, part in program.inputs.items() if not part.partial}
    found = {name: Ignored(_fixed(part), _ends_unseen(program, part)) for name, part in told.items()}
    explored = list(probed(ways))
    first = explored[0].probe if explored else None
    _look(chain(explored, _elsewhere(ways), grown(explored)), found)
    if any(_leaves_much(ignored) for ignored in found.values()):
        _look(grown(explored, WIDE_GROWTH), found)
    _look((way for way, *_ in with_small(explored, program.values)), found)
    tried = [name for name, ignored in found.items() if ignored.runs]
    finding = _untold(explored[0], [name for name in found if name not in tried]) if explored else None
    if finding is not None:
        yield finding
        return
    for name in tried:
        part = found[name].index
        if part is not None and len(found[name].shapes) > 1:
            finding = _finding(first, name, part, _case(explored, name, found[name])) if first else None
            if finding is not None:
                yield finding
                return
    claimed = [name for name in tried if not found[name].open]
    if claimed:
        words = "one of the first two indices and one of the last two matter at some setting, size and draw"
        ways.say("influence", f"of each dimension of {listed(f'`{name}`' for name in claimed)}, {words}")


def _look(ways: Iterable[Way], found: Mapping[str, Ignored]) -> None:
    """Look for an effect of what had none so far, run by run."""
    for way in ways:
        if not any(ignored.open for ignored in found.values()):
            return
        asked = [name for name in way.probe.given if name in found and found[name].open and _varies(way.probe, name)]
        for name, entries in _without_effect(way, asked).items():
            found[name].add(entries)


INFLUENCE = Promise(check_influence, (ON_DATA,))


def every_entry_matters(ways: Ways, name: str) -> bool:
    """Whether each entry of a floating input has a slope on every way that has it, at some draw."""
    told = False
    for way in probed(ways):
        if name not in way.probe.given:
            continue
        flat = torch.ones(way.probe.draw(name).shape, dtype=torch.bool)
        for masks, positive in DRAWS:
            flat &= ~(_slopes(way, way.probe.drawn(masks, positive)) or {}).get(name, torch.zeros_like(flat))
        if flat.any():
            return False
        told = True
    return told


def _fixed(part: TensorSpec) -> frozenset[int]:
    """The dimensions of a tensor whose size is a number in the spec."""
    shape = part.shape if isinstance(part.shape, tuple) and ex.Literal(...) not in part.shape else ()
    return frozenset(axis for axis, entry in enumerate(shape) if isinstance(entry, ex.Literal))


def _ends_unseen(program: Program, part: TensorSpec) -> bool:
    """Whether a layer is strictly causal along the last dimension of an input."""
    causal = program.causal if program.causal and program.causal.strict is not None else None
    return causal is not None and part.entries[-1:] == tuple(map(ex.Name, causal.dims))


def _varies(probe: Probe, name: str) -> bool:
    """Whether an input has more than one value to choose from: of an int from `[T, T + 1]` no effect can be seen."""
    low, high = probe.ranges.get(name, (0, 2))
    return probe.draw(name).is_floating_point() or int(high) - int(low) > 1


def _leaves_much(ignored: Ignored) -> bool:
    """Whether so much is ignored at the end of a dimension that a window may have a stride that is as wide."""
    left = LAST.search(ignored.part or "") if ignored.runs else None
    return left is not None and int(left[1]) >= WIDE


def _elsewhere(ways: Ways) -> Iterator[Way]:
    """The runs at the other settings that are tried, at which what a way leaves aside may be reached."""
    for setting in ways.settings[len(ways.runs) :]:
        for training in ways.program.modes:
            yield from run_at(ways.program, setting, training)


def _without_effect(way: Way, asked: Sequence[str]) -> dict[str, Tensor]:
    """The entries of some inputs that had no effect at any draw; nothing if the layer does not run."""
    probe = way.probe
    found = {name: torch.ones(probe.draw(name).shape, dtype=torch.bool) for name in asked}
    bases: list[Tensors] = []
    for inputs in chain((probe.drawn(masks, positive) for masks, positive in DRAWS), _choosing(probe)):
        slopes = _slopes(way, inputs)
        if slopes is None:
            continue
        bases.append(inputs)
        for name in slopes.keys() & found.keys():
            found[name] &= ~slopes[name]
        if not any(entries.any() for entries in found.values()):
            break
    if not bases:
        return {}
    trial = Trial(way, bases)
    return {name: trial.without_effect(name, entries) if entries.any() else entries for name, entries in found.items()}


def _choosing(probe: Probe) -> Iterator[Tensors]:
    """Inputs that choose an end: masks that are true there alone along a dimension, and the least or greatest integers.

    The last position that a mask marks, or the one at a given length, is seldom the first one otherwise.
    """
    drawn = {name: probe.draw(name) for name in probe.given}
    masks = {name: value for name, value in drawn.items() if value.dtype is torch.bool and value.dim()}
    bounds = {name: bounds for name, bounds in probe.ranges.items() if name in drawn and name not in masks}
    whole = {
        name: (int(low), int(high) - 1)
        for name, (low, high) in bounds.items()
        if not drawn[name].is_floating_point() and not len(probe.program.inputs[name].distinct)
    }
    for end in (0, -1) if masks or whole else ():
        for axis in range(1, max((value.dim() for value in masks.values()), default=1) + 1):
            marked = {name: torch.zeros_like(value) for name, value in masks.items()}
            for value in marked.values():
                value.select(-min(axis, value.dim()), end).fill_(True)
            numbers = {name: torch.full_like(drawn[name], ends[end]) for name, ends in whole.items()}
            yield {**probe.drawn(), **marked, **numbers}


class Trial:
    """Replaces entries of an input that have no slope, and sees whether an output changes."""

    def __init__(self, way: Way, bases: Sequence[Tensors]) -> None:
        self.way = way
        self.bases = [(base, way.probe.outputs(way.training, base)) for base in bases]

    def without_effect(self, name: str, entries: Tensor) -> Tensor:
        """Those of some entries that have no effect: all of them together, or else whole slices of the tensor."""
        if not self.reacts(name, entries):
            return entries
        found = torch.zeros_like(entries)
        for axis, size in enumerate(entries.shape):
            for index in range(size) if size > 1 else ():
                part = torch.zeros_like(entries)
                part.select(axis, index).fill_(True)
                if entries[part].all() and not self.reacts(name, part):
                    found |= part
        return found

    def reacts(self, name: str, entries: Tensor) -> bool:
        """Whether an output changes with some entries."""
        for base, usual in self.bases:
            for values in self.others(name, base[name]):
                now = self.way.probe.outputs(
                    self.way.training, {**base, name: torch.where(entries, values, base[name])}
                )
                if usual is None or now is None or _changed(usual, now):
                    return True
        return False

    def others(self, name: str, value: Tensor) -> Iterator[Tensor]:
        """Other values of an input, some of them far away."""
        probe = self.way.probe
        low, high = probe.ranges.get(name, (None, None))
        if value.dtype is torch.bool:
            yield ~value
        elif low is None or high is None:
            yield probe.draw(name)
            yield probe.draw(name, FAR)
            yield from (torch.full_like(value, far) for far in (FAR, -FAR))
        elif value.is_floating_point():
            yield probe.draw(name)
            yield from (torch.full_like(value, end) for end in (low, high))
        else:
            width = int(high) - int(low)
            next_one = (value.long() - int(low) + 1) % width + int(low)  # which repeats nothing that was none
            yield next_one.to(value.dtype)
            yield probe.draw(name)


def _changed(usual: Tensors, now: Tensors) -> bool:
    return any(differs(usual[output], now[output], ROUNDING, floor=0.0) for output in usual)


def _slopes(way: Way, inputs: Tensors) -> dict[str, Tensor] | None:
    """Where the outputs have a slope in the floating inputs; None if the layer does not run, or gives no number."""
    smooth = {name: value for name, value in inputs.items() if value.is_floating_point() or value.is_complex()}
    leaves = {name: value.clone().requires_grad_() for name, value in smooth.items()}
    run = way.probe.run(way.training, {**inputs, **leaves}, gradients=True)
    if run is None or not _gives_numbers(run):
        return None
    outputs = [value for value in run.outputs.values() if value.requires_grad]
    if not outputs or not leaves:
        return {}
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(value.shape, generator=generator, dtype=value.dtype) for value in outputs]
    try:
        slopes = torch.autograd.grad(outputs, list(leaves.values()), weights, allow_unused=True)
    except RuntimeError:  # an op without a derivative
        return {}
    found = {name: slope.abs() for name, slope in zip(leaves, slopes, strict=True) if slope is not None}
    largest = max(
        (float(part.max()) for slope in found.values() if (part := slope[slope.isfinite()]).numel()), default=0
    )
    return {name: slope > ROUNDING * largest for name, slope in found.items()}  # which no NaN is


def _gives_numbers(run: Run) -> bool:
    """Whether an output has an entry that is neither infinite nor NaN."""
    return any(bool(value.isfinite().any()) for value in run.outputs.values())


def _untold(way: Way, names: Sequence[str]) -> Finding | None:
    """The finding where no run tells whether inputs matter, since all outputs are infinite at all draws."""
    run = way.probe.run(way.training, way.probe.drawn())
    names = [name for name in names if _varies(way.probe, name)]
    if run is None or _gives_numbers(run) or not names:
        return None
    outputs, inputs = (listed(f"`{name}`" for name in part) for part in (run.outputs, names))
    message = f"{outputs} {'are' if len(run.outputs) > 1 else 'is'} never finite, so that no effect of {inputs} is seen"
    sizes = ", ".join(f"{name}: …" for name in way.probe.setting.sizes)
    help = f"under `cases`, give a setting at which it is finite: `- {{{sizes}}}`"
    return IgnoredEntries.at(
        Place(("outputs", next(iter(run.outputs))), key=True), message, notes=way.probe.instance.explainer.notes(),
        help=help,
    )  # fmt: skip


def _case(ways: Sequence[Way], name: str, ignored: Ignored) -> str | None:
    """A case at which what was ignored matters, if there is one at which an argument is small."""
    for way, argument, number in with_small(ways, ways[0].probe.program.arguments):
        if name in way.probe.given:
            other = deepcopy(ignored)
            for entries in _without_effect(way, [name]).values():
                other.add(entries)
            if not other.open:
                return f"- {{{argument}: {number}}}"
    return None


def _finding(probe: Probe, name: str, part: str, case: str | None) -> Finding | None:
    if not part and _taken_for_its_sizes(probe.program, name):
        return None
    message = f"no output depends on `{name}[{part}]`" if part else f"no output depends on the values of `{name}`"
    notes = probe.instance.explainer.notes()
    help = f"use all of `{name}`, or declare `partial: true` where a part is left out on purpose"
    help = help if case is None else f"{help}; where it matters, the case `{case}` under `cases` shows it"
    return IgnoredEntries.at(Place(("inputs", name), key=True), message, notes=notes, help=help)


def _taken_for_its_sizes(program: Program, name: str) -> bool:
    """Whether an input need not matter by its values: its author says so, or of it a dimension alone is read."""
    if not program.inputs[name].gradient:
        return True
    read = (found for found in program.dimensions.values() if found.name in program.forward.reads)
    brought = any(found.giver == name for found in read)
    return brought and whole_name(name) not in read_for_values(program.forward.statements)
