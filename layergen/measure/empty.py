"""Whether a layer takes a batch without a sample, as where nothing was found in an image, and keeps only numbers."""

from dataclasses import replace

import torch
from torch import Tensor

from layergen.probe.batches import batch_of
from layergen.probe.moved import moved
from layergen.probe.values import drawn
from layergen.resolve.meanings import LEADING
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting, allowed


def without_samples(program: Program, setting: Setting) -> Setting | None:
    """The same setting with no sample in the batch; nothing where there is no such."""
    batch = batch_of(program)
    if batch is None or setting.shrunk:
        return None
    if batch == LEADING:
        emptied = replace(setting, leading=(0, *setting.leading[1:])) if setting.leading else None
    else:
        emptied = replace(setting, sizes={**setting.sizes, batch: 0})
    return emptied if emptied is not None and allowed(program, emptied) else None


def takes_it(program: Program, emptied: Setting, training: bool) -> bool:
    """Whether a layer takes an empty batch in a mode, and its gradients and updated buffers are finite.

    What members write into their buffers is not seen: of a layer with such members nothing is told in training.
    """
    if training and any(child.program.updates for child in program.children.values()):
        return False
    with drawn(gradients=True):
        try:
            instance = moved(program, emptied)
            learned = [tensor.requires_grad_() for tensor in _parameters(instance)]
            run = instance.run(training)
            shapes = {name: tuple(output.shape) for name, output in run.outputs.items()}
            if shapes != {name: instance.declared_shape(name) for name in shapes}:
                return False
            totals = [
                output.sum()
                for output in run.outputs.values()
                if output.requires_grad and output.dtype.is_floating_point
            ]
            slopes = torch.autograd.grad(totals, learned, allow_unused=True) if totals and learned else ()
        except (TrialFault, RuntimeError, IndexError, ValueError):
            return False
        assigned = [step.value for step in run.steps if step.name in program.buffers]
        kept = [value for value in (*slopes, *assigned) if isinstance(value, Tensor)]
        return all(bool(value.isfinite().all()) for value in kept)


def _parameters(instance: Instance) -> list[Tensor]:
    """The floating parameters, members' included, each once."""
    found: dict[int, Tensor] = {}
    for name, tensor in instance.state.items():
        inner = instance.inner.get(name)
        owned = inner.parameter if inner else name in instance.program.parameters
        if owned and tensor is not None and tensor.is_floating_point():
            found[id(tensor)] = tensor
    return list(found.values())
