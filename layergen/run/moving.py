"""Moves what a layer owns away from its initial values, as its generated tests do: at ones and zeros, much is equal."""

from collections.abc import Iterator

import torch
from torch import Tensor

from layergen.resolve.saved import is_constant
from layergen.run.instance import Instance


@torch.no_grad()
def move(instance: Instance) -> None:
    """Move parameters by up to a half, and buffers as far as they may be moved."""
    move_learned(instance)
    move_buffers(instance)


@torch.no_grad()
def move_learned(instance: Instance) -> None:
    """Move parameters by up to a half."""
    for tensor in learned(instance):
        tensor.add_(torch.rand_like(tensor) - 0.5)


@torch.no_grad()
def move_buffers(instance: Instance) -> None:
    """Move buffers such that they keep their signs, their order and their bounds.

    One may be a variance, a share or a matrix of some form, for which any number would not do. One whose entries are
    all the same gets different ones, and zeros become positive; any other is scaled. A constant of the layer stays.
    """
    for tensor in _numbers(instance, parameters=False):
        move_buffer(tensor)


@torch.no_grad()
def move_buffer(tensor: Tensor, generator: torch.Generator | None = None) -> None:
    """Move one of them; the random numbers are the generator's, or torch's own."""
    if not tensor.any():
        tensor.add_(0.5 * torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))
    elif (tensor == tensor.flatten()[0]).all():
        tensor.mul_(0.5 + 0.5 * torch.rand(tensor.shape, generator=generator, dtype=tensor.abs().dtype))
    else:
        tensor.mul_(0.5 + 0.5 * torch.rand((), generator=generator).item())


@torch.no_grad()
def turn_signs(instance: Instance) -> bool:
    """Turn the sign of every second entry of the parameters, as the generated tests do.

    Returns:
        Whether some parameter had one sign alone, which training does not keep.
    """
    found = False
    for tensor in learned(instance):
        if not tensor.is_complex():
            found |= bool((tensor > 0).all() or (tensor < 0).all())
            tensor.view(-1)[::2].neg_()
    return found


def learned(instance: Instance) -> Iterator[Tensor]:
    """The parameters of a layer, members' included."""
    yield from _numbers(instance, parameters=True)


def _numbers(instance: Instance, parameters: bool) -> Iterator[Tensor]:
    for name, tensor in instance.state.items():
        inner = instance.inner.get(name)
        if inner is None and name not in instance.program.tensors:
            continue  # another name of a tied tensor, which stands under its own
        if inner.constant if inner else is_constant(instance.program, name):
            continue
        kind = inner.parameter if inner else name in instance.program.parameters
        if tensor is not None and kind == parameters and (tensor.is_floating_point() or tensor.is_complex()):
            yield tensor
