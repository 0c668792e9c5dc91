"""Whether `torch.func.jacrev`, which maps over backward passes, gives what these give one by one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from layergen.measure.twice import LARGEST
from layergen.probe.moved import measured, moved
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

ROWS = 8  # numbers of the outputs whose gradients are compared


def jacobian(program: Program, setting: Setting) -> bool:
    """Whether the Jacobian of some numbers of the outputs has the rows that backward passes give, in evaluation."""
    if program.random == "always":
        return False
    with drawn(0, gradients=True):
        try:
            instance = moved(program, setting)
            leaves = [tensor.requires_grad_() for tensor in measured(instance)]
            outputs = instance.run(training=False).outputs
            told = [name for name, output in outputs.items() if output.requires_grad and output.numel()]
            numbers = [*leaves, *(outputs[name] for name in told)]
            if not told or sum(tensor.numel() for tensor in numbers) > LARGEST:
                return False
            rows = torch.func.jacrev(Chosen(instance, leaves, told), tuple(range(len(leaves))))(*leaves)
            chosen = Chosen(instance, leaves, told)(*leaves)
            passes = [torch.autograd.grad(each, leaves, retain_graph=True, materialize_grads=True) for each in chosen]
        except (TrialFault, RuntimeError, IndexError):  # torch cannot map over the derivative of each op
            return False
    expected = [torch.stack(slopes) for slopes in zip(*passes, strict=True)]
    return all(torch.allclose(one, other, rtol=1e-6, atol=1e-9) for one, other in zip(rows, expected, strict=True))


class Chosen:
    """Some numbers of the outputs of an instance, as a function of its leaves."""

    def __init__(self, instance: Instance, leaves: Sequence[Tensor], told: Sequence[str]) -> None:
        self.instance, self.told = instance, told
        self.places = {id(leaf): index for index, leaf in enumerate(leaves)}

    def __call__(self, *leaves: Tensor) -> Tensor:
        instance = self.instance
        before = dict(instance.inputs), dict(instance.state)
        for tensors in (instance.inputs, instance.state):
            for name, tensor in tensors.items():
                if id(tensor) in self.places:
                    tensors[name] = leaves[self.places[id(tensor)]]
        try:
            outputs = instance.run(training=False).outputs
        finally:
            for tensors, old in zip((instance.inputs, instance.state), before, strict=True):
                tensors.update(old)
        found = [outputs[name] for name in self.told]
        parts = [torch.view_as_real(part) if part.is_complex() else part for part in found]
        numbers = torch.cat([part.double().flatten() for part in parts])
        return numbers[:: max(1, len(numbers) // ROWS)][:ROWS]
