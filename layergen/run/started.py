"""Gives what a layer owns its initial values."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from layergen.diagnostics import Place
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Buffer, Parameter
from layergen.rules.tensors import InitMismatch
from layergen.run.environment import TensorCalls
from layergen.run.forward import TrialFault
from layergen.run.initial import call_initializer, evaluated, tensors_read, with_fans
from layergen.run.instance import Instance
from layergen.run.starting import beginnings, in_dtype


def start_what_stays(instance: Instance) -> None:
    """Give initial values where the floating parameters get others afterwards: to the rest, and to what that reads.

    Raises:
        TrialFault: If one of the layer's own cannot be computed, or does not fit.
        EvaluationFault: If one of a member's cannot be computed.
    """
    program, inner = instance.program, instance.inner
    staying = {name for name, tensor in program.tensors.items() if not _gets_another(tensor, instance.state[name])}
    staying = staying.union(*map(program.started_before, staying))
    moved = {path for path, owned in inner.items() if owned.parameter and owned.init is None}
    _start(instance, (name for name in program.initial_order if name in staying), inner.keys() - moved)


def _gets_another(tensor: Parameter | Buffer, target: Tensor | None) -> bool:
    floats = target is not None and (target.is_floating_point() or target.is_complex())
    return isinstance(tensor, Parameter) and floats


def start(instance: Instance, rounded: torch.dtype | None = None, shake: float = 0.0) -> None:
    """Give the parameters and buffers their initial values, the same ones in whatever dtype they are.

    Args:
        instance: The layer; its state is written.
        rounded: A dtype that holds these values too, where no tensor declares its own: float32 if none is given.
        shake: By how much parameters that are constant move away from there, so that what they multiply can be seen.

    Raises:
        TrialFault: If an initial value of the layer's own cannot be computed, or does not fit.
        EvaluationFault: If one of a member's cannot be computed.
    """
    _start(instance, instance.program.initial_order, instance.inner.keys(), rounded, shake)


def _start(
    instance: Instance,
    own: Iterable[str],
    inner: Collection[str],
    rounded: torch.dtype | None = None,
    shake: float = 0.0,
) -> None:
    with torch.no_grad():
        _start_members(instance, inner, rounded, shake)
        for name in own:
            tensor, target = instance.program.tensors[name], instance.state[name]
            if target is None:
                continue
            try:
                value = initial_value(instance, tensor, target)
            except EvaluationFault as fault:
                place = Place((*instance.program.path(name), "init"), fault.node.span)
                raise TrialFault(InitMismatch.at(place, fault.message, notes=instance.explainer.notes())) from None
            if value.is_floating_point():
                if shake and name in instance.program.parameters and value.numel() and value.min() == value.max():
                    value = value + torch.empty_like(value).uniform_(-shake, shake)
                value = value.to(target.dtype if tensor.dtype is not None else rounded or torch.float32)
            target.copy_(value)


def _start_members(instance: Instance, paths: Collection[str], rounded: torch.dtype | None, shake: float) -> None:
    """The same for the tensors of members."""
    for path, value in beginnings(instance, paths):
        if value.is_floating_point():
            if shake and instance.inner[path].parameter and value.numel() and value.min() == value.max():
                value = value + torch.empty_like(value).uniform_(-shake, shake)
            value = value.to(rounded or torch.float32)
        target = instance.state[path]
        assert target is not None
        target.copy_(value)


@contextmanager
def fractions_in(dtype: torch.dtype) -> Iterator[None]:
    """Let a quotient of integers, which has torch's default dtype, be as wide as what is computed of it."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype if dtype.is_floating_point else usual)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def made_in(dtype: torch.dtype, instance: Instance, tensor: Parameter | Buffer, target: Tensor) -> Tensor:
    """What a buffer starts with in a layer that is made in a dtype, where expressions are computed in that.

    What torch cannot compute there, or an initializer gives, is that of `initial_value`.

    Raises:
        EvaluationFault: If it cannot be computed, or does not fit.
    """
    value = initial_value(instance, tensor, target)
    if is_initializer(tensor.init.value):
        return value
    read = {name: in_dtype(dtype, other) for name, other in tensors_read(instance, tensor).items()}
    try:
        found = evaluated(instance, tensor, TensorCalls(torch.device("cpu"), dtype), read)
    except EvaluationFault:
        return value
    return found if isinstance(found, Tensor) and found.shape == value.shape else value


def initial_value(instance: Instance, tensor: Parameter | Buffer, target: Tensor) -> Tensor:
    """A tensor's initial value; what is floating is computed in float64, and what is random is drawn.

    Raises:
        EvaluationFault: If it cannot be computed, or does not fit.
    """
    init = with_fans(tensor.init, instance).value
    dtype = torch.float64 if target.is_floating_point() else target.dtype
    if is_initializer(init):
        value = torch.empty(target.shape, dtype=dtype)
        call_initializer(instance, init, value)
        return value
    wide = {name: in_dtype(dtype, other) for name, other in tensors_read(instance, tensor).items()}
    with fractions_in(dtype):
        result = evaluated(instance, tensor, TensorCalls(torch.device("cpu"), dtype), wide)
    if not isinstance(result, Tensor) or result.shape != target.shape:  # as is told where initial values are judged
        raise EvaluationFault(init, "the initial value has another shape than the tensor")
    return result
