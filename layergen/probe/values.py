"""The values of a layer's tensors in runs on data: what the inputs may be, and what the layer's own start as."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

import torch
from torch import Tensor

from layergen.resolve.program import Program
from layergen.run import on_data
from layergen.run.instance import Instance

Shape = tuple[int, ...]
SLIGHT = 1e-6
NEAR = 1e-6  # how far the greatest value of a range is from its excluded end, in widths of the range


@dataclass(frozen=True)
class Point:
    """What the floating inputs are in a run: `free` without a range, between 0 and 1 of it `within` one."""

    words: str  # of inputs without a range that are there: "that are all zero"
    free: Callable[[Shape], Tensor]
    within: Callable[[Shape], Tensor]
    bounded: str = ""  # the words of those within one, where they are not the same
    apart: tuple[tuple[str, Callable[[Shape], Tensor]], ...] = ()  # what some inputs without a range are instead
    masks: Callable[[Shape], Tensor] = lambda shape: torch.empty(shape).bernoulli_(0.5)
    alike: bool = False  # whether integers are all the least that they may be

    def said(self, program: Program) -> str:
        """What the inputs of a layer are there, in words."""
        floating = [tensor for tensor in program.inputs.values() if tensor.floating]
        ranged = [tensor for tensor in floating if tensor.range is not None]
        if not ranged or not self.bounded:
            return self.words
        return self.bounded if len(ranged) == len(floating) else f"{self.words}, or {self.bounded}"


def _signs(size: float) -> Callable[[Shape], Tensor]:
    return lambda shape: torch.empty(shape).bernoulli_(0.5) * (2 * size) - size


def _ends(shape: Shape) -> Tensor:
    return torch.empty(shape).bernoulli_(0.5)


def _middle(shape: Shape) -> Tensor:
    return torch.full(shape, 0.5)


ORDINARY = Point("drawn at random", torch.randn, torch.rand)
AT_ENDS = "at the ends of their range"
ZERO = Point("that are all zero", torch.zeros, torch.zeros, "at the low end of their range")
EQUAL = Point("that are all equal", _middle, _middle)
LARGE = Point("of 30 and -30", _signs(30), _ends, AT_ENDS)
SMALL = Point("of some 1e-6", lambda shape: SLIGHT * torch.randn(shape), lambda shape: SLIGHT * torch.rand(shape))
FAR = Point("of some 9", lambda shape: 9 * torch.randn(shape), torch.rand)
FARTHER = Point("of some 30", lambda shape: 30 * torch.randn(shape), torch.rand)
WIDE = Point("of some 300", lambda shape: 300 * torch.randn(shape), torch.rand)
HUGE = Point("of 100 and -100", _signs(100), _ends, AT_ENDS)
SQUARED = Point("of 300 and -300", _signs(300), _ends, AT_ENDS)  # whose squares are more than float16 holds
UNMARKED = replace(ORDINARY, words="of which masks are all false", masks=torch.zeros)
MARKED = replace(ORDINARY, words="of which masks are all true", masks=torch.ones)
ALIKE = replace(ORDINARY, words="of which integers are all the least", alike=True)


def of_size(size: float) -> Point:
    """All inputs so many times as large as ordinary ones."""
    return Point(f"of some {size:g}", lambda shape: size * torch.randn(shape), torch.rand)


def alone(name: str, size: float) -> Point:
    """One input large, the others ordinary: where all are large, what is subtracted may cancel out."""
    return replace(ORDINARY, words=f"of which `{name}` alone is {size:g} and -{size:g}", apart=((name, _signs(size)),))


def opposite(names: Sequence[str], size: float) -> Point:
    """Inputs that are large with opposite signs, in turn: so is each of their differences."""
    makers = (partial(torch.full, fill_value=sign * size) for sign in cycle((1.0, -1.0)))
    words = f"that are {size:g} and -{size:g} in turn"
    return replace(ORDINARY, words=words, apart=tuple(zip(names, makers, strict=False)))


@contextmanager
def drawn(seed: int = 0, gradients: bool = False) -> Iterator[None]:
    """The same random numbers for the same seed, with gradients or without."""
    with torch.set_grad_enabled(gradients), on_data.drawn(seed):
        yield


def give(instance: Instance, point: Point, rounded: torch.dtype | None = None) -> None:
    """Give the inputs their values, the same ones in whatever dtype they are.

    Args:
        instance: The layer; its inputs are written.
        point: What the floating inputs are.
        rounded: A dtype that holds these values too.
    """
    ranges = dict(instance.ranges())
    with torch.no_grad():
        for name, tensor in instance.inputs.items():
            if tensor is None:
                continue
            if tensor.dtype is torch.bool:
                tensor.copy_(point.masks(tuple(tensor.shape)))
            elif not tensor.is_floating_point() and not tensor.is_complex():
                _give_integers(instance, name, *map(int, ranges[name]))
                if point.alike and not instance.program.inputs[name].distinct:
                    tensor.fill_(int(ranges[name][0]))
            elif name in ranges:
                tensor.copy_(_between(*ranges[name], point.within(tuple(tensor.shape)), rounded))
            elif tensor.is_complex():
                tensor.copy_(torch.complex(point.free(tuple(tensor.shape)), point.free(tuple(tensor.shape))))
            else:
                free = dict(point.apart).get(name, point.free)
                tensor.copy_(free(tuple(tensor.shape)).to(rounded or torch.float32))


def _between(low: float, high: float, share: Tensor, rounded: torch.dtype | None) -> Tensor:
    """Values of a range, whose upper end is excluded."""
    exact = (low + (high - low) * share.double().clamp(max=1 - NEAR)).float()
    if rounded is None:
        return exact
    inexact = exact.to(rounded).float()
    middle = torch.tensor((low + high) / 2).to(rounded).float()
    return torch.where((inexact >= low) & (inexact < high), inexact, middle)


def _give_integers(instance: Instance, name: str, low: int, high: int) -> None:
    """Draw integers of a range, both of its ends among them, and the arguments that they may be equal to."""
    tensor, distinct = instance.inputs[name], len(instance.program.inputs[name].distinct)
    assert tensor is not None
    on_data.draw_input(tensor, (low, high), distinct)
    if distinct:
        return
    flat = tensor.view(-1)
    mentioned = [value for value in instance.setting.values.values() if type(value) is int and low <= value < high]
    also = instance.also(name)
    ends = (
        (high - 1, low) if also else (low, high - 1)
    )  # beside such a value, the low end is often one that is left out
    wanted = list(dict.fromkeys([*also, *ends, *mentioned]))[: flat.numel()]
    flat[: len(wanted)] = torch.tensor(wanted, dtype=tensor.dtype)


def turned(tensor: Tensor) -> Tensor:
    """A tensor of the same values whose first dimension is the last in memory."""
    return tensor.movedim(0, -1).contiguous().movedim(-1, 0) if tensor.dim() else tensor


def strided(tensor: Tensor) -> Tensor:
    """A tensor of the same values that lies in a larger one, so that no two of its dimensions can be viewed as one."""
    if tensor.dim() == 1:
        return tensor.new_empty(2 * len(tensor))[::2].copy_(tensor)
    inner = math.prod(tensor.shape[1:])
    if tensor.dim() < 2 or not inner:
        return tensor
    larger = tensor.new_empty((tensor.shape[0], *(2 * size for size in tensor.shape[1:])))
    inside = larger[(slice(None), *(slice(size) for size in tensor.shape[1:]))]
    return inside.copy_(tensor)
