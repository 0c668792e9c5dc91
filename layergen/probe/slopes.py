"""What a run on data gives, and the slopes of it: the watcher of runs with gradients."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import Watcher


@dataclass(frozen=True)
class Slopes:
    """The gradients of a run, by the names of inputs and parameters; of those that the outputs depend on."""

    of: Mapping[str, Tensor] = field(default_factory=dict)
    steep: bool = False  # whether a fractional power was taken, whose own slope is infinite at zero
    refusal: str = ""  # why torch cannot compute them, if it cannot


class SlopeWatch(Watcher[Slopes]):
    """Follows a run back, from outputs that all count by some random weight, to the inputs and parameters."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.steep = False

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        if node.function in ("pow", "float_power") and len(arguments) > 1:
            self.power(arguments[1])

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator == "**":
            self.power(right)

    def power(self, exponent: Any) -> None:
        if isinstance(exponent, Tensor) or (isinstance(exponent, float) and exponent < 1):
            self.steep = True

    def evidence(self, run: Run | None) -> Slopes:
        if run is None:
            return Slopes()
        try:
            return Slopes(_gradients(self.instance, run), self.steep)
        except RuntimeError as refusal:
            return Slopes(steep=self.steep, refusal=str(refusal))


def leaves(instance: Instance) -> Iterator[tuple[str, Tensor]]:
    """The inputs and parameters of which a run keeps gradients."""
    for name, tensor in (*instance.state.items(), *instance.inputs.items()):
        if tensor is not None and tensor.requires_grad:
            yield name, tensor


def gradients(instance: Instance, run: Run) -> Mapping[str, Tensor]:
    """The gradients of a weighed sum of a run's outputs; none where torch cannot compute them, which is told once."""
    try:
        return _gradients(instance, run)
    except RuntimeError:
        return {}


def _gradients(instance: Instance, run: Run) -> Mapping[str, Tensor]:
    """The same; the weights are the same in all dtypes.

    Raises:
        RuntimeError: If torch cannot compute them.
    """
    ends, weights = [], []
    for output in run.outputs.values():
        if output.requires_grad:
            ends.append(output)
            kind = torch.complex64 if output.is_complex() else torch.float32
            weights.append(torch.randn(output.shape, dtype=kind).to(output.dtype))
    named = dict(leaves(instance))
    if not ends or not named:
        return {}
    found = torch.autograd.grad(ends, list(named.values()), weights, allow_unused=True)
    return {name: gradient for name, gradient in zip(named, found, strict=True) if gradient is not None}
