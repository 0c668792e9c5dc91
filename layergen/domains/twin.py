"""What the match of a layer does where the layer fails: what torch does itself is not held against it."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from layergen.domains.recorded import wanted, weights
from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Match
from layergen.lang.tuples import gathered
from layergen.ops.modules import find_module
from layergen.resolve.program import Program
from layergen.run.environment import CONSTANTS
from layergen.run.equations import Running, tensors_in
from layergen.run.instance import Instance


def match_fails_too(instance: Instance, training: bool) -> bool:
    """Whether what a layer matches is not finite on the instance's values either, or refuses them."""
    match, formula = instance.program.matches, op_matched(instance.program)
    if match is None and formula is None:
        return False
    leaves = [tensor for _, tensor in wanted(instance)]
    for leaf in leaves:
        leaf.grad = None
    try:
        if match is not None:
            module = _module(instance, match, training)
            leaves += module.parameters()
            results = module(*_inputs(instance, match))
        else:
            assert formula is not None
            results = Running(instance).evaluate(formula)
        outputs = [output for output in tensors_in(results) if output.is_floating_point()]
        if not all(bool(output.isfinite().all()) for output in outputs):
            return True
        _backward(output for output in outputs if output.requires_grad)
    except Exception:
        return True  # torch refuses what the layer is given, or to be compared: nothing is held against the layer
    return any(leaf.grad is not None and not bool(leaf.grad.isfinite().all()) for leaf in leaves)


def op_matched(program: Program) -> ex.Call | None:
    """The op that a layer matches, if it is one with what it is given as it is: what more is said is not torch's."""
    calls = [part for part in ex.walk(program.formula) if isinstance(part, ex.Call)] if program.formula else []
    return calls[0] if len(calls) == 1 and calls[0] is program.formula else None


def _module(instance: Instance, match: Match, training: bool) -> torch.nn.Module:
    """The module of `matches`, with the values of the layer."""
    interpreter = Interpreter({**CONSTANTS, **instance.setting.values})
    hidden = {name for name, buffer in instance.program.buffers.items() if not buffer.persistent}
    state = {name: part.detach() for name, part in instance.state.items() if part is not None and name not in hidden}
    arguments = [interpreter.evaluate(argument) for argument in match.module.arguments]
    keywords = {keyword.name: interpreter.evaluate(keyword.value) for keyword in match.module.keywords}
    op = find_module(match.module.function)
    assert op is not None
    module: torch.nn.Module = op.function(*arguments, **keywords)
    module.to(instance.placement.dtype)
    module.load_state_dict(state)
    return module.train(training)


def _inputs(instance: Instance, match: Match) -> list[Any]:
    tensors = gathered(instance.inputs, instance.program.tuples)
    if match.inputs is None:
        return list(tensors.values())
    interpreter = Interpreter({**CONSTANTS, **tensors})
    return [interpreter.evaluate(part) for part in match.inputs]


def _backward(outputs: Iterable[Tensor]) -> None:
    kept = list(outputs)
    torch.autograd.backward(kept, [weights(output) for output in kept])
