"""Which slices of a layer's parameters nothing reads, at one setting: with NaN in their place, no output changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.probe.probing import FAR, LARGE, Probe, Tensors

# Of bool inputs, None being either at random; whether floating ones are positive; and how large they are.
DRAWS = ((True, False, 1.0), (None, True, 1.0), (False, False, 1.0), (None, False, LARGE))
FILLS = (float("nan"), FAR, -FAR)  # NaN comes through where a number is lost: a relu, a product with zero
MOST = 64  # slices that are looked at


@dataclass(frozen=True)
class Slices:
    """Of a parameter, along a dimension."""

    name: str
    axis: int


@dataclass(frozen=True)
class Usual:
    """A run with the parameters as they are."""

    training: bool
    masks: bool | None  # what bool inputs are, None being either at random
    inputs: Tensors
    outputs: Tensors


class Reading:
    """A layer at a setting, run with other values in some slices of its parameters.

    Args:
        probe: The layer there.
        modes: In which modes it is run.
    """

    def __init__(self, probe: Probe, modes: Sequence[bool]) -> None:
        self.probe, self.modes = probe, modes
        self.usual: list[Usual] = []
        for masks, positive, scale in DRAWS:
            inputs = probe.drawn(masks, positive, scale)
            for training in modes:
                outputs = probe.outputs(training, inputs)
                if outputs is not None and not any(_has_nan(output) for output in outputs.values()):
                    self.usual.append(Usual(training, masks, inputs, outputs))

    def unread(self, slices: Slices, indices: Sequence[int]) -> frozenset[int]:
        """Those of some indices whose slices no run reads; none where it cannot be told."""
        if not self.usual or not indices or len(indices) > MOST:
            return frozenset()
        if not self.reads(slices, indices):
            return frozenset(indices)
        if len(indices) == 1:
            return frozenset()
        middle = len(indices) // 2
        return self.unread(slices, indices[:middle]) | self.unread(slices, indices[middle:])

    def reads(self, slices: Slices, indices: Sequence[int]) -> bool:
        """Whether an output changes with what some slices hold."""
        return any(self.changes(slices, indices, fill, usual) for fill in FILLS for usual in self.usual)

    def varies(self, slices: Slices, indices: Sequence[int]) -> bool:
        """Whether it is up to the inputs which of some slices are read, as where tokens choose their experts."""
        for training in self.modes:
            runs = [usual for usual in self.usual if usual.training == training and usual.masks is None]
            for index in indices[:MOST]:
                if len({self.changes(slices, [index], FILLS[0], usual) for usual in runs}) > 1:
                    return True
        return False

    def changes(self, slices: Slices, indices: Sequence[int], fill: float, usual: Usual) -> bool:
        """Whether a run gives something else with a number in some slices."""
        kept, owned = self.probe.state, self.probe.instance.state
        value = kept[slices.name].clone()
        value.index_fill_(slices.axis, torch.tensor(indices), fill)
        names = [name for name in kept if owned[name] is owned[slices.name]]  # all those of a tensor that is tied
        self.probe.state = {**kept, **dict.fromkeys(names, value)}
        try:
            return _changed(usual.outputs, self.probe.outputs(usual.training, usual.inputs))
        finally:
            self.probe.state = kept


def without_slope(slopes: Sequence[Tensor], shape: tuple[int, ...]) -> Mapping[int, list[int]]:
    """Along each dimension, the indices at which a parameter of a shape had no slope in some runs."""
    alive = torch.zeros(shape, dtype=torch.bool)
    for slope in slopes:
        alive |= slope != 0  # as NaN is
    return {
        axis: [index for index, slope in enumerate(alive.movedim(axis, 0).reshape(size, -1).any(1)) if not slope]
        for axis, size in enumerate(shape)
        if size > 1
    }


def _has_nan(output: Tensor) -> bool:
    return bool(output.isnan().any())


def _changed(usual: Tensors, now: Tensors | None) -> bool:
    """Whether a bit of the outputs has changed; so it has where there are none."""
    return now is None or not all(torch.equal(usual[name], output) for name, output in now.items())
