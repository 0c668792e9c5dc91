"""Whether torch can differentiate a layer forwards, along a direction, and gives what the gradients give."""

from typing import Any

import torch
from torch.autograd import forward_ad

from layergen.measure.twice import LARGEST, inner, outputs_of, total
from layergen.probe.moved import measured, moved
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting

FORWARDS: Any = forward_ad  # torch gives its functions no types


def forward_mode(program: Program, setting: Setting) -> bool:
    """Whether derivatives along a direction, taken forwards, are those of the gradients, in each mode."""
    return all(_agrees(program, setting, training) for training in program.modes)


def _agrees(program: Program, setting: Setting, training: bool) -> bool:
    with drawn(0, gradients=True):
        try:
            instance = moved(program, setting)
            leaves = tuple(tensor.requires_grad_() for tensor in measured(instance))
            outputs = outputs_of(instance, training)
            if not outputs or sum(tensor.numel() for tensor in (*leaves, *outputs)) > LARGEST:
                return False
            slopes = torch.autograd.grad(total(outputs), leaves, allow_unused=True, materialize_grads=True)
            ways = {id(leaf): torch.randn_like(leaf) for leaf in leaves}
            expected = torch.stack(
                [inner(slope, ways[id(leaf)]) for slope, leaf in zip(slopes, leaves, strict=True)]
            ).sum()
            with FORWARDS.dual_level():
                for tensors in (instance.inputs, instance.state):
                    for name, tensor in tensors.items():
                        if tensor is not None and id(tensor) in ways:
                            tensors[name] = FORWARDS.make_dual(tensor, ways[id(tensor)])
                change = FORWARDS.unpack_dual(total(outputs_of(instance, training))).tangent
        except (TrialFault, RuntimeError, IndexError):  # torch does not know the derivative of each op
            return False
    return change is not None and torch.allclose(change, expected, rtol=1e-6, atol=1e-9)
