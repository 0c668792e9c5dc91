"""Tries the initial values of parameters and buffers, and tells between which bounds they lie."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from layergen import ops
from layergen.diagnostics import Finding, Place
from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import EvaluationFault, Function
from layergen.lang.visitor import statements
from layergen.probe.sampled import Drawn
from layergen.probe.spreads import initializer_mean, initializer_spread
from layergen.resolve.program import Member
from layergen.rules.tensors import InitMismatch
from layergen.run.environment import TensorCalls
from layergen.run.initial import call_initializer, evaluated, fans, tensors_read, with_fans
from layergen.run.instance import META, Instance
from layergen.run.owned import pairs
from layergen.run.paths import dotted
from layergen.run.started import fractions_in, initial_value
from layergen.run.starting import given_to_initializer, in_dtype
from layergen.run.words import Words

SETTLED = frozenset({"zeros", "ones", "constant", "eye", "dirac"})  # the initializers that draw nothing
MIDDLE = 1e-6  # of a spread, by which a mean is in the middle
SIGMAS = 6  # no sample of a test is farther from a normal distribution's mean
TOO_FLAT = re.compile(r"^Fan in and fan out can not be computed|^[Oo]nly tensors with 2 or more dimensions")
NOT_REAL = re.compile(r"^real must be floating point|inputs to be Half, Float or Double tensors")
LARGEST = 65_536  # elements of a tensor whose initial values are computed at build
FEW = 100  # elements of a tensor below which it would be drawn too often to tell where its values lie, if by loops

# The least and the greatest value and, of one that is drawn, how far they spread, and their mean if not in the middle.
Bounds = tuple[float, ...]


def initial_bounds(instance: Instance) -> dict[str, Bounds]:
    """Between which values each tensor of an instance starts, where that can be told.

    Raises:
        SpecError: If initial values cannot be computed, or do not fit.
    """
    bounds: dict[str, Bounds] = {}
    findings: list[Finding] = []
    for name in instance.program.initial_order:
        target = instance.state[name]
        if target is None:
            continue
        path = (*instance.program.path(name), "init")
        try:
            found = _bounds(instance, name, target)
        except EvaluationFault as fault:
            notes = instance.explainer.notes()
            message, help = _said(instance.program.tensors[name].init.value, fault)
            findings.append(InitMismatch.at(Place(path, fault.node.span), message, notes=notes, help=help))
        else:
            if found is not None:
                bounds[name] = found
    refuse(findings)
    return bounds | dict(_bounds_in_members(instance))


def _bounds_in_members(instance: Instance) -> Iterator[tuple[str, Bounds]]:
    """Between which values tensors of members start that the layer itself starts otherwise than they do alone."""
    tied = {left for tie in instance.program.ties for left, _ in pairs(tie, instance.setting.values)}
    for path in (path for member in instance.program.members.values() for path in _restarted(instance, member)):
        target = instance.state[path]
        if target is None or path in tied:
            continue
        found = given_to_initializer(instance.inner[path], instance.state, target)
        ends = found and drawn_bounds(*found, target)
        if ends:
            yield path, ends


def _restarted(instance: Instance, member: Member) -> Iterator[str]:
    """The tensors of a member, or of those of a list, to which a layer gives initial values."""
    for path in member.init:
        told = re.compile(rf"{re.escape(member.name)}(\.\d+)?\.{re.escape(dotted(path))}")
        yield from filter(told.fullmatch, instance.inner)


def _said(init: ex.Expression, fault: EvaluationFault) -> tuple[str, str | None]:
    """The fault of an initial value in words, and help with it."""
    if isinstance(init, ex.Call) and TOO_FLAT.search(fault.message):
        message = f"`{init.function}` is for tensors of two dimensions or more"
        return message, "write `zeros`, or `uniform(-0.1, 0.1)` for another spread"
    if NOT_REAL.search(fault.message):
        made = "what is made from nothing has the dtype of the tensor that starts so"
        return fault.message, f"{made}: make its parts real, as by `randn(…, dtype=float32)`"
    return fault.message, None


def _bounds(instance: Instance, name: str, target: Tensor) -> Bounds | None:
    init = with_fans(instance.program.tensors[name].init, instance).value
    if not is_initializer(init):
        return _expression_bounds(instance, name, target)
    return drawn_bounds(init.function, call_initializer(instance, init, target), target)


def drawn_bounds(initializer: str, given: Mapping[str, Any], target: Tensor) -> Bounds | None:
    """Between which values a tensor starts that an initializer of torch fills, and how far they spread."""
    shape = tuple(target.shape)
    ends = initializer_bounds(initializer, given, shape)
    spread = None if target.is_complex() else initializer_spread(initializer, given, shape)
    if ends is None or spread is None or not spread > 0:
        return ends
    mean = initializer_mean(initializer, given)
    return (*ends, spread) if abs(mean - sum(ends) / 2) <= MIDDLE * spread else (*ends, spread, mean)


def initializer_bounds(name: str, given: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[float, float] | None:
    """Between which values an initializer's samples lie; for normal ones, six standard deviations are enough."""
    gain = given.get("gain", 1.0)
    fan_in, fan_out = fans(shape) if len(shape) >= 2 else (1, 1)
    match name:
        case "zeros":
            return 0, 0
        case "ones":
            return 1, 1
        case "constant":
            return given["val"], given["val"]
        case "uniform":
            return given["a"], given["b"]
        case "normal":
            return _around(given["mean"], SIGMAS * given["std"])
        case "trunc_normal":
            low, high = _around(given["mean"], SIGMAS * given["std"])
            return max(given["a"], low), min(given["b"], high)
        case "xavier_uniform":
            return _around(0, gain * math.sqrt(6 / (fan_in + fan_out)))
        case "xavier_normal":
            return _around(0, SIGMAS * gain * math.sqrt(2 / (fan_in + fan_out)))
        case "kaiming_uniform" | "kaiming_normal":
            gain = nn.init.calculate_gain(given["nonlinearity"], given["a"])
            std = gain / math.sqrt(fan_in if given["mode"] == "fan_in" else fan_out)
            return _around(0, std * (math.sqrt(3) if name == "kaiming_uniform" else SIGMAS))
        case "eye" | "dirac":
            return 0, 1
        case "orthogonal":
            return _around(0, gain)
        case "sparse":
            return _around(0, SIGMAS * given["std"])
    return None


def _around(middle: float, distance: float) -> tuple[float, float]:
    return middle - distance, middle + distance


def _expression_bounds(instance: Instance, name: str, target: Tensor) -> Bounds | None:
    """The least and the greatest value of a tensor expression, unless it is random or large."""
    tensor = instance.program.tensors[name]
    results = Results(TensorCalls(META, target.dtype))
    result = fitting(instance, name, target, results)
    if results.largest > LARGEST or not result.numel() or result.is_complex():
        return None
    if any(map(draws, tensor.init.nodes())):
        repeated = any(isinstance(statement, ex.For) for statement in statements(tensor.init.before))
        if tensors_read(instance, tensor) or (repeated and target.numel() < FEW):
            return None
        settled = tensor.model_copy(update={"init": with_fans(tensor.init, instance)})  # once for all draws
        given = {name: value for name, value in instance.setting.values.items() if name in settled.init.mentions}
        drawn = Drawn(repr(settled.init), tuple(target.shape), target.dtype, repr(given))
        return drawn.bounds(lambda: initial_value(instance, settled, target))
    exact = _exact(instance, name, {})
    return None if exact is None else (exact.double().min().item(), exact.double().max().item())


def fitting(instance: Instance, name: str, target: Tensor, call: Function) -> Tensor:
    """What the expression of an initial value gives, without data.

    Raises:
        EvaluationFault: If it cannot be computed, or has another shape than the tensor.
    """
    tensor = instance.program.tensors[name]
    init = tensor.init.value
    result = evaluated(instance, tensor, call, tensors_read(instance, tensor))
    if not isinstance(result, Tensor):
        raise EvaluationFault(init, f"the initial value is `{result}`, not a tensor")
    if result.shape != target.shape:
        words = Words(
            instance.program, replace(instance.setting, sizes={}, leading=(), further={})
        )  # the constructor knows no dimension
        shapes = words.shape(tuple(result.shape)), words.shape(tuple(target.shape))
        raise EvaluationFault(init, f"the initial value has shape {shapes[0]}, not {shapes[1]}")
    return result


def _exact(instance: Instance, name: str, known: dict[str, Tensor | None]) -> Tensor | None:
    """The initial value of a tensor, unless random numbers or large tensors go into it.

    Args:
        instance: The layer, without data.
        name: The tensor.
        known: What has been found out of the tensors that others read.
    """
    tensor, target = instance.program.tensors[name], instance.state[name]
    if target is None or target.numel() > LARGEST or any(map(draws, tensor.init.nodes())):
        return None
    state: dict[str, Tensor | None] = {}
    for other, part in tensors_read(instance, tensor).items():
        if part is not None and other not in known:
            known[other] = _exact(instance, other, known)
        state[other] = known.get(other)
        if part is not None and state[other] is None:
            return None
    init = with_fans(tensor.init, instance).value
    if is_initializer(init):
        value = torch.empty(target.shape, dtype=target.dtype)
        call_initializer(instance, init, value)
        return value
    wide = torch.float64 if target.is_floating_point() and tensor.dtype is None else target.dtype
    read = {name: in_dtype(wide, part) for name, part in state.items()}
    with fractions_in(wide):
        result = evaluated(instance, tensor, TensorCalls(torch.device("cpu"), wide), read)
    return result if isinstance(result, Tensor) else None


def initialize(instance: Instance, name: str, seed: int = 0) -> None:
    """Give a tensor that is there, with data, its initial values; with the same seed, they are the same.

    Raises:
        EvaluationFault: If they cannot be computed, or only from tensors that are too large.
    """
    target = instance.state[name]
    assert target is not None
    tensor = instance.program.tensors[name]
    init = with_fans(tensor.init, instance).value
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        if is_initializer(init):
            call_initializer(instance, init, target)
            return
        sizes, read = Results(TensorCalls(META, target.dtype)), tensors_read(instance, tensor)
        evaluated(
            instance, tensor, sizes, {name: part if part is None else part.to(META) for name, part in read.items()}
        )
        if sizes.largest > LARGEST:
            raise EvaluationFault(init, "the initial values are too large to be computed here")
        with fractions_in(target.dtype):
            target.copy_(evaluated(instance, tensor, TensorCalls(torch.device("cpu"), target.dtype), read))


def draws(node: ex.Node) -> bool:
    """Whether a part of an initial value draws random numbers."""
    if not isinstance(node, ex.Call):
        return False
    op = ops.called(node)
    return op.random if op is not None else is_initializer(node) and node.function not in SETTLED


class Results:
    """Calls functions, and remembers how many elements the largest tensor has that came of one."""

    def __init__(self, call: Function) -> None:
        self.call = call
        self.largest = 0

    def __call__(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        result = self.call(node, arguments, keywords)
        for part in result if isinstance(result, list | tuple) else (result,):
            if isinstance(part, Tensor):
                self.largest = max(self.largest, part.numel())
        return result
