"""Values in half precision: near those that float64 gives for the same numbers, at a long dimension too."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.open_inputs import first_floating
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, IN_COMMON, SHAKE, SizeWatch, started
from layergen.contracts.values import ORDINARY, ZERO, Point, drawn
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.domains.twin import match_fails_too
from layergen.lang import expression as ex
from layergen.ops.dtypes import dtype_name
from layergen.resolve.program import Program
from layergen.rules.values import LossOfPrecision
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import BOTH, Bystander, Runs, Watch
from layergen.settings.choice import Setting

TOLERANCE = 0.1  # of the output's own size; what rounding alone does stays far below
CONDITION = 16  # how much more than a rounding of its inputs does to it a layer may be off
REPEATS = (1, 2)  # draws that must all show it
LONG = (2100, 600)  # the first that is small enough; bfloat16 counts to 256
MOST = 1_000_000  # elements of all tensors of a run at a long dimension
POSITIONS = frozenset({"arange", "linspace"})
RUNNING = frozenset({"cumsum", "cumprod", "logcumsumexp"})

HALVES = {dtype: Watch(IN_COMMON[dtype], BOTH, Bystander) for dtype in (torch.bfloat16, torch.float16)}
EXACT = Watch(IN_COMMON[torch.float64], BOTH, Bystander)


@dataclass(frozen=True)
class Attempt:
    """A run that can be made again on other numbers."""

    program: Program
    setting: Setting
    dtype: torch.dtype
    training: bool
    point: Point = ORDINARY  # what the inputs are

    def run(self, dtype: torch.dtype, seed: int, nudge: float = 0.0) -> Run | None:
        """Run in a dtype on the numbers of a seed, or on such that are off by a share of themselves."""
        with drawn(seed):
            try:
                instance = self.started(dtype)
                for name, tensor in (*instance.inputs.items(), *instance.state.items()):
                    if nudge and tensor is not None and tensor.is_floating_point() and name not in self.program.buffers:
                        tensor *= 1 + nudge * (2 * torch.empty_like(tensor).bernoulli_(0.5) - 1)
                return instance.run(self.training)
            except TrialFault:
                return None

    def started(self, dtype: torch.dtype) -> Instance:
        """The layer in a dtype, with its numbers drawn."""
        instance = Instance(self.program, self.setting, Placement(CPU, dtype))
        started(instance, self.point, rounded=torch.bfloat16, shake=SHAKE)
        return instance

    def excused(self) -> bool:
        """Whether the module of `matches` fails on these numbers too."""
        with drawn():
            return match_fails_too(self.started(self.dtype), self.training)

    def error(self, seed: int, nudge: float = 0.0) -> float:
        """The error of the outputs in the attempt's dtype, or of a nudge in float64; none where it cannot be run."""
        exact, other = self.run(torch.float64, seed), self.run(torch.float64 if nudge else self.dtype, seed, nudge)
        return worst(other, exact, self.dtype) if exact and other else 0.0


def check_halves(ways: Ways) -> Iterator[Finding]:
    """Yield the first way on which half precision gives something else, at the usual sizes or at a long dimension."""
    for runs in ways.runs:
        for finding in (*_at_setting(runs), *_at_zero(runs), *_at_length(runs)):
            yield finding
            return


HALF = Promise(check_halves, (EXACT, *HALVES.values()))


def _at_setting(runs: Runs) -> Iterator[Finding]:
    for dtype, watch in HALVES.items():
        for exact, half in zip(runs.seen(EXACT), runs.seen(watch), strict=True):
            if comparable(runs.program, half.training) and exact.fault is None and half.fault is None:
                attempt = Attempt(runs.program, runs.setting, dtype, half.training)
                if attempt_fails(attempt, worst(half.run, exact.run, dtype)):
                    yield _finding(attempt, half.run, exact.run, half.instance)


def _at_zero(runs: Runs) -> Iterator[Finding]:
    """The same for inputs that are zero: an epsilon that float16 rounds to nothing keeps nothing from zero."""
    for seen in runs.seen(HALVES[torch.float16]):
        if seen.fault is not None or not comparable(runs.program, seen.training):
            continue
        attempt = Attempt(runs.program, runs.setting, torch.float16, seen.training, ZERO)
        exact, half = attempt.run(torch.float64, 0), attempt.run(attempt.dtype, 0)
        if exact and half and worst(half, exact, attempt.dtype) == float("inf") and not attempt.excused():
            yield _finding(attempt, half, exact, seen.instance)
            return


def _at_length(runs: Runs) -> Iterator[Finding]:
    """The same at a long dimension, along which positions are counted: bfloat16 is the first to lose count."""
    if not runs.admits(EXACT.site):
        return
    for name in counted(runs.program):
        attempt = long_attempt(runs, name)
        if attempt is None or not comparable(runs.program, attempt.training):
            continue
        exact, half = attempt.run(torch.float64, 0), attempt.run(attempt.dtype, 0)
        if exact and half and attempt_fails(attempt, worst(half, exact, attempt.dtype)):
            yield _finding(attempt, half, exact, Instance(runs.program, attempt.setting), name)
            return


def comparable(program: Program, training: bool) -> bool:
    """Whether a run does not depend on random numbers, which differ from dtype to dtype."""
    settled = program.random != "always" and program.asks_mode and not training
    return settled or not program.draws


def attempt_fails(attempt: Attempt, error: float) -> bool:
    """Whether an error is the layer's fault: other numbers show it too, and no rounding of its inputs explains it."""
    if error <= TOLERANCE:
        return False
    if error == float("inf"):
        return True
    rounding = torch.finfo(attempt.dtype).eps / 2
    if any(attempt.error(seed) <= TOLERANCE for seed in REPEATS):
        return False
    return all(attempt.error(seed, rounding) * CONDITION < error for seed in (0, *REPEATS))


def counted(program: Program) -> tuple[str, ...]:
    """The dimensions along which the forward counts positions, or sums up."""
    found: set[str] = set()
    values = {
        target.id: statement.value
        for statement in program.forward.statements
        if isinstance(statement, ex.Assign)
        for target in statement.targets
    }
    for call in program.forward.calls:
        if call.function in RUNNING:
            found |= {*program.dimensions}
        if call.function in POSITIONS:
            names = ex.names(call)
            found |= names.union(*(ex.names(values[name]) for name in names if name in values))
    return tuple(name for name in program.dimensions if name in found)


def long_attempt(runs: Runs, name: str) -> Attempt | None:
    """A run at the setting with one dimension that is long, and no more elements than are soon computed."""
    training = not runs.program.asks_mode or not runs.program.draws
    for size in LONG:
        setting = replace(runs.setting, sizes={**runs.setting.sizes, name: size})
        try:
            instance = Instance(runs.program, setting)
            watch = SizeWatch(instance)
            watch.evidence(instance.run(training, watch))
        except TrialFault:
            continue
        if watch.elements <= MOST:
            return Attempt(runs.program, setting, torch.bfloat16, training)
    return None


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
    least = 16 * torch.finfo(dtype).tiny * right.numel() ** 0.5  # below, float16 has no digits left
    return float((found - right).norm() / right.norm().clamp(min=least)) if right.numel() else 0.0


def _finding(attempt: Attempt, half: Run, exact: Run, instance: Instance, length: str | None = None) -> Finding:
    """The finding at the first step that is off, or that counts wrong."""
    for found, right in zip(half.steps, exact.steps, strict=False):
        miscounts = length is not None and _miscounts(found.value, right.value)
        if miscounts or off(found.value, right.value, attempt.dtype) > TOLERANCE:
            values = _values(found.value, right.value)
            where = f" where {length} == {attempt.setting.sizes[length]}" if length else ""
            where = f" for inputs {attempt.point.words}" if attempt.point is not ORDINARY else where
            message = f"in {dtype_name(attempt.dtype)}, `{found.name}` is {values[0]} instead of {values[1]}{where}"
            share = worst(half, exact, attempt.dtype)
            notes = [] if share == float("inf") else [f"error: {share:.0%} of the output"]
            notes += instance.explainer.notes()
            wide = first_floating(instance.program) or "x"
            help = f"compute in float32 or wider: `h = upcast({wide})`, and come back with `type_as(…, {wide})`"
            if length is not None:
                help = f"count in float32: `arange({length}, dtype=float32)`, and `upcast(…)` what it meets"
            place = Place(FORWARD, found.target.span)
            return LossOfPrecision.at(place, message, notes=notes, help=help)
    name = next(iter(exact.outputs))
    message = f"in {dtype_name(attempt.dtype)}, `{name}` is far from what float64 gives"
    return LossOfPrecision.at(Place(("outputs", name), key=True), message, notes=instance.explainer.notes())


def _miscounts(half: Any, exact: Any) -> bool:
    """Whether whole numbers have become others."""
    if not isinstance(half, Tensor) or not isinstance(exact, Tensor) or not half.is_floating_point():
        return False
    if half.shape != exact.shape or exact.is_complex() or not exact.numel():
        return False
    right = exact.double()
    return bool((right == right.round()).all()) and bool((half.double() - right).abs().max() >= 1)


def _values(half: Tensor, exact: Tensor) -> tuple[str, str]:
    """The entry that is off most, as it is and as it should be."""
    difference = (half.to(exact.dtype) - exact).abs().flatten()
    index = int(torch.where(difference.isfinite(), difference, torch.inf).argmax())
    return tuple(f"{tensor.flatten()[index].item():.5g}" for tensor in (half, exact))  # type: ignore[return-value]
