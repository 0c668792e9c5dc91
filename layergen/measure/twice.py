"""Whether the gradients of a layer can be differentiated again, as gradient penalties and second-order methods do."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

import torch
from torch import Tensor

from layergen.probe.moved import measured, moved
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

SEEDS = range(2)
STEP = 1e-6  # how far the leaves are moved, to both sides
NEAR, FLOOR = 1e-3, 1e-5  # how far the two may be apart: of the largest entry, and in any case
LARGEST = 20_000  # numbers of all leaves and outputs; what is larger takes too long
REFUSED = ("is not implemented", "once_differentiable", "differentiate twice")


class Twice(Enum):
    """What was seen of second gradients."""

    AGREE = "agree"  # with measured slopes of the first ones
    REFUSED = "refused"  # torch has no second derivative of one of the ops
    NONE = "none"  # the first ones depend on nothing, as where all is linear
    UNTOLD = ""  # the layer is too large, or they do not agree, as at a kink


def twice(program: Program, setting: Setting) -> Twice:
    """What is seen of the second gradients of a layer at a setting, in each mode.

    All that is in a mode has to be seen in all.
    """
    found = {_in_mode(program, setting, training, seed) for training in program.modes for seed in SEEDS}
    return next((outcome for outcome in (Twice.REFUSED, Twice.UNTOLD, Twice.NONE) if outcome in found), Twice.AGREE)


def _in_mode(program: Program, setting: Setting, training: bool, seed: int) -> Twice:
    with drawn(seed, gradients=True):
        try:
            instance = moved(program, setting)
            leaves = tuple(tensor.requires_grad_() for tensor in measured(instance))
            outputs = outputs_of(instance, training)
        except TrialFault:
            return Twice.UNTOLD
        if not outputs or any(not bool(output.isfinite().all()) for output in outputs):
            return Twice.NONE if not outputs else Twice.UNTOLD
        if sum(tensor.numel() for tensor in (*leaves, *outputs)) > LARGEST:
            return Twice.UNTOLD
        try:
            if not _bends(outputs, leaves):
                return Twice.NONE
            agree = _agree(lambda: total(outputs_of(instance, training)), leaves)
        except (RuntimeError, IndexError) as error:
            return Twice.REFUSED if any(text in str(error) for text in REFUSED) else Twice.UNTOLD
        return Twice.AGREE if agree else Twice.UNTOLD


def outputs_of(instance: Instance, training: bool) -> tuple[Tensor, ...]:
    """The outputs that have gradients, for the same random numbers each time."""
    torch.default_generator.manual_seed(1)
    run = instance.run(training)
    return tuple(output for output in run.outputs.values() if output.requires_grad)


def _bends(outputs: tuple[Tensor, ...], leaves: tuple[Tensor, ...]) -> bool:
    """Whether some first gradient changes with some leaf."""
    first = torch.autograd.grad(total(outputs), leaves, create_graph=True, allow_unused=True)
    slopes = [_sum(slope) for slope in first if slope is not None and slope.requires_grad]
    if not slopes:
        return False
    second = torch.autograd.grad(torch.stack(slopes).sum(), leaves, allow_unused=True)
    return any(slope is not None and bool((slope != 0).any()) for slope in second)


def _agree(compute: Callable[[], Tensor], leaves: Sequence[Tensor]) -> bool:
    """Whether along some direction the first gradients change by what the second ones say.

    It is a product with the Hessian, which costs two further gradients however many leaves there are; all entries of
    the product are compared.
    """
    directions = [torch.randn_like(leaf) for leaf in leaves]
    slopes = _slopes(compute(), leaves, create_graph=True)
    along = torch.stack([inner(slope, way) for slope, way in zip(slopes, directions, strict=True)]).sum()
    told = _slopes(along, leaves)
    ends = []
    for step in (STEP, -2 * STEP):
        with torch.no_grad():
            for leaf, way in zip(leaves, directions, strict=True):
                leaf += step * way
        ends.append(_slopes(compute(), leaves))
    return all(
        torch.allclose((high - low) / (2 * STEP), expected, rtol=NEAR, atol=NEAR * float(expected.abs().max()) + FLOOR)
        for high, low, expected in zip(*ends, told, strict=True)
        if expected.numel()
    )


def _slopes(total: Tensor, leaves: Sequence[Tensor], create_graph: bool = False) -> tuple[Tensor, ...]:
    """The gradient of a number by each leaf; zeros for those that it does not depend on."""
    found = torch.autograd.grad(total, leaves, create_graph=create_graph, allow_unused=True, materialize_grads=True)
    return found if create_graph else tuple(slope.detach() for slope in found)


def inner(slope: Tensor, way: Tensor) -> Tensor:
    """How much a gradient has of a direction."""
    if slope.is_complex():
        slope, way = torch.view_as_real(slope), torch.view_as_real(way)
    return (slope * way).double().sum()


def total(outputs: Iterable[Tensor]) -> Tensor:
    return torch.stack([_sum(output) for output in outputs]).sum()


def _sum(tensor: Tensor) -> Tensor:
    """A number that each entry has its own share in."""
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return (real.double().flatten() * torch.arange(1, real.numel() + 1, dtype=torch.float64).sin()).sum()
