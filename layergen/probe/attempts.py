"""Runs of a layer in one dtype that are held against float64 on the same numbers, and made again on others."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from layergen.diagnostics import Span
from layergen.domains.twin import match_fails_too
from layergen.lang import expression as ex
from layergen.probe.digits import floor
from layergen.probe.sites import CPU, SHAKE, started
from layergen.probe.values import ORDINARY, Point, drawn
from layergen.resolve.program import Program
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.started import made_in
from layergen.settings.choice import Setting

TOLERANCE = 0.1  # of the output's own size; what rounding alone does stays far below
CONDITION = 16  # how much more than a rounding of its inputs does to it a layer may be off
REPEATS = (1, 2)  # draws that must all show it


@dataclass(frozen=True)
class Attempt:
    """A run that can be made again on other numbers."""

    program: Program
    setting: Setting
    dtype: torch.dtype
    training: bool
    point: Point = ORDINARY  # what the inputs are
    common: torch.dtype = torch.bfloat16  # which holds all numbers that are drawn
    shifted: str | None = None  # an input that is far from zero, and how far
    shift: float = 0.0
    table: str | None = None  # a buffer: it alone is in the dtype, and starts with what is computed there
    exactly: bool = False  # whether that is computed in float64, and only rounded
    mended: frozenset[Span] = frozenset()  # where values are stored that float64 computes, in whatever dtype is run

    def run(self, dtype: torch.dtype, seed: int, nudge: float = 0.0) -> Run | None:
        """Run in a dtype on the numbers of a seed, or on such that are off by a share of themselves."""
        right = replace(self, mended=frozenset()).run(torch.float64, seed) if self.mended else None
        with drawn(seed):
            try:
                instance = self.started(dtype)
                for name, tensor in (*instance.inputs.items(), *instance.state.items()):
                    if nudge and tensor is not None and tensor.is_floating_point() and name not in self.program.buffers:
                        tensor *= 1 + nudge * (2 * torch.empty_like(tensor).bernoulli_(0.5) - 1)
                if right is None:
                    return instance.run(self.training)
                return instance.run(self.training, interpreter=lambda *given: Mended(right, self.mended, *given))
            except TrialFault:
                return None

    def started(self, dtype: torch.dtype) -> Instance:
        """The layer in a dtype, with its numbers drawn."""
        instance = Instance(self.program, self.setting, Placement(CPU, dtype if self.table is None else torch.float64))
        started(instance, self.point, rounded=self.common, shake=SHAKE)
        far = instance.inputs[self.shifted] if self.shifted is not None else None
        if far is not None:
            far.copy_((far.double() + self.shift).to(self.common))
        target = instance.state[self.table] if self.table is not None else None
        if self.table is not None and target is not None:
            made = torch.float64 if self.exactly else dtype
            target.copy_(made_in(made, instance, instance.program.tensors[self.table], target).to(dtype))
        return instance

    def excused(self) -> bool:
        """Whether the module of `matches` fails on these numbers too."""
        with drawn():
            return match_fails_too(self.started(self.dtype), self.training)

    def error(self, seed: int, nudge: float = 0.0) -> float:
        """The error of the outputs in the attempt's dtype, or of a nudge in float64; none where it cannot be run."""
        exact, other = self.run(torch.float64, seed), self.run(torch.float64 if nudge else self.dtype, seed, nudge)
        return worst(other, exact, self.dtype) if exact and other else 0.0

    def fails(self, error: float) -> bool:
        """Whether an error is the layer's fault: other numbers show it, and no rounding of its inputs explains it."""
        if error <= TOLERANCE:
            return False
        if error == float("inf"):
            return True
        rounding = torch.finfo(self.dtype).eps / 2
        if any(self.error(seed) <= TOLERANCE for seed in REPEATS):
            return False
        return all(self.error(seed, rounding) * CONDITION < error for seed in (0, *REPEATS))


class Mended(ForwardInterpreter):
    """Stores at some places what another run has computed there."""

    def __init__(self, right: Run, places: frozenset[Span], *given: Any) -> None:
        super().__init__(*given)
        self.right = right
        self.places = places

    def store(self, target: ex.Name, value: Any) -> None:
        index = len(self.steps)
        known = index < len(self.right.steps) and self.right.steps[index].target is target
        super().store(target, self.right.steps[index].value if known and target.span in self.places else value)


def comparable(program: Program, training: bool) -> bool:
    """Whether a run does not depend on random numbers, which differ from dtype to dtype."""
    settled = program.random != "always" and program.asks_mode and not training
    return settled or not program.draws


def worst(half: Run, exact: Run, dtype: torch.dtype) -> float:
    """The largest error of an output."""
    return max((off(half.outputs[name], output, dtype) for name, output in exact.outputs.items()), default=0.0)


def off(half: Any, exact: Any, dtype: torch.dtype) -> float:
    """How far a tensor is off, in shares of its own size; infinite where it is no number and should be one."""
    if not isinstance(half, Tensor) or not isinstance(exact, Tensor) or half.shape != exact.shape:
        return 0.0
    if not (exact.is_floating_point() or exact.is_complex()) or not exact.numel():
        return 0.0
    kind = torch.complex128 if exact.is_complex() else torch.float64
    held = exact.isfinite() & (exact.abs() < torch.finfo(dtype).max / 2)
    found, right = half.to(kind)[held], exact.to(kind)[held]
    if not bool(found.isfinite().all()):
        return float("inf")
    least = 16 * floor(dtype) * right.numel() ** 0.5
    return float((found - right).norm() / right.norm().clamp(min=least)) if right.numel() else 0.0
