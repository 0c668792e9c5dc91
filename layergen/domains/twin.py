"""What the module that a layer matches does where the layer fails: what torch does itself is not held against it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from layergen.domains.recorded import wanted, weights
from layergen.lang.interpreter import Interpreter
from layergen.lang.tuples import gathered
from layergen.ops.modules import find_module
from layergen.run.environment import CONSTANTS
from layergen.run.instance import Instance


def module_fails_too(instance: Instance, training: bool) -> bool:
    """Whether the module that a layer matches is not finite on the instance's values either, or refuses them."""
    match = instance.program.matches
    op = find_module(match.module.function) if match is not None else None
    if match is None or op is None:
        return False
    values = {**CONSTANTS, **instance.setting.values}
    interpreter = Interpreter(values)
    hidden = {name for name, buffer in instance.program.buffers.items() if not buffer.persistent}
    state = {name: part.detach() for name, part in instance.state.items() if part is not None and name not in hidden}
    leaves = [tensor for _, tensor in wanted(instance)]
    for leaf in leaves:
        leaf.grad = None
    try:
        arguments = [interpreter.evaluate(argument) for argument in match.module.arguments]
        keywords = {keyword.name: interpreter.evaluate(keyword.value) for keyword in match.module.keywords}
        module = op.function(*arguments, **keywords)
        module.to(instance.placement.dtype)
        module.load_state_dict(state)
        module.train(training)
        tensors, given = gathered(instance.inputs, instance.program.tuples), match.inputs
        names = {**CONSTANTS, **tensors}
        inputs = list(tensors.values()) if given is None else [Interpreter(names).evaluate(part) for part in given]
        outputs = [output for output in _flat(module(*inputs)) if output.is_floating_point()]
        if not all(bool(output.isfinite().all()) for output in outputs):
            return True
        torch.autograd.backward(
            [output for output in outputs if output.requires_grad], [weights(o) for o in outputs if o.requires_grad]
        )
    except Exception:
        return True  # torch refuses what the layer is given, or to be compared: nothing is held against the layer
    grads = [leaf.grad for leaf in (*leaves, *module.parameters())]
    return any(grad is not None and not bool(grad.isfinite().all()) for grad in grads)


def _flat(value: Any) -> Iterator[Tensor]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, Tensor):
        yield value
