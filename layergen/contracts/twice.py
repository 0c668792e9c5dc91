"""Whether the gradients of a layer can be differentiated again, as gradient penalties and second-order methods do."""

from enum import Enum

import torch
from torch import Tensor

from layergen.contracts.moved import measured, moved
from layergen.contracts.values import drawn
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

SEEDS = range(2)
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
            outputs = _outputs(instance, training)
        except TrialFault:
            return Twice.UNTOLD
        if not outputs or any(not bool(output.isfinite().all()) for output in outputs):
            return Twice.NONE if not outputs else Twice.UNTOLD
        if sum(tensor.numel() for tensor in (*leaves, *outputs)) > LARGEST:
            return Twice.UNTOLD
        try:
            if not _bends(outputs, leaves):
                return Twice.NONE
            agree = torch.autograd.gradgradcheck(
                lambda *_: _outputs(instance, training), leaves, fast_mode=True, raise_exception=False
            )
        except RuntimeError as error:
            return Twice.REFUSED if any(text in str(error) for text in REFUSED) else Twice.UNTOLD
        return Twice.AGREE if agree else Twice.UNTOLD


def _outputs(instance: Instance, training: bool) -> tuple[Tensor, ...]:
    """The outputs that have gradients, for the same random numbers each time."""
    torch.manual_seed(1)
    run = instance.run(training)
    return tuple(output for output in run.outputs.values() if output.requires_grad)


def _bends(outputs: tuple[Tensor, ...], leaves: tuple[Tensor, ...]) -> bool:
    """Whether some first gradient changes with some leaf."""
    total = torch.stack([_sum(output) for output in outputs]).sum()
    first = torch.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    slopes = [_sum(slope) for slope in first if slope is not None and slope.requires_grad]
    if not slopes:
        return False
    second = torch.autograd.grad(torch.stack(slopes).sum(), leaves, allow_unused=True)
    return any(slope is not None and bool((slope != 0).any()) for slope in second)


def _sum(tensor: Tensor) -> Tensor:
    """A number that each entry has its own share in."""
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return (real.double().flatten() * torch.arange(1, real.numel() + 1, dtype=torch.float64).sin()).sum()
