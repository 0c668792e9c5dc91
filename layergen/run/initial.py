"""Initial values: what the expressions of a spec give, and torch's initializers do."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from torch import Tensor, nn

from layergen.lang import expression as ex
from layergen.lang.inits import Initial, is_fan
from layergen.lang.interpreter import EvaluationFault, Function, Interpreter
from layergen.lang.model import Buffer, Parameter
from layergen.lang.visitor import mapped
from layergen.run.environment import CONSTANTS
from layergen.run.instance import Instance


def tensors_read(instance: Instance, tensor: Parameter | Buffer) -> dict[str, Tensor | None]:
    """The tensors that an initial value reads, all of a family, but of its own those before it."""
    declared, found = instance.program.declared, tensor.init.mentions
    own = next((name for name, part in instance.program.tensors.items() if part is tensor), "")
    kin = instance.program.kin.get(declared.get(own, ""), ())
    later = kin[kin.index(own) :] if own in kin else ()
    return {
        name: other for name, other in instance.state.items() if declared.get(name, name) in found and name not in later
    }


def evaluated(
    instance: Instance, tensor: Parameter | Buffer, call: Function, state: Mapping[str, Tensor | None]
) -> Any:
    """What the expression of an initial value gives, after the statements before it.

    Args:
        instance: The layer.
        tensor: The tensor that starts so.
        call: Calls functions.
        state: The tensors that it may read. An argument of the same name is meant rather than the tensor.

    Raises:
        EvaluationFault: If it cannot be computed.
    """
    interpreter = Interpreter({**state, **instance.lists(state), **CONSTANTS, **instance.setting.values}, call)
    init = with_fans(tensor.init, instance)
    interpreter.run(init.before)
    return interpreter.evaluate(init.value)


def call_initializer(instance: Instance, call: ex.Call, target: Tensor) -> Mapping[str, Any]:
    """Call an initializer of torch. What it was given is returned, by the names of its parameters."""
    return fill(call, {**CONSTANTS, **instance.setting.values}, target)


def fill(call: ex.Call, values: Mapping[str, Any], target: Tensor) -> Mapping[str, Any]:
    """Call an initializer of torch where some values are known.

    Returns:
        What it was given, by the names of its parameters.
    """
    interpreter = Interpreter(values)
    arguments = [interpreter.evaluate(argument) for argument in call.arguments]
    keywords = {keyword.name: interpreter.evaluate(keyword.value) for keyword in call.keywords}
    function: Callable[..., Any] = getattr(nn.init, f"{call.function}_")
    interpreter.guarded(call, lambda: function(target, *arguments, **keywords))
    given = _signature(function).bind(target, *arguments, **keywords)
    given.apply_defaults()
    return given.arguments


_signature = cache(inspect.signature)


def with_fans(init: Initial, instance: Instance) -> Initial:
    """An initial value with the fans in it computed."""
    if not init.asks_fan:
        return init

    def change(node: ex.Expression) -> ex.Expression | None:
        if not is_fan(node):
            return None
        weight = _weight(node.arguments[0], instance) if len(node.arguments) == 1 else None
        if weight is None or weight.dim() < 2:
            raise EvaluationFault(node, f"`{ex.show(node)}` needs a parameter with two dimensions or more")
        fan_in, fan_out = fans(tuple(weight.shape))
        return ex.Literal(fan_in if node.function == "fan_in" else fan_out, span=node.span)

    before = mapped(init.before, lambda node: ex.transform(node, change))
    return replace(init, before=before, value=ex.transform(init.value, change))


def _weight(node: ex.Expression, instance: Instance) -> Tensor | None:
    """The tensor whose fan is asked for, if there is one: of its own name, or of a family by an index."""
    match node:
        case ex.Name(id=name):
            return instance.state.get(name)
        case ex.Subscript(value=ex.Name(id=name), index=index) if name in instance.program.kin:
            at = Interpreter(instance.setting.values).evaluate(index)
            several = instance.program.kin[name]
            return instance.state[several[at]] if isinstance(at, int) and -len(several) <= at < len(several) else None
    return None


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """The fan-in and fan-out of a weight: inputs and outputs, each times the size of the window."""
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window
