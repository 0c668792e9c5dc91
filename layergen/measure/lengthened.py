"""How closely a layer keeps to its values in half precision at a long dimension, along which it steps or counts.

What a step in half precision leaves over is nothing at the few steps of a usual case, and adds up over many.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.visitor import statements
from layergen.measure.far_positions import dimension_of, is_causal_in_half
from layergen.measure.rounding import in_halves, jumps
from layergen.probe.attempts import comparable
from layergen.probe.digits import mean_off
from layergen.probe.lengths import MOST, counted, is_small
from layergen.probe.values import ORDINARY
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import SHAPES, Trial, try_runs
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

LENGTH = 400  # bfloat16 counts to 256
LARGEST = 8_000_000  # elements of all tensors of a run that is causal, as scores of pairs of positions
DRAWS = range(3)
FEW = 20  # numbers of an output, of which draws tell too little
CLOSE = 2.0  # units that they may be off on average; more is no closeness that tells anything
# By how many times a test lets an output be further off than it was at any draw, by how many times as much as draws
# differ, and by how many units in any case: rounding once is off by less than 0.29 of one.
MARGIN, SPREAD, FLOOR = 1.3, 2.0, 0.3


@dataclass(frozen=True)
class Lengthened:
    """A setting with a long dimension, what came of trying it, and how far half precision is off there.

    Attributes:
        units: Of the last digit, by which a test lets each output be off on average; none where that tells nothing.
        causal: Whether no output sees a later entry along it, in half precision too.
    """

    dimension: str
    setting: Setting
    trial: Trial
    units: Mapping[str, float]
    causal: bool = False


def lengthened(program: Program, runs: Iterable[Runs]) -> tuple[Lengthened, ...]:
    """How far a layer is off in half precision, in evaluation, at the first setting that can be so long, a dimension.

    Only a layer that computes in a wider dtype somewhere can lose it. Where a layer steps, its gradients are measured
    at that length, too.
    """
    if not comparable(program, training=False):
        return ()
    wide, leaps, found = bool(program.forward.upcasts), jumps(program), dict[str, Lengthened]()
    for setting in (one.setting for one in runs):
        steps = () if leaps else tuple(stepped(program, setting))
        along = [name for name in counted(program) if name == dimension_of(program, setting)]
        for name in dict.fromkeys((*(counted(program) if wide and not leaps else ()), *steps, *along)):
            longer = replace(setting, sizes={**setting.sizes, name: LENGTH})
            most = LARGEST if name in along else MOST
            trial = _tried(program, longer, most) if name not in found and allowed(program, longer) else None
            if trial is not None:
                units = units_at(program, longer) if wide and not leaps else {}
                causal = name in along and is_causal_in_half(program, longer, name)
                if units or name in steps or causal:
                    found[name] = Lengthened(name, longer, trial, units, causal)
    return tuple(found.values())


def units_at(program: Program, setting: Setting) -> dict[str, float]:
    """How many units a test lets the outputs be off on average, of those that are close and consist of many numbers."""
    off: dict[str, list[float]] = {}
    for name, found, exact, dtype in in_halves(program, setting, ORDINARY, training=False, seeds=DRAWS):
        off.setdefault(name, []).append(mean_off(found, exact, dtype) if _many(exact) else math.inf)
    return {name: _allowed(each) for name, each in off.items() if max(each) <= CLOSE}


def _many(exact: Tensor) -> bool:
    """Whether an average over some numbers does not hang on a few of them."""
    squares = exact.square()
    return float(squares.sum() ** 2) >= FEW * float(squares.square().sum())


def _allowed(off: Sequence[float]) -> float:
    most, least = max(off), min(off)
    return float(f"{max(MARGIN * most, most + SPREAD * (most - least), FLOOR):.2g}")


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


def _tried(program: Program, setting: Setting, most: int) -> Trial | None:
    """What comes of trying a setting; nothing where the layer does not work there, or has more elements than that."""
    if not is_small(program, setting, training=False, most=most):
        return None
    try:
        return try_runs(Runs(program, setting, (SHAPES,)))
    except (SpecError, TrialFault):
        return None
