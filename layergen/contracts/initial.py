"""Tries the initial values of parameters and buffers, and tells between which bounds they lie."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from layergen import ops
from layergen.diagnostics import Finding, Place
from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.lang.inits import is_fan, is_initializer
from layergen.lang.interpreter import EvaluationFault, Function, Interpreter
from layergen.lang.model import Buffer, Parameter
from layergen.rules.tensors import InitMismatch
from layergen.run.environment import CONSTANTS, TensorCalls
from layergen.run.instance import META, Instance

SIGMAS = 6  # no sample of a test is farther from a normal distribution's mean
LARGEST = 65_536  # elements of a tensor whose initial values are computed at build

Bounds = tuple[float, float]


def initial_bounds(instance: Instance) -> dict[str, Bounds]:
    """Between which values each tensor of an instance starts, where that can be told.

    Raises:
        SpecError: If initial values cannot be computed, or do not fit.
    """
    bounds: dict[str, Bounds] = {}
    findings: list[Finding] = []
    for name, tensor in instance.program.tensors.items():
        target = instance.state[name]
        if target is None:
            continue
        path = (instance.program.section(name), name, "init")
        try:
            found = _bounds(instance, tensor, target)
        except EvaluationFault as fault:
            notes = instance.explainer.notes()
            findings.append(InitMismatch.at(Place(path, fault.node.span), fault.message, notes=notes))
        else:
            if found is not None:
                bounds[name] = found
    refuse(findings)
    return bounds


def _bounds(instance: Instance, tensor: Parameter | Buffer, target: Tensor) -> Bounds | None:
    init = with_fans(tensor.init, instance.state)
    if not is_initializer(init):
        return _expression_bounds(instance, init, target)
    given = call_initializer(instance, init, target)
    return initializer_bounds(init.function, given, tuple(target.shape))


def initial_value(instance: Instance, tensor: Parameter | Buffer, target: Tensor) -> Tensor:
    """A tensor's initial value; what is floating is computed in float64, and what is random is drawn.

    Raises:
        EvaluationFault: If it cannot be computed.
    """
    init = with_fans(tensor.init, instance.state)
    dtype = torch.float64 if target.is_floating_point() else target.dtype
    if is_initializer(init):
        value = torch.empty(target.shape, dtype=dtype)
        call_initializer(instance, init, value)
        return value
    values = {**CONSTANTS, **instance.setting.values}
    result = Interpreter(values, TensorCalls(torch.device("cpu"), dtype)).evaluate(init)
    assert isinstance(result, Tensor), "initial values have been tried before"
    return result


def call_initializer(instance: Instance, call: ex.Call, target: Tensor) -> Mapping[str, Any]:
    """Call an initializer of torch. What it was given is returned, by the names of its parameters."""
    interpreter = Interpreter({**CONSTANTS, **instance.setting.values})
    arguments = [interpreter.evaluate(argument) for argument in call.arguments]
    keywords = {keyword.name: interpreter.evaluate(keyword.value) for keyword in call.keywords}
    function: Callable[..., Any] = getattr(nn.init, f"{call.function}_")
    interpreter.guarded(call, lambda: function(target, *arguments, **keywords))
    given = inspect.signature(function).bind(target, *arguments, **keywords)
    given.apply_defaults()
    return given.arguments


def with_fans(init: ex.Expression, state: Mapping[str, Tensor | None]) -> ex.Expression:
    """An initial value with the fans in it computed."""

    def change(node: ex.Expression) -> ex.Expression | None:
        if not is_fan(node):
            return None
        weight = state.get(ex.show(node.arguments[0])) if len(node.arguments) == 1 else None
        if weight is None or weight.dim() < 2:
            raise EvaluationFault(node, f"`{ex.show(node)}` needs a parameter with two dimensions or more")
        fan_in, fan_out = fans(tuple(weight.shape))
        return ex.Literal(fan_in if node.function == "fan_in" else fan_out, span=node.span)

    return ex.transform(init, change)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """The fan-in and fan-out of a weight: inputs and outputs, each times the size of the window."""
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def initializer_bounds(name: str, given: Mapping[str, Any], shape: tuple[int, ...]) -> Bounds | None:
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


def _around(middle: float, distance: float) -> Bounds:
    return middle - distance, middle + distance


def _expression_bounds(instance: Instance, init: ex.Expression, target: Tensor) -> Bounds | None:
    """The least and the greatest value of a tensor expression, unless it is random or large."""
    values = {**CONSTANTS, **instance.setting.values}
    dtype = target.dtype
    results = Results(TensorCalls(META, dtype))
    result = Interpreter(values, results).evaluate(init)
    if not isinstance(result, Tensor):
        raise EvaluationFault(init, f"the initial value is `{result}`, not a tensor")
    if result.shape != target.shape:
        shapes = instance.explainer.shape(tuple(result.shape)), instance.explainer.shape(tuple(target.shape))
        raise EvaluationFault(init, f"the initial value has shape {shapes[0]}, not {shapes[1]}")
    random = any(_draws(node) for node in ex.walk(init))
    if random or results.largest > LARGEST or not result.numel() or result.is_complex():
        return None
    exact = Interpreter(values, TensorCalls(torch.device("cpu"), dtype)).evaluate(init).double()
    return exact.min().item(), exact.max().item()


def initialize(instance: Instance, name: str, seed: int = 0) -> None:
    """Give a tensor that is there, with data, its initial values; with the same seed, they are the same.

    Raises:
        EvaluationFault: If they cannot be computed, or only from tensors that are too large.
    """
    target = instance.state[name]
    assert target is not None
    values = {**CONSTANTS, **instance.setting.values}
    init = with_fans(instance.program.tensors[name].init, instance.state)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        if is_initializer(init):
            call_initializer(instance, init, target)
            return
        sizes = Results(TensorCalls(META, target.dtype))
        Interpreter(values, sizes).evaluate(init)
        if sizes.largest > LARGEST:
            raise EvaluationFault(init, "the initial values are too large to be computed here")
        target.copy_(Interpreter(values, TensorCalls(torch.device("cpu"), target.dtype)).evaluate(init))


def _draws(node: ex.Node) -> bool:
    op = ops.called(node) if isinstance(node, ex.Call) else None
    return op is not None and op.random


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
