"""Masks: positions that a mask does not mark have no effect, whatever they hold and however many they are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.lang.model import Tensor as TensorSpec
from layergen.probe.probing import HUGE, LARGE, NEAR, Tensors, Way, at_index, differs, probed, resized
from layergen.probe.sites import ON_DATA
from layergen.probe.ways import Ways
from layergen.resolve.meanings import marked_dimension
from layergen.resolve.program import Program
from layergen.resolve.standing import axes
from layergen.rules.meaning import NothingMarked, UnmarkedCounts
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Bystander
from layergen.settings.choice import allowed
from layergen.words import listed, plural

SOFTMAXES = frozenset({"softmax", "log_softmax"})
OUTDONE = "fill those with `-inf`, as larger ones outdo any number: `masked_fill(scores, ~mask, -inf)`"
LEFT_OVER = "fill scores with `-inf`, `nan_to_num(softmax(…))`, or set to zero what is not marked, `where(mask, x, 0)`"
MORE = 3  # positions that are appended
LOW = (-12.0, -LARGE)  # what counts, where its exponentials are small, but are still numbers
SCALES = (1.0, LARGE)  # of what stands at positions that are not marked
REPLACED, APPENDED, NOTHING = "replaced", "more of them appended", "all, none, and none of the first sample marked"
UNKNOWN = "NaN there"
KINDS = (REPLACED, UNKNOWN, APPENDED, NOTHING)


@dataclass(frozen=True)
class Mask:
    """An input that says which positions of other inputs count."""

    name: str
    part: Input
    along: str  # the dimension of the positions

    @property
    def words(self) -> str:
        return listed(f"`{name}`" for name in self.part.marks)

    def positions(self, marks: Tensor) -> int:
        """Where the positions are in the mask."""
        found = axes(self.part, self.along, marks.dim())
        assert found
        return found[0]


def check_masks(ways: Ways) -> Iterator[Finding]:
    """Yield the first effect of positions that do not count."""
    for mask in _masks(ways.program):
        trials = [MaskTrial(way, mask) for way in probed(ways) if {mask.name, *mask.part.marks} <= {*way.probe.given}]
        for trial in trials:
            finding = trial.fault()
            if finding is not None:
                yield finding
                return
        shown = [kind for kind in KINDS if trials and all(kind in trial.shown for trial in trials)]
        if shown:
            where = plural(len({id(trial.probe) for trial in trials}), "way")
            words = f"positions of {mask.words} that `{mask.name}` does not mark: {', '.join(shown)}"
            modes = {trial.way.training for trial in trials}
            ways.say("masks", f"on {where}, {words}", modes=modes, of=mask.name, kinds=shown)


MASKS = Promise(check_masks, (ON_DATA,))


def _masks(program: Program) -> Iterator[Mask]:
    for name, part in program.inputs.items():
        if part.marks:
            along = marked_dimension(part, program.inputs[part.marks[0]])
            assert along is not None
            yield Mask(name, part, along)


class MaskTrial:
    """A mask on one way through the layer, and what was shown of it."""

    def __init__(self, way: Way, mask: Mask) -> None:
        self.way, self.mask, self.probe = way, mask, way.probe
        self.shown: set[str] = set()
        self.before = self.given()

    def given(self, scale: float = 1.0) -> dict[str, Tensor]:
        """Inputs of which the mask marks some positions of each sample; other bool inputs are true throughout."""
        marks = self.probe.draw(self.mask.name)
        axis = self.mask.positions(marks)
        if marks.shape[axis] > 1:
            marks.select(axis, 0).fill_(True)
            marks.select(axis, -1).fill_(False)
        return {**self.probe.drawn(masks=True, scale=scale), self.mask.name: marks}

    def run(self, inputs: Tensors) -> Run | None:
        return self.probe.run(self.way.training, inputs)

    def fault(self) -> Finding | None:
        """The first effect of what the mask does not mark."""
        return self.unmarked() or self.nothing() or self.behind_the_last() or self.low() or self.left_over()

    def unmarked(self) -> Finding | None:
        """What is wrong if other content of positions that are not marked, or more of them, has an effect."""
        usual = self.run(self.before)
        if usual is None:
            return None
        found = self.content(usual, SCALES) or self.length(usual)
        if found is not None:
            return found
        self.unknown(usual)
        self.before = self.given(NEAR)
        usual = self.run(self.before)
        found = None if usual is None else self.content(usual, (NEAR,))
        return found or self.outdone()

    def outdone(self) -> Finding | None:
        """What is wrong if what stands at positions that are not marked has an effect where all scores are large."""
        name, words = self.mask.name, self.mask.words
        for scale in HUGE:
            self.before = self.given(scale)
            usual, counts = self.run(self.before), self.before[name]
            if usual is None or not is_finite(usual):
                continue
            output = self.sees_content(usual, ~counts, counts, (scale,), finite=True)
            if output is not None:
                where = f"where inputs are some {scale:.0f}"
                message = f"`{output}` changes with positions of {words} that `{name}` does not mark, {where}"
                return self.finding(usual, output, message, f"{self.help()}; of scores, {OUTDONE}")
        return None

    def content(self, usual: Run, scales: Sequence[float]) -> Finding | None:
        """What is wrong if what stands at positions that are not marked has an effect."""
        name = self.mask.name
        counts = self.before[name]
        output = self.sees_content(usual, ~counts, counts, scales)
        if output is None:
            return None
        message = f"`{output}` changes with positions of {self.mask.words} that `{name}` does not mark"
        turned = self.sees_content(usual, counts, ~counts, scales) is None
        turned = turned and self.sees_content(usual, ~counts, ~counts, scales) is not None
        help = f"true means that a position counts: use `~{name}`" if turned else self.help()
        return self.finding(usual, output, message, help)

    def unknown(self, usual: Run) -> None:
        """See whether nothing comes of NaN at positions that are not marked, which no weight of zero keeps out."""
        counts, after = self.before[self.mask.name], dict(self.before)
        for name in self.mask.part.marks:
            value = self.before[name]
            if value.is_floating_point():
                after[name] = value.masked_fill(spread(self.mask, ~counts, self.probe.inputs[name], value), math.nan)
        now = self.run(after)
        if now is not None and self.changed(counts, usual, now) is None:
            self.shown.add(UNKNOWN)

    def length(self, usual: Run, where: str = "") -> Finding | None:
        """What is wrong if more positions that are not marked have an effect."""
        program = self.probe.program
        if program.draws and (self.way.training or program.random == "always"):
            return None  # other sizes draw other random numbers
        output = self.sees_more(usual)
        message = f"`{output}` changes with more positions of {self.mask.words} that `{self.mask.name}` does not mark"
        return None if output is None else self.finding(usual, output, message + where, self.help())

    def behind_the_last(self) -> Finding | None:
        """The same where the last position is marked, so that what follows it is not."""
        self.before = {**self.given(), self.mask.name: torch.ones_like(self.before[self.mask.name])}
        usual = self.run(self.before)
        return None if usual is None else self.length(usual)

    def low(self) -> Finding | None:
        """What is wrong if more positions have an effect where all that counts is far below zero.

        Positions that are set to 0 outdo it in a softmax, whatever is brought to a sum of 1 afterwards.
        """
        for low in LOW:
            self.before = self.given()
            for name in self.mask.part.marks:
                if self.before[name].is_floating_point() and name not in self.probe.ranges:
                    self.before[name] = self.before[name] + low
            usual = self.run(self.before)
            if usual is not None and is_finite(usual):
                found = self.length(usual, f", where {self.mask.words} is some {low:.0f}")
                if found is not None:
                    return found
        return None

    def left_over(self) -> Finding | None:
        """What is wrong if content has an effect where nothing of a sample is marked."""
        name = self.mask.name
        self.before = self.given()
        marks = self.before[name]
        (marks[0] if marks.dim() > 1 else marks).fill_(False)
        usual = self.run(self.before)
        if usual is None or not is_finite(usual):
            return None
        output = self.sees_content(usual, ~marks, marks, SCALES, finite=True)
        if output is None:
            return None
        message = f"`{output}` is made of positions of {self.mask.words} where `{name}` marks nothing"
        return self.finding(usual, output, message, LEFT_OVER)

    def help(self) -> str:
        return f"leave what `{self.mask.name}` does not mark out of sums, counts, maxima and softmaxes"

    def finding(self, run: Run, output: str, message: str, help: str) -> Finding:
        notes = self.probe.instance.explainer.notes()
        return UnmarkedCounts.at(run.place(output), message, labels=self.labels(), notes=notes, help=help)

    def labels(self) -> tuple[Label, ...]:
        """Where the spec says what the mask marks."""
        return (Label(Place(("inputs", self.mask.name, "marks"), key=True), f"of {self.mask.words}, true ones count"),)

    def sees_content(
        self, usual: Run, replaced: Tensor, compared: Tensor, scales: Sequence[float], finite: bool = False
    ) -> str | None:
        """The first output that changes at some positions with what stands at others.

        Args:
            usual: What the layer gives.
            replaced: Where other values are put in, in the shape of the mask.
            compared: Where outputs are compared.
            scales: Of the other values.
            finite: Whether outputs that are not finite are left out.
        """
        for scale in scales:
            after = dict(self.before)
            for name in self.mask.part.marks:
                where = spread(self.mask, replaced, self.probe.inputs[name], self.before[name])
                after[name] = torch.where(where, self.probe.draw(name, scale), self.before[name])
            now = self.run(after)
            if now is None or (finite and not is_finite(now)):
                continue
            self.shown.add(REPLACED)
            if (output := self.changed(compared, usual, now)) is not None:
                return output
        return None

    def sees_other(self, replaced: Tensor, compared: Tensor) -> bool:
        """Whether what stands at some positions has an effect at others, as it is given now."""
        usual = self.run(self.before)
        return usual is not None and self.sees_content(usual, replaced, compared, SCALES) is not None

    def sees_more(self, usual: Run) -> str | None:
        """The first output that changes with more positions that are not marked."""
        setting, along = self.probe.setting, self.mask.along
        size = setting.sizes[along]
        settings = (resized(setting, along, size + more) for more in range(MORE, 0, -1))
        setting = next((one for one in settings if allowed(self.probe.program, one)), setting)
        if setting is self.probe.setting:  # there may be no more
            return None
        try:
            longer = self.probe.at(setting)
        except TrialFault:
            return None
        after = longer.drawn(masks=True)
        for name, value in self.before.items():
            where = axes(self.probe.inputs[name], self.mask.along, value.dim())
            if where:
                after[name][at_index(value, where, slice(size))] = value
            elif after[name].shape == value.shape:
                after[name] = value
            else:
                return None
        marks = after[self.mask.name]
        marks[at_index(marks, (self.mask.positions(marks),), slice(size, None))] = False
        now = longer.run(self.way.training, after)
        if now is None:
            return None
        self.shown.add(APPENDED)
        return self.changed(self.before[self.mask.name], usual, now)

    def changed(self, counts: Tensor, usual: Run, now: Run) -> str | None:
        """The first output that has changed at some positions, or anywhere if it has no positions."""
        for name, value in usual.outputs.items():
            part, other = self.probe.results[name], now.outputs[name]
            where = axes(part, self.mask.along, value.dim())
            if where:
                kept = spread(self.mask, counts, part, value)
                other = other[at_index(other, where, slice(value.shape[where[0]]))]
                if value.shape == other.shape and differs(value[kept], other[kept]):
                    return name
            elif not self.has_positions(part) and differs(value, other):
                return name
        return None

    def has_positions(self, part: TensorSpec) -> bool:
        return any(self.mask.along in ex.names(entry) for entry in part.entries)

    def nothing(self) -> Finding | None:
        """What is wrong if an output is NaN or infinite where all positions are marked, none, or none of a sample."""
        inputs = self.probe.drawn(masks=True)
        full = inputs[self.mask.name]
        row = full.clone()
        if row.dim() > 1:
            row[0] = False
        tries = {"all positions": full, "no position": torch.zeros_like(full), "no position of one sample": row}
        for words, marks in tries.items():
            run = self.run({**inputs, self.mask.name: marks})
            if run is None:
                return None
            for name, value in run.outputs.items():
                kind = "NaN" if value.isnan().any() else "infinite" if value.isinf().any() else ""
                if kind == "NaN" or (kind and not self.has_positions(self.probe.results[name])):
                    message = f"`{name}` is {kind} where `{self.mask.name}` marks {words}"
                    help = "bound the count, `clamp(sum(…), min=1)`, or fill what comes of nothing, `nan_to_num(…)`"
                    help = self.of_other_softmax({**inputs, self.mask.name: marks}) + help
                    notes = self.probe.instance.explainer.notes()
                    return NothingMarked.at(run.place(name), message, labels=self.labels(), notes=notes, help=help)
        self.shown.add(NOTHING)
        return None

    def of_other_softmax(self, inputs: Tensors) -> str:
        """What to look at first where a softmax over another dimension than that of the mask makes the NaN."""
        softmaxes = Softmaxes(self.probe.instance)
        with torch.no_grad(), torch.random.fork_rng(devices=[]), suppress(TrialFault):
            self.probe.instance.run(self.way.training, softmaxes, inputs=inputs)
        size = self.probe.setting.sizes[self.mask.along]
        for call, other in softmaxes.found:
            if other != size:
                along = self.probe.instance.explainer.size(other)
                meant = f"run `{call.function}` along `{self.mask.along}`, of which `{self.mask.name}` marks positions"
                return f"{meant}, not along `{along}`, unless that is meant; then "
        return ""


class Softmaxes(Bystander):
    """Notes the softmaxes that make NaN of what has none, and how many entries each runs over."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.found: list[tuple[ex.Call, int]] = []
        self.dim: Any = None  # of the one that is called

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.dim = keywords.get("dim", arguments[1] if len(arguments) > 1 else None)

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        if not isinstance(node, ex.Call) or node.function not in SOFTMAXES or not isinstance(self.dim, int):
            return
        x = operands[0]
        if isinstance(x, Tensor) and isinstance(value, Tensor) and value.isnan().any() and not x.isnan().any():
            self.found.append((node, int(x.shape[self.dim])))


def is_finite(run: Run) -> bool:
    """Whether all that a run gives are numbers."""
    return all(bool(value.isfinite().all()) for value in run.outputs.values())


def spread(mask: Mask, counts: Tensor, part: TensorSpec, like: Tensor) -> Tensor:
    """Positions of a mask in the shape of another tensor; where that lacks a dimension, all along it have to agree."""
    assert isinstance(mask.part.shape, tuple)
    names = [entry.id if isinstance(entry, ex.Name) else "" for entry in mask.part.shape]
    found = {axis: where[0] for axis, name in enumerate(names) if name and (where := axes(part, name, like.dim()))}
    for axis in reversed(range(counts.dim())):
        if axis not in found:
            counts = counts.all(axis)
    order = sorted(found.values())
    counts = counts.permute([list(found.values()).index(at) for at in order])
    for at in range(like.dim()):
        if at not in order:
            counts = counts.unsqueeze(at)
    return counts.expand(like.shape)
