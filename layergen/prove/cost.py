"""What a layer costs: parameters, floating-point operations and kept activations, as formulas of its sizes.

The layer is run at symbols once more for each of them, on the way through the forward that its first case takes:

- *parameters*: the elements of all parameters that exist on this way.
- *FLOPs* of one forward: two for each multiply-add of matrix products, convolutions and attention, as
  `torch.utils.flop_counter` counts them. What works element by element, or reduces, counts nothing, nor does
  `bilinear`.
- *activation bytes*: the memory that autograd keeps from the forward until the backward, in training, with inputs and
  parameters in float32 and a gradient wanted for every parameter and floating input. Each storage counts once and as
  a whole, however many views of it are kept; inputs that are kept count, the layer's parameters and buffers do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from layergen.prove.abstract_run import AbstractRun, Size, flop_counter, storage
from layergen.prove.formula import value
from layergen.prove.hints import numbers
from layergen.prove.proof import Proof, Rounding, SymbolicCalls, Tried, symbolic_instance
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

Measure = Callable[[Instance], Size]


@dataclass(frozen=True)
class Cost:
    """An amount: as a formula, unless it could not be counted at symbols, and as a number."""

    formula: Any | None
    number: int  # at the layer's first case


@dataclass(frozen=True)
class Costs:
    """What a layer costs."""

    parameters: Cost
    flops: Cost
    activation_bytes: Cost


def costs(program: Program, proof: Proof | Tried, setting: Setting) -> Costs:
    """Count what a layer costs on the way through its forward that a setting takes."""
    counted = (_cost(program, proof, setting, measure) for measure in (_parameters, _flops, _activation_bytes))
    return Costs(*counted)


def _cost(program: Program, proof: Proof | Tried, setting: Setting, measure: Measure) -> Cost:
    """Count at symbols; what cannot be counted there is counted at the setting, without data."""
    formula = _formula(program, proof, measure) if isinstance(proof, Proof) else None
    if formula is not None:
        try:
            return Cost(formula, int(value(formula, numbers(program, setting).names)))
        except (ArithmeticError, ValueError, KeyError):
            pass  # torch has a function or a symbol of its own in it
    return Cost(None, int(measure(Instance(program, setting, Placement(gradients=True)))))


def _formula(program: Program, proof: Proof, measure: Measure) -> Any | None:
    """An amount at symbols, if it holds for all of their values."""
    run = AbstractRun(proof.hints.names)
    try:
        with symbolic_instance(program, proof.hints, run, SymbolicCalls(Rounding()), gradients=True) as instance:
            formula = run.formula(measure(instance))
    except TrialFault:
        return None
    return None if run.lost() else formula


def _parameters(instance: Instance) -> Size:
    tensors = [instance.state[name] for name in instance.program.parameters]
    return sum(tensor.numel() for tensor in tensors if tensor is not None)


def _flops(instance: Instance) -> Size:
    with flop_counter() as counter:
        instance.run(training=True)
    total: Size = counter.get_total_flops()
    return total


def _activation_bytes(instance: Instance) -> Size:
    kept = KeptStorages(instance.state)
    with saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        instance.run(training=True)
    return kept.bytes()


class KeptStorages:
    """The memory that autograd keeps, but for that of the layer's own tensors."""

    def __init__(self, own: Mapping[str, Tensor | None]) -> None:
        self.own = {storage(tensor)[0] for tensor in own.values() if tensor is not None}
        self.kept: dict[int, tuple[Tensor, Size]] = {}  # the tensors too, lest others come to have their addresses

    def pack(self, tensor: Tensor) -> Tensor:
        address, size = storage(tensor)
        if address not in self.own:
            self.kept[address] = tensor, size
        return tensor

    def bytes(self) -> Size:
        return sum(size for _, size in self.kept.values())
