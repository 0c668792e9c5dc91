"""Runs of layers that torch cannot run without data: on real tensors of the same sizes, as small as they are."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import META, Instance, Placement
from layergen.run.moving import learned, move_buffers
from layergen.run.started import start_what_stays
from layergen.settings.choice import Setting

CPU = torch.device("cpu")
LARGEST = 4_000_000  # elements that the inputs and the layer's own tensors may have together


def placement_with_data(placement: Placement) -> Placement | None:
    """The same placement where tensors have data, or None where they cannot have any."""
    return replace(placement, device=CPU) if placement.device == META else None


def fits(instance: Instance) -> bool:
    """Whether a layer, set up without data, is small enough to be run with data."""
    tensors = (*instance.inputs.values(), *instance.state.values())
    return sum(tensor.numel() for tensor in tensors if tensor is not None) <= LARGEST


def instance_of(program: Program, setting: Setting, placement: Placement, on_data: bool) -> Instance:
    """A layer set up without data, or with data where torch runs it there alone."""
    instance = Instance(program, setting, replace(placement, device=CPU) if on_data else placement)
    if on_data:
        with drawn():
            fill(instance)
    return instance


@contextmanager
def drawn(seed: int = 0) -> Iterator[None]:
    """The same random numbers for the same seed, and none taken from anybody else."""
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)


@torch.no_grad()
def fill(instance: Instance) -> None:
    """Give the tensors values: inputs those of their ranges, parameters some about 1, buffers some near their first."""
    draw_inputs(instance, {name: tensor for name, tensor in instance.inputs.items() if tensor is not None})
    try:
        start_what_stays(instance)
        move_buffers(instance)
        owned = [*learned(instance)]
    except (TrialFault, EvaluationFault):  # which is told where initial values are judged
        owned = [tensor for tensor in instance.state.values() if tensor is not None]
    for tensor in owned:
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
        else:
            tensor.zero_()


@torch.no_grad()
def draw_integers(instance: Instance) -> None:
    """Give the integer inputs values of their ranges."""
    whole = [name for name, part in instance.program.inputs.items() if not part.floating and part.dtype != "bool"]
    draw_inputs(instance, {name: tensor for name in whole if (tensor := instance.inputs[name]) is not None})


def draw_inputs(instance: Instance, tensors: Mapping[str, Tensor]) -> None:
    """Give some inputs ordinary values, and what may stand beside their ranges."""
    ranges = dict(instance.ranges())
    for name, tensor in tensors.items():
        draw_input(tensor, ranges.get(name), len(instance.program.inputs[name].distinct))
        put_beside(tensor, instance.also(name))


def draw_input(tensor: Tensor, limits: tuple[float, float] | None, distinct: int = 0) -> None:
    """Give an input ordinary values: from its range if it has one; along so many last dimensions none of them twice."""
    if distinct and limits is not None:
        tensor.copy_(without_repeats(tensor.shape, distinct, limits, torch.rand))
    elif tensor.dtype is torch.bool:
        tensor.bernoulli_(0.5)
    elif limits is not None and not tensor.is_floating_point():
        tensor.random_(*map(int, limits))
    elif limits is not None:
        tensor.uniform_(*limits)
    else:
        tensor.normal_()


def put_beside(tensor: Tensor, singles: Sequence[int]) -> None:
    """Let the first entries of an input have the single values that it may have beside its range, but for one entry."""
    for index, value in enumerate(singles[: max(tensor.numel() - 1, 0)]):
        tensor.view(-1)[index] = value


def without_repeats(
    shape: Sequence[int], distinct: int, limits: tuple[float, float], keys: Callable[[Sequence[int]], Tensor]
) -> Tensor:
    """Integers of a range, none of which stands twice along the last dimensions: the first of them in some order.

    Args:
        shape: The shape of the tensor.
        distinct: How many the last dimensions are.
        limits: The ends of the range.
        keys: Makes the numbers, of a shape, by which the integers are put in order.
    """
    low, high = map(int, limits)
    outer, inner = shape[:-distinct], shape[-distinct:]
    order = keys((*outer, high - low)).argsort(-1)
    return low + order[..., : math.prod(inner)].reshape(tuple(shape))
