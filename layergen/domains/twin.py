"""What the match of a layer does where the layer fails: what torch does itself is not held against it."""

from collections.abc import Iterable

import torch
from torch import Tensor

from layergen.domains.recorded import wanted, weights
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.run.equations import Running, tensors_in
from layergen.run.instance import Instance
from layergen.run.matched import loaded_module, matched_inputs


def match_fails_too(instance: Instance, training: bool) -> bool:
    """Whether what a layer matches is not finite on the instance's values either, or refuses them."""
    module_matched, formula = instance.program.matches is not None, op_matched(instance.program)
    if not module_matched and formula is None:
        return False
    leaves = [tensor for _, tensor in wanted(instance)]
    for leaf in leaves:
        leaf.grad = None
    try:
        if formula is not None:
            results = Running(instance).evaluate(formula)
        else:
            module = loaded_module(instance).train(training)
            leaves += module.parameters()
            results = module(*matched_inputs(instance, instance.inputs))
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


def _backward(outputs: Iterable[Tensor]) -> None:
    kept = list(outputs)
    torch.autograd.backward(kept, [weights(output) for output in kept])
