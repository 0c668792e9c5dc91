"""Whether a causal layer tells positions of hundreds apart in bfloat16, which has every other number from 256 on."""

from contextlib import suppress

import torch
from torch import Tensor

from layergen.contracts.causal import is_causal
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.values import ORDINARY, drawn, give
from layergen.resolve.program import Program
from layergen.resolve.standing import axes
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.moving import move
from layergen.run.on_data import CPU
from layergen.run.started import start
from layergen.settings.choice import Setting

HALF = torch.bfloat16
END = 300  # positions that are kept: in half precision, the last of them would be that of the next
TIMES = 30.0  # how large what comes later is


def dimension_of(program: Program, setting: Setting) -> str | None:
    """The dimension along which a layer is causal at a setting, if it is one alone."""
    causal = program.causal
    return causal.dims[0] if causal and len(causal.dims) == 1 and is_causal(causal, setting) else None


def is_causal_in_half(program: Program, setting: Setting, name: str) -> bool:
    """Whether no output sees a later entry along a long dimension in half precision, in evaluation.

    Args:
        program: The layer.
        setting: Where the dimension is long.
        name: The dimension.
    """
    with suppress(TrialFault, EvaluationFault, RuntimeError), drawn(), torch.no_grad():
        instance = Instance(program, setting, Placement(CPU, HALF))
        start(instance)
        give(instance, ORDINARY)
        move(instance)
        before = _kept(instance, name)
        for given, tensor in instance.inputs.items():
            where = axes(program.inputs[given], name, tensor.dim()) if tensor is not None else None
            if tensor is not None and where is not None and tensor.is_floating_point():
                tensor.narrow(where[0], END, tensor.shape[where[0]] - END).normal_(0, TIMES)
        after = _kept(instance, name)
        return bool(before) and all(torch.equal(before[output], after[output]) for output in before)
    return False


def _kept(instance: Instance, name: str) -> dict[str, Tensor]:
    """The parts of the outputs that what comes later may not change."""
    found = {}
    for output, value in instance.run(training=False).outputs.items():
        where = axes(instance.program.outputs[output], name, value.dim())
        if where is not None and value.is_floating_point():
            found[output] = value.narrow(where[0], 0, END).clone()
    return found
