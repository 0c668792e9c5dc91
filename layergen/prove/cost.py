"""What a layer costs: parameters, floating-point operations and kept activations, as formulas of its sizes.

They are counted while the layer is run at symbols, on the way through the forward that its first case takes. That is
the forward of the spec: where the generated code computes something elsewhere, it may do and keep more or less.

- *parameters*: the elements of all parameters that exist on this way.
- *FLOPs* of one forward in training: two for each multiply-add of matrix products, convolutions and attention, as
  `torch.utils.flop_counter` counts them. What works element by element, or reduces, counts nothing, nor does
  `bilinear`.
- *activation bytes*: the memory that autograd keeps from the forward until the backward, in training, with inputs and
  parameters in float32 and a gradient wanted for every parameter and floating input. Each storage counts once and as
  a whole, however many views of it are kept; inputs that are kept count, the layer's parameters and buffers do not,
  nor do copies in which a run leaves what an op would write to these.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from layergen.ops.updating import noted_copies
from layergen.prove.abstract_run import Size, flop_counter, storage
from layergen.prove.formula import value
from layergen.prove.hints import numbers
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import drawn, fits, instance_of
from layergen.settings.choice import Setting


@dataclass(frozen=True)
class Cost:
    """An amount: as a formula, unless it could not be counted at symbols, and as a number."""

    formula: Any | None
    number: int  # at the layer's first case
    on_cpu: int | None = None  # what a run with data has come to there, where that is something else


@dataclass(frozen=True)
class Costs:
    """What a layer costs."""

    parameters: Cost
    flops: Cost  # in training, as all of them; evaluation may go another way through the forward
    activation_bytes: Cost


class Meter:
    """Counts what a run of a layer costs whose tensors want gradients."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.counter = flop_counter()
        given = {name: instance.inputs[name] for name in instance.program.kept}  # by the caller, and buffers then
        self.kept = KeptStorages({**instance.state, **given})
        self.further: dict[str, Size] = {}  # what was counted once and stands for more

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Count what is run inside."""
        with self.counter, noted_copies() as copies, saved_tensors_hooks(self.kept.pack, lambda tensor: tensor):
            self.kept.copies = copies
            yield

    def parameters(self) -> Size:
        """The elements of all parameters, for which nothing need be run."""
        own = [self.instance.state[name] for name in self.instance.program.parameters]
        inner = [self.instance.state[path] for path, part in self.instance.inner.items() if part.parameter]
        different = {id(tensor): tensor for tensor in (*own, *inner) if tensor is not None}  # some may be tied
        return sum(tensor.numel() for tensor in different.values())

    @contextmanager
    def repeated(self, times: Size) -> Iterator[None]:
        """Have what is run inside count as often as it stands for."""
        before = self.counted()
        yield
        for name, amount in self.counted().items():
            self.further[name] = self.further.get(name, 0) + (amount - before[name]) * (times - 1)

    def counted(self) -> dict[str, Size]:
        """The operations and the kept bytes so far."""
        contracts = self.instance.placement.contracts
        inner = [flops for flops in contracts.flops if flops is not None] if contracts is not None else []
        counted = {"flops": self.counter.get_total_flops() + sum(inner), "activation_bytes": self.kept.bytes()}
        return {name: amount + self.further.get(name, 0) for name, amount in counted.items()}

    def amounts(self) -> dict[str, Size]:
        """What was counted, by the names of `Costs`."""
        counted = {"parameters": self.parameters(), **self.counted()}
        contracts = self.instance.placement.contracts
        if contracts is None or not contracts.relied:
            return counted
        del counted["activation_bytes"]  # what members keep of their inputs, nobody says
        if not contracts.counted:
            del counted["flops"]
        return counted


def costs(program: Program, formulas: Mapping[str, Any], setting: Setting, on_data: bool = False) -> Costs:
    """What a layer costs at a setting, by what was counted at symbols; what could not be is counted without data.

    Args:
        program: The layer.
        formulas: What was counted at symbols.
        setting: Where amounts become numbers.
        on_data: Whether torch runs the layer on data alone, so that it is counted there.
    """
    found = _costs(program, formulas, setting, on_data)
    kept = None if on_data else _kept_on_cpu(program, setting)
    if kept is None or kept == found.activation_bytes.number:
        return found
    return replace(found, activation_bytes=replace(found.activation_bytes, on_cpu=kept))


def _kept_on_cpu(program: Program, setting: Setting) -> int | None:
    """What autograd keeps of a run with data: other kernels than those that are looked at without.

    None where the layer is too large, or torch lacks something on the CPU.
    """
    if not fits(Instance(program, setting)):
        return None
    try:
        meter = Meter(instance_of(program, setting, Placement(gradients=True), on_data=True))
        with drawn(), torch.enable_grad(), meter():
            meter.instance.run(training=True)
    except TrialFault:
        return None
    return int(meter.kept.bytes())


def _costs(program: Program, formulas: Mapping[str, Any], setting: Setting, on_data: bool) -> Costs:
    """What was counted without data, or with data where torch runs the layer there alone."""
    known, names = {}, numbers(program, setting).names
    for name, formula in formulas.items():
        try:
            known[name] = Cost(formula, int(value(formula, names)))
        except (ArithmeticError, ValueError, KeyError):
            continue  # torch has a function or a symbol of its own in it
    if len(known) == len(Costs.__dataclass_fields__):
        return Costs(**known)
    meter = Meter(instance_of(program, setting, Placement(gradients=True), on_data))
    with meter():
        meter.instance.run(training=True)
    return Costs(**{name: Cost(None, int(amount)) for name, amount in meter.amounts().items()} | known)


class KeptStorages:
    """The memory that autograd keeps, but for that of the layer's own tensors."""

    def __init__(self, own: Mapping[str, Tensor | None]) -> None:
        self.own = {storage(tensor)[0] for tensor in own.values() if tensor is not None}
        self.copies: Sequence[Tensor] = ()  # which stand in for the layer's own
        self.kept: dict[int, tuple[Tensor, Size]] = {}  # the tensors too, lest others come to have their addresses

    def pack(self, tensor: Tensor) -> Tensor:
        address, size = storage(tensor)
        if address not in self.own:
            self.kept[address] = tensor, size
        return tensor

    def bytes(self) -> Size:
        copies = {storage(tensor)[0] for tensor in self.copies}
        return sum(size for address, (_, size) in self.kept.items() if address not in copies)
