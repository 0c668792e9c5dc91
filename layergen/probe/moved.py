"""A layer on data as its generated tests make it: what it owns has its initial values, moved at random."""

from collections.abc import Iterator

import torch
from torch import Tensor

from layergen.probe.sites import CPU
from layergen.probe.values import ORDINARY, give
from layergen.resolve.program import Program
from layergen.run.instance import Instance, Placement
from layergen.run.moving import move
from layergen.run.started import start
from layergen.settings.choice import Setting


@torch.no_grad()
def moved(program: Program, setting: Setting) -> Instance:
    """A layer in float64, with inputs that are drawn.

    Raises:
        TrialFault: If it cannot be set up.
    """
    instance = Instance(program, setting, Placement(CPU, torch.float64))
    start(instance)
    give(instance, ORDINARY)
    move(instance)
    return instance


def called_with(instance: Instance) -> Iterator[tuple[str, Tensor]]:
    """The inputs of a call that are there."""
    for name in instance.program.taken:
        tensor = instance.inputs.get(name)
        if tensor is not None:
            yield name, tensor


def measured(instance: Instance) -> Iterator[Tensor]:
    """The inputs and the parameters, members' included, whose gradient is the derivative, each once."""
    program = instance.program
    for name, tensor in called_with(instance):
        if program.inputs[name].gradient and tensor.is_floating_point():
            yield tensor
    seen: set[int] = set()
    for name, owned in instance.state.items():
        inner, own = instance.inner.get(name), program.parameters.get(name)
        wanted = inner.parameter and inner.gradient if inner else own is not None and own.gradient
        if wanted and owned is not None and id(owned) not in seen:
            seen.add(id(owned))
            yield owned
