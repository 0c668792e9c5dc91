"""Masks: positions that a mask does not mark have no effect, whatever they hold and however many they are."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.contracts.contract import Contract, Ways
from layergen.contracts.execution import NUMBERS
from layergen.contracts.probing import Probe, Tensors, Way, at_index, axes, differs, probed, resized
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.lang.model import Tensor as TensorSpec
from layergen.resolve.meanings import marked_dimension
from layergen.rules.meaning import NothingMarked, UnmarkedCounts
from layergen.run.forward import TrialFault
from layergen.words import listed

MORE = 3  # positions that are appended
SCALES = (1.0, 30.0)  # of what stands at positions that are not marked


@dataclass(frozen=True)
class Mask:
    """An input that says which positions of other inputs count."""

    name: str
    part: Input
    along: str  # the dimension of the positions

    @property
    def words(self) -> str:
        return listed(f"`{name}`" for name in self.part.marks)


def check_masks(ways: Ways) -> Iterator[Finding]:
    """Yield the first effect of positions that do not count."""
    for mask in _masks(ways):
        tried = 0
        for way in probed(ways):
            if mask.name not in way.probe.given or not set(mask.part.marks) & set(way.probe.given):
                continue
            tried += 1
            finding = _unmarked(way, mask) or _nothing(way, mask)
            if finding is not None:
                yield finding
                return
        if tried:
            detail = f"positions of {mask.words} that `{mask.name}` does not mark replaced, more of them appended"
            ways.say("masks", f"{detail}; all positions marked, none, and none of one sample: finite")


MASKS = Contract(check_masks, (NUMBERS,))


def _masks(ways: Ways) -> Iterator[Mask]:
    for name, part in ways.program.inputs.items():
        if part.marks:
            along = marked_dimension(part, ways.program.inputs[part.marks[0]])
            assert along is not None
            yield Mask(name, part, along)


def _unmarked(way: Way, mask: Mask) -> Finding | None:
    """What is wrong if other content of positions that are not marked, or more of them, has an effect."""
    before = _given(way.probe, mask)
    usual = way.probe.outputs(way.training, before)
    if usual is None:
        return None
    output = _sees_content(way, mask, before, usual)
    if output is not None:
        turned = {**before, mask.name: ~before[mask.name]}
        other = way.probe.outputs(way.training, turned)
        inverted = other is not None and _sees_content(way, mask, turned, other, inverted=True) is None
        words = f"`{output}` changes with positions of {mask.words} that `{mask.name}` does not mark"
        help = f"true means that a position counts: use `~{mask.name}`" if inverted else _help(mask)
        return _finding(way, output, words, help)
    if way.probe.program.forward.draws and (way.training or way.probe.program.random == "always"):
        return None  # other sizes draw other random numbers
    output = _sees_more(way, mask, before, usual)
    words = f"`{output}` changes with more positions of {mask.words} that `{mask.name}` does not mark"
    return None if output is None else _finding(way, output, words, _help(mask))


def _help(mask: Mask) -> str:
    return f"leave what `{mask.name}` does not mark out of sums, counts, maxima and softmaxes"


def _finding(way: Way, output: str, message: str, help: str) -> Finding:
    run = way.probe.run(way.training, way.probe.drawn())
    place = Place(("outputs", output), key=True)
    if run is not None:
        place = Place(("forward",), run.stored[output].span)
    return UnmarkedCounts.at(place, message, notes=way.probe.instance.explainer.notes(), help=help)


def _given(probe: Probe, mask: Mask) -> dict[str, Tensor]:
    """Inputs of which the mask marks some positions of each sample, and other bool inputs exclude nothing."""
    inputs = probe.drawn(masks=True)
    marks = probe.draw(mask.name)
    where = axes(mask.part, mask.along, marks.dim())
    assert where is not None
    if marks.shape[where[0]] > 1:
        marks[at_index(marks, where, 0)] = True
        marks[at_index(marks, where, marks.shape[where[0]] - 1)] = False
    return {**inputs, mask.name: marks}


def _sees_content(way: Way, mask: Mask, before: Tensors, usual: Tensors, inverted: bool = False) -> str | None:
    """The first output that changes with what stands at positions that are not marked."""
    counts = ~before[mask.name] if inverted else before[mask.name]
    for scale in SCALES:
        after = dict(before)
        for name in mask.part.marks:
            if name in before:
                kept = _spread(mask, counts, way.probe.program.inputs[name], before[name], any_of=True)
                after[name] = torch.where(kept, before[name], way.probe.draw(name, scale))
        now = way.probe.outputs(way.training, after)
        if now is not None and (output := _changed(way, mask, counts, usual, now)) is not None:
            return output
    return None


def _sees_more(way: Way, mask: Mask, before: Tensors, usual: Tensors) -> str | None:
    """The first output that changes with more positions that are not marked."""
    probe = way.probe
    size = probe.setting.sizes.get(mask.along)
    if size is None:
        return None
    try:
        longer = probe.at(resized(probe.setting, mask.along, size + MORE))
    except TrialFault:
        return None
    after = longer.drawn(masks=True)
    for name, value in before.items():
        where = axes(probe.program.inputs[name], mask.along, value.dim())
        if where:
            after[name][at_index(value, where, slice(size))] = value
        elif after[name].shape == value.shape:
            after[name] = value
        else:
            return None
    where = axes(mask.part, mask.along, before[mask.name].dim())
    assert where is not None
    after[mask.name][at_index(after[mask.name], where, slice(size, None))] = False
    now = longer.outputs(way.training, after)
    return None if now is None else _changed(way, mask, before[mask.name], usual, now)


def _changed(way: Way, mask: Mask, counts: Tensor, usual: Tensors, now: Tensors) -> str | None:
    """The first output that has changed where positions are marked, or anywhere if it has no positions."""
    for name, value in usual.items():
        part, other = way.probe.program.outputs[name], now[name]
        where = axes(part, mask.along, value.dim())
        if where:
            kept = _spread(mask, counts, part, value, any_of=False)
            other = other[at_index(other, where, slice(value.shape[where[0]]))]
            if value.shape == other.shape and differs(value[kept], other[kept]):
                return name
        elif not _mentions(part, mask.along) and differs(value, other):
            return name
    return None


def _mentions(part: TensorSpec, name: str) -> bool:
    return any(name in ex.names(entry) for entry in part.entries)


def _spread(mask: Mask, counts: Tensor, part: TensorSpec, like: Tensor, any_of: bool) -> Tensor:
    """A mask in the shape of another tensor: over what that does not have, some or all of its entries decide."""
    assert isinstance(mask.part.shape, tuple)
    order: list[tuple[int, int]] = []  # of the tensor's dimensions that the mask has, and where it has them
    for axis, entry in enumerate(mask.part.shape):
        where = axes(part, entry.id, like.dim()) if isinstance(entry, ex.Name) else None
        if where:
            order.append((where[0], axis))
    gone = tuple(axis for axis in range(counts.dim()) if axis not in {axis for _, axis in order})
    for axis in reversed(gone):
        counts = counts.any(axis) if any_of else counts.all(axis)
    left = [axis for axis in range(len(mask.part.shape)) if axis not in gone]
    order = sorted((at, left.index(axis)) for at, axis in order)
    arranged = counts.permute([axis for _, axis in order])
    for axis in range(like.dim()):
        if axis not in {at for at, _ in order}:
            arranged = arranged.unsqueeze(axis)
    return arranged.expand(like.shape)


def _nothing(way: Way, mask: Mask) -> Finding | None:
    """What is wrong if an output is NaN or infinite where a mask marks all positions, none, or none of one sample."""
    probe = way.probe
    inputs = probe.drawn(masks=True)
    full = inputs[mask.name]
    row = full.clone()
    if row.dim() > 1:
        row[0] = False
    tries = {"all positions": full, "no position": torch.zeros_like(full), "no position of one sample": row}
    for words, marks in tries.items():
        run = probe.run(way.training, {**inputs, mask.name: marks})
        for name, value in run.outputs.items() if run is not None else ():
            assert run is not None
            has_positions = _mentions(probe.program.outputs[name], mask.along)
            if value.isnan().any() or (not has_positions and value.isinf().any()):
                message = f"`{name}` is {_kind(value)} where `{mask.name}` marks {words}"
                help = "bound the count, `clamp(sum(…), min=1)`, or fill what comes of nothing, `nan_to_num(…)`"
                notes = probe.instance.explainer.notes()
                place = Place(("forward",), run.stored[name].span)
                return NothingMarked.at(place, message, notes=notes, help=help)
    return None


def _kind(value: Tensor) -> str:
    return "NaN" if value.isnan().any() else "infinite"
