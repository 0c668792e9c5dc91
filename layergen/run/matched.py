"""The existing module that a layer is to match: made as the layer is, and called with its inputs."""

from collections.abc import Mapping
from typing import Any

import torch

from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter
from layergen.lang.tuples import gathered
from layergen.ops.modules import find_module
from layergen.run.environment import CONSTANTS
from layergen.run.instance import Instance


def matched_module(instance: Instance, device: torch.device) -> torch.nn.Module:
    """The module of `matches`, as it is made at the setting of an instance.

    Raises:
        EvaluationFault: If it cannot be.
    """
    match = instance.program.matches
    assert match is not None
    op = find_module(match.module.function)
    assert op is not None
    tensors = {name: instance.inputs[name] for name in instance.program.kept}
    interpreter = Interpreter({**CONSTANTS, **instance.setting.values, **tensors})
    arguments = [interpreter.evaluate(argument) for argument in match.module.arguments]
    keywords = {keyword.name: interpreter.evaluate(keyword.value) for keyword in match.module.keywords}
    with device:
        made = interpreter.guarded(match.module, lambda: op.function(*arguments, **keywords))
    assert isinstance(made, torch.nn.Module)
    return made


def loaded_module(instance: Instance) -> torch.nn.Module:
    """The same with the values that the instance has, in its dtype.

    Raises:
        EvaluationFault: If the module cannot be made.
        Exception: Whatever torch raises where the state of one does not fit the other.
    """
    module = matched_module(instance, instance.placement.device).to(instance.placement.dtype)
    owned = {**instance.state, **{name: instance.inputs[name] for name in instance.program.kept}}
    values = {name: tensor.detach() for name, tensor in owned.items() if tensor is not None}
    module.load_state_dict({name: values[name] for name in module.state_dict()})
    return module


def matched_inputs(instance: Instance, inputs: Mapping[str, Any]) -> list[Any]:
    """What the module of `matches` is called with, where the layer is called with these inputs."""
    match = instance.program.matches
    assert match is not None
    called = match.inputs if match.inputs is not None else tuple(map(ex.Name, instance.program.call))
    given = gathered(inputs, instance.program.tuples)
    interpreter = Interpreter({**CONSTANTS, **instance.setting.values, **given})
    return [interpreter.evaluate(value) for value in called]
