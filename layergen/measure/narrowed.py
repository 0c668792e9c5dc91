"""How far a layer is off in narrower dtypes, and under autocast, on numbers that its generated tests have, too.

They are those of recorded values, or such multiples of them that a layer which leaves out one of its casts, or lets
autocast into what is kept from it, is further off than any rounding explains. Far from zero, it is float32 that loses
the digits of differences.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from layergen.lang.interpreter import EvaluationFault
from layergen.measure.jittered import Jittered
from layergen.measure.recorded import USUAL, Recorder, Scale
from layergen.measure.rounding import jumps
from layergen.measure.slips import Slip, slips
from layergen.probe.attempts import comparable
from layergen.probe.digits import mean_off, units_off
from layergen.probe.values import drawn
from layergen.resolve.autocast import has_narrow_products, kept_whole
from layergen.resolve.op_names import op_names
from layergen.resolve.program import Program
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import CPU
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

LOWER = torch.bfloat16
# By how many times a test lets a layer be further off than it was, and by how many units in any case: kernels of other
# processors sum up in another order, and those of products round in between.
MARGIN, FLOOR = 2.0, 1.0
MARGIN_OF_PRODUCTS, FLOOR_OF_PRODUCTS = 4.0, 6.0
MARGIN_IN_FLOAT32, FLOOR_IN_FLOAT32 = 8.0, 16.0
ROUNDED = 0.51  # units, by which one rounding is off at most: half of one, and what float32 adds
ONCE = 0.6  # what a test allows there
WIDE = 0.05  # units, by which what comes out in a wider dtype is off at most
CLOSE = 6.0  # units, of which the margin lets nothing be told any more
CLOSE_FAR = 1e5  # units of float32, from where on it has lost the digits of differences
FOUND = 1.1  # of what a test allows, from where on a slip is found
MARGIN_ON_AVERAGE, FLOOR_ON_AVERAGE = 2.0, 0.6  # of the root of the mean square, which hardly depends on kernels
MANY = 20  # numbers of a result, of which an average tells something
LEAST = 0.25  # of the mean size of an output: what is smaller may be a difference of nearly equal numbers
LEAST_ONCE = 0.01  # the same where each number is rounded once
TIMES = (1.0, 300.0, 1.3, 0.7, 170.0, 1.9, 23.0, 0.9, 410.0, 2.3)
FAR = 4096.0  # whose square is the first integer after which float32 leaves out every other one
IDLE = 3  # rows at which a slip makes no difference, after which it is taken for none; for each of its places
SMALL = Scale(1e-6)
LOW = -8.0  # by which parameters are moved: what is computed of their exponentials is near to zero
NUDGES = (1, 2)

DIFFERENCES = frozenset({"-", "std", "std_mean", "var", "var_mean", "cdist"})
OF_DIFFERENCES = ("norm", "loss", "distance")  # parts of the names of ops
NEAR_ZERO = frozenset({"expm1", "log1p", "logaddexp", "sinc", "tanhshrink"})  # ops that keep their digits there

Interpreting = Callable[..., ForwardInterpreter]
Results = Mapping[str, Tensor] | None


class Off(NamedTuple):
    """By how many units of the last digit a result is off."""

    most: float
    mean: float = math.inf  # the root of the mean square, in units of that of what is right


@dataclass(frozen=True)
class Narrowed:
    """Inputs and a dtype in which a layer is compared with itself in float64.

    Attributes:
        units: Of the last digit, by which each output, buffer and penalty may be off at most; of none where that is
            not told.
        means: By how many each may be off on average, of those that are rounded more than once in half precision.
    """

    setting: str
    training: bool
    dtype: torch.dtype
    lowered: bool = False  # whether autocast is on
    behind: bool = True  # whether the layer takes inputs in the lower dtype there, too, as another layer gives them
    scale: Scale = USUAL  # of the inputs
    weights: float = 0.0  # by which the parameters are moved
    units: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)

    @property
    def unit(self) -> torch.dtype:
        """The dtype whose last digit is counted."""
        return LOWER if self.lowered else self.dtype

    @property
    def common(self) -> torch.dtype:
        """The dtype whose numbers the inputs and tensors are."""
        return torch.float32 if self.scale.shift else LOWER


def narrowed(program: Program, ways: Sequence[Runs]) -> tuple[Narrowed, ...]:
    """The rows of a layer: those that find slips of its casts, one under autocast, and one far from zero."""
    tried = [one for one in (Tried(program, runs.setting) for runs in ways) if one.recorder.state is not None]
    found = [*_finding_slips(program, tried), *_in_float32(program, tried[:1])]
    if not any(row.lowered for row in found) and not kept_whole(program.forward.statements):
        found += _lowered(program, tried[:1])
    at = {one.setting.name: one for one in tried}
    return tuple(replace(row, behind=row.lowered and at[row.setting].follows(row)) for row in found)


class Tried:
    """A layer at a setting, with the numbers of recorded values.

    Args:
        program: The layer.
        setting: Where it is run.
    """

    def __init__(self, program: Program, setting: Setting) -> None:
        self.program = program
        self.setting = setting
        self.recorder = Recorder(program, setting)
        self.exact: dict[tuple[bool, Scale, float], Results] = {}
        # Whether all is computed in float32 or wider, but for what comes out.
        self.multiplies = has_narrow_products(program.forward.statements) or bool(program.members)
        self.once = program.forward.upcasts and not has_narrow_products(program.forward.statements)

    def run(
        self,
        row: Narrowed,
        dtype: torch.dtype,
        interpreter: Interpreting = ForwardInterpreter,
        nudge: int = 0,
        given: torch.dtype | None = None,
    ) -> Results:
        """Run a row in a dtype, on its numbers or on such that are off by a rounding; inputs may be given in another.

        Returns:
            The floating outputs, the buffers that are updated, and the penalty; None where it fails.
        """
        instance = Instance(self.program, self.setting, Placement(CPU, given or dtype, owned_dtype=dtype))
        self.recorder.scale = row.scale
        assert self.recorder.state is not None
        with drawn(nudge), torch.no_grad():
            for values, targets in ((self.recorder.inputs(), instance.inputs), (self.recorder.state, instance.state)):
                for name, value in values.items():
                    target = targets[name]
                    assert target is not None
                    target.copy_(value.to(row.common) if value.is_floating_point() else value)
                    if row.weights and targets is instance.state and self.recorder.is_parameter(name):
                        target += row.weights
                    if nudge and target.is_floating_point():
                        target *= 1 + torch.finfo(row.unit).eps * (torch.rand_like(target) - 0.5)
            try:
                with torch.autocast("cpu", dtype=LOWER, enabled=row.lowered and dtype is not torch.float64):
                    run = instance.run(row.training, interpreter=interpreter)
                return {**_floating(self.program, run), **_penalty(instance, interpreter)}
            except (TrialFault, EvaluationFault, RuntimeError):
                return None

    def follows(self, row: Narrowed) -> bool:
        """Whether the layer is finite at a row under autocast where its inputs are in the lower dtype."""
        found = self.run(row, row.dtype, given=LOWER)
        return found is not None and all(bool(value.isfinite().all()) for value in found.values())

    def right(self, row: Narrowed) -> Results:
        """What float64 gives at a row."""
        key = (row.training, row.scale, row.weights)
        if key not in self.exact:
            self.exact[key] = self.run(row, torch.float64)
        return self.exact[key]

    def off(
        self, row: Narrowed, interpreter: Interpreting = ForwardInterpreter, nudge: int = 0, least: float = LEAST
    ) -> Mapping[str, Off]:
        """How many units each result of a row is off; infinitely many where it fails."""
        right = self.right(row) or {}
        found = self.run(row, torch.float64 if nudge else row.dtype, interpreter, nudge)
        if found is None or found.keys() != right.keys():
            return dict.fromkeys(right, Off(math.inf))
        shares = {name: LEAST_ONCE if row.units.get(name, 1.0) < 1 else least for name in right}
        return {
            name: Off(units_off(found[name], exact, row.unit, shares[name]), mean_off(found[name], exact, row.unit))
            for name, exact in right.items()
        }

    def held(self, row: Narrowed) -> Narrowed | None:
        """A row with the units that a test allows; None where all are too far off, or may leap."""
        off = self.off(row)
        units = dict(self.units(row, off))
        return replace(row, units=units, means=dict(self.means(row, off, units))) if units else None

    def units(self, row: Narrowed, found: Mapping[str, Off]) -> Iterator[tuple[str, float]]:
        """How many units a test lets each result be off at most that was off by so many, unless it is too far off."""
        once, others = self.off(row, least=LEAST_ONCE), self.otherwise(row)
        for name, off in found.items():
            moved = max((other[name].most for other in others), default=0.0)
            worst, near = max(off.most, moved), CLOSE_FAR if row.scale.shift else CLOSE
            if row.weights:  # there, nothing is rounded once alone
                yield from [(name, self.allowed(row, off.most))] if off.most <= CLOSE_FAR else []
            elif row.scale.shift == 0 and max(once[name].most, moved) <= WIDE:
                yield name, 2 * WIDE
            elif row.scale.shift == 0 and moved <= CLOSE and once[name].most <= ROUNDED and self.once:
                yield name, ONCE
            elif worst <= near:
                yield name, self.allowed(row, worst)

    def otherwise(self, row: Narrowed) -> list[Mapping[str, Off]]:
        """How far a row is off where it rounds otherwise: something may leap, and what is far from zero moves."""
        if row.scale.shift:
            return [self.off(row, nudge=nudge) for nudge in NUDGES]
        return [self.off(row, partial(Jittered, seed)) for seed in NUDGES] if jumps(self.program) else []

    def means(self, row: Narrowed, found: Mapping[str, Off], units: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """How many units a test lets results be off on average, that round more than once in half precision."""
        right = self.right(row) or {}
        for name in units if row.unit is not torch.float32 else ():
            if units[name] >= 1 and right[name].numel() >= MANY:
                yield name, float(f"{max(MARGIN_ON_AVERAGE * found[name].mean, FLOOR_ON_AVERAGE):.2g}")

    def allowed(self, row: Narrowed, off: float) -> float:
        """How many units a test lets a result be off that was off by so many, and is not rounded once alone."""
        if row.unit is torch.float32:
            margin, floor = MARGIN_IN_FLOAT32, FLOOR_IN_FLOAT32
        elif self.multiplies:
            margin, floor = MARGIN_OF_PRODUCTS, FLOOR_OF_PRODUCTS
        else:
            margin, floor = MARGIN, FLOOR
        return float(f"{max(margin * off, floor):.2g}")

    def shows(self, held: Narrowed, slip: Slip) -> tuple[bool, bool]:
        """Whether a slip is found at a row, and whether it makes a difference at all."""
        off, sound = self.off(held, slip.running), self.off(held)
        most = any(off[name].most > FOUND * units for name, units in held.units.items())
        mean = any(off[name].mean > FOUND * units for name, units in held.means.items())
        return most or mean, off != sound


def _floating(program: Program, run: Run) -> dict[str, Tensor]:
    updated = {step.name: step.value for step in run.steps if step.name in program.buffers}
    return {name: value for name, value in {**run.outputs, **updated}.items() if value.is_floating_point()}


def _penalty(instance: Instance, interpreter: Interpreting) -> dict[str, Tensor]:
    """The layer's own term, which is kept from autocast, where no member adds one."""
    program = instance.program
    if program.penalty is None or any(member.penalizes for member in program.members.values()):
        return {}
    return {"penalty()": instance.evaluated(program.penalty, interpreter)}


def _finding_slips(program: Program, tried: Sequence[Tried]) -> Iterator[Narrowed]:
    """Rows at which slips of the casts of a layer are found, as few as that takes."""
    left: dict[Slip, int] = dict.fromkeys(slips(program), 0)  # at how many rows it made no difference
    for one, row in _rows(program, tried):
        if not left:
            return
        if (held := one.held(row)) is not None:
            shown = {slip: one.shows(held, slip) for slip in left if row.lowered or not slip.lowers}
            if any(found for found, _ in shown.values()):
                yield held
            left |= {slip: left[slip] + (not differs) for slip, (_, differs) in shown.items()}
            found = {slip for slip, (found, _) in shown.items() if found}
            left = {slip: idle for slip, idle in left.items() if slip not in found and idle < IDLE * len(slip.places)}


def _rows(program: Program, tried: Sequence[Tried]) -> Iterator[tuple[Tried, Narrowed]]:
    for times in TIMES:
        for one in tried:
            for training in filter(lambda mode: comparable(program, mode), program.modes):
                row = Narrowed(one.setting.name, training, LOWER, scale=Scale(times))
                yield one, row
                yield one, replace(row, dtype=torch.float16)
                yield one, replace(row, dtype=torch.float32, lowered=True)


def _lowered(program: Program, tried: Sequence[Tried]) -> Iterator[Narrowed]:
    """A row under autocast: there, a layer runs at least."""
    for one in tried:
        modes = sorted(program.modes, key=lambda mode: not comparable(program, mode))
        row = Narrowed(one.setting.name, modes[0], torch.float32, lowered=True)
        held = one.held(row) if comparable(program, modes[0]) else None
        if held is not None or one.run(row, row.dtype) is not None:
            yield held or row


def _in_float32(program: Program, tried: Sequence[Tried]) -> Iterator[Narrowed]:
    """A row in float32 far from zero, of a layer that takes differences, or whose ops do, and one near to it."""
    names = set(op_names(program))
    differs = bool(names & DIFFERENCES) or any(part in name for name in names for part in OF_DIFFERENCES)
    modes = [mode for mode in program.modes if comparable(program, mode)]
    scales = [Scale(1.0, FAR)] * differs + [SMALL] * bool(names & NEAR_ZERO)
    for one, scale in itertools.product(tried if not program.narrow else (), scales):
        rows = (Narrowed(one.setting.name, training, torch.float32, scale=scale) for training in modes)
        yield from [held for held in map(one.held, rows) if held is not None][:1]
    for one in tried if names & NEAR_ZERO and program.parameters and not program.narrow else ():
        rows = (Narrowed(one.setting.name, training, torch.float32, weights=LOW) for training in modes)
        yield from [held for held in map(one.held, rows) if held is not None][:1]
