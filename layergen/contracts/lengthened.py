"""How closely a layer keeps to its values in half precision at a long dimension, along which it steps or counts.

What a step in half precision leaves over is nothing at the few steps of a usual case, and adds up over many.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from layergen.contracts.attempts import comparable
from layergen.contracts.lengths import counted, is_small
from layergen.contracts.rounding import Pair, jumps, off_at
from layergen.contracts.values import ORDINARY
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.visitor import statements
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import SHAPES, Trial, try_runs
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

LENGTH = 400  # bfloat16 counts to 256
FEW = 20  # numbers of an output, of which draws tell too little
SHARE = 0.95  # of the numbers of an output: the rest may be differences of nearly equal ones
ROUNDED = 0.5  # units, by which one rounding is off
CLOSE = 4.0  # units that they may be off; more is no closeness that tells anything


@dataclass(frozen=True)
class Lengthened:
    """A setting with a long dimension, what came of trying it, and how far half precision is off there."""

    dimension: str
    setting: Setting
    trial: Trial
    units: float  # of the last digit, by which all but a few numbers are off at most


def lengthened(program: Program, runs: Iterable[Runs]) -> Lengthened | None:
    """How far a layer is off in half precision, in evaluation, at the first setting that can be so long.

    Only a layer that computes in a wider dtype somewhere can lose it.
    """
    if not program.forward.upcasts or not comparable(program, training=False) or jumps(program):
        return None
    for setting in (one.setting for one in runs):
        for name in dict.fromkeys((*counted(program), *stepped(program, setting))):
            longer = replace(setting, sizes={**setting.sizes, name: LENGTH})
            trial = _tried(program, longer) if allowed(program, longer) else None
            if trial is not None:
                off = off_at(program, longer, ORDINARY, training=False)
                units = max((units_off(pair) for pair in off if pair[0].numel() >= FEW), default=math.inf)
                return Lengthened(name, longer, trial, max(ROUNDED, float(f"{units:.2g}"))) if units <= CLOSE else None
    return None


def stepped(program: Program, setting: Setting) -> Iterator[str]:
    """The dimensions along which a forward takes more steps where they are longer."""
    if not any(isinstance(statement, ex.For) for statement in statements(program.forward.statements)):
        return
    usual = _steps(program, setting)
    for name, size in setting.sizes.items():
        longer = replace(setting, sizes={**setting.sizes, name: size + 1})
        if allowed(program, longer) and _steps(program, longer) > usual > 0:
            yield name


def _steps(program: Program, setting: Setting) -> int:
    """How many steps a run in evaluation takes; none where it does not work."""
    try:
        return len(Instance(program, setting).run(training=False).steps)
    except TrialFault:
        return 0


def _tried(program: Program, setting: Setting) -> Trial | None:
    """What comes of trying a setting; nothing where the layer does not work there, or is large."""
    if not is_small(program, setting, training=False):
        return None
    try:
        return try_runs(Runs(program, setting, (SHAPES,)))
    except (SpecError, TrialFault):
        return None


def units_off(pair: Pair) -> float:
    """By how many units of their last digits all but a few numbers of an output are off at most."""
    found, exact, unit = pair
    sizes: Tensor = exact.abs() + 0.01 * exact.abs().mean()
    shares = ((found - exact).abs() / (unit * sizes)).flatten()
    return float(shares.kthvalue(math.ceil(SHARE * len(shares))).values) if bool(shares.isfinite().all()) else math.inf
