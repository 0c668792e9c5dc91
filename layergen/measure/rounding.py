"""How closely a layer keeps to its values in half precision, which its generated tests then hold it to."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import product

import torch
from torch import Tensor

from layergen.probe.attempts import comparable
from layergen.probe.digits import floor
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import ALIKE, ORDINARY, WIDE, Point, drawn, give, of_size
from layergen.resolve.autocast import has_narrow_products
from layergen.resolve.program import Program
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.moving import move
from layergen.run.started import start
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

CPU = torch.device("cpu")
HALVES = (torch.bfloat16, torch.float16)
SEEDS = range(2)
EXACT_SEEDS = range(4)  # of large inputs, at few of which digits are lost
MORE_SEEDS = range(2, 10)  # where an output has so few numbers that chance may let them come out well
FEW = 8
SIZES = (16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0)  # of inputs, up to twice that of the tests
ONCE = 0.75  # of the last digit's unit: half of one is what a single rounding does
SLIGHT = 0.005  # of that unit of an average number: half of what tests let any number be off by itself
NEAR = 2.0  # units, on average; a test allows four times as many
JUMPS = frozenset({
    "argmax", "argmin", "argsort", "bucketize", "ceil", "floor", "frac", "fmod", "heaviside", "kthvalue", "median",
    "mode", "remainder", "round", "searchsorted", "sign", "sgn", "sort", "topk", "trunc",
})  # fmt: skip
Pair = tuple[Tensor, Tensor, torch.dtype]  # an output, what it should be, and the dtype that it was computed in


class Rounding(Enum):
    """What was seen of the outputs of a layer in half precision."""

    ONCE = "once"  # each is rounded once: what comes before is computed in float32 or wider
    ONCE_THROUGHOUT = "once, of large inputs too"  # whose squares are more than half precision holds
    NEAR = "near"  # on average they are off by a few units in the last digit
    UNTOLD = ""  # more, or nothing could be compared


def rounding(program: Program, runs: Iterable[Runs], training: bool = False) -> Rounding:
    """How closely a layer keeps to its values in half precision in a mode, at settings that are small enough."""
    if not comparable(program, training) or jumps(program):
        return Rounding.UNTOLD
    settings = [one.setting for one in runs if one.admits(WITH_DATA)]
    outputs = _outputs(program, settings, ORDINARY, training)
    if not outputs or any(not bool(found.isfinite().all()) for found, _, _ in outputs):
        return Rounding.UNTOLD
    upcast = program.forward.upcasts and not has_narrow_products(program.forward.statements)  # which round, too
    few = any(exact.numel() < FEW for _, exact, _ in outputs)
    more = [*_few(program, settings, training)] if few else []
    if upcast and _rounds_once((*outputs, *more)):
        wide = _outputs(program, settings, WIDE, training)
        held = any(bool(_held(exact, dtype).any()) for _, exact, dtype in wide)
        sure = held and _rounds_once(wide) and _is_exact_in_float32(program, settings, training)
        return Rounding.ONCE_THROUGHOUT if sure else Rounding.ONCE
    if any(_units(pair) > NEAR for pair in outputs):
        return Rounding.UNTOLD
    return Rounding.NEAR if all(_units(pair) <= NEAR for pair in more) else Rounding.UNTOLD


def rounds_in_training(program: Program, runs: Sequence[Runs], in_evaluation: Rounding) -> bool:
    """Whether a layer that computes something else in training keeps as closely to its values there."""
    if not program.asks_mode or in_evaluation is Rounding.UNTOLD:
        return False
    return rounding(program, runs, training=True) is in_evaluation


def holds_at_any_size(program: Program, runs: Iterable[Runs], usual: Rounding) -> bool:
    """Whether outputs that half precision holds come out well however large inputs are: nothing between overflows."""
    free = all(tensor.floating and tensor.range is None for tensor in program.inputs.values())
    if usual is Rounding.UNTOLD or not free or program.owns or program.children:  # products overflow now and then
        return False
    told = False
    for setting in (one.setting for one in runs if one.admits(WITH_DATA)):
        inputs = Instance(program, setting, Placement(CPU, torch.float64)).inputs.values()
        fewest = min((tensor.numel() for tensor in inputs if tensor is not None), default=FEW)
        for size in SIZES:
            for found, exact, dtype in off_at(program, setting, of_size(size), False, SEEDS, (torch.float16,)):
                held = _held(exact, dtype)
                if exact.numel() < fewest or not _units((found[held], exact[held], dtype)) <= NEAR:
                    return False
                told |= bool(held.any())
    return told


def _outputs(
    program: Program, settings: Sequence[Setting], point: Point, training: bool, seeds: Iterable[int] = SEEDS
) -> list[Pair]:
    """The floating outputs at all settings."""
    return [pair for setting in settings for pair in off_at(program, setting, point, training, seeds)]


def _few(program: Program, settings: Sequence[Setting], training: bool) -> Iterator[Pair]:
    """Outputs of few numbers at more draws, and where labels are all the same, of which little may be left."""
    yield from _outputs(program, settings, ORDINARY, training, MORE_SEEDS)
    if any(not part.floating for part in program.inputs.values()):
        yield from _outputs(program, settings, ALIKE, training)


def _rounds_once(outputs: Iterable[Pair]) -> bool:
    """Whether no output that half precision holds is off by more than one rounding."""
    for found, exact, dtype in outputs:
        held, unit = _held(exact, dtype), torch.finfo(dtype).eps
        if not bool(((found - exact).abs() <= ONCE * unit * exact.abs().clamp(min=floor(dtype)))[held].all()):
            return False
    return True


def _is_exact_in_float32(program: Program, settings: Sequence[Setting], training: bool) -> bool:
    """Whether float32 itself leaves nothing that counts of large inputs: a sine of 300 is off by 1e-5 there."""
    for setting, seed in product(settings, EXACT_SEEDS):
        half, exact = _runs(program, setting, torch.float32, seed, WIDE, training)
        for name, right in exact.outputs.items():
            found = half.outputs[name]
            if found.is_floating_point() and found.numel():
                room = SLIGHT * torch.finfo(torch.float16).eps * right.abs().mean()
                if bool(((found.double() - right.double()).abs() > room)[_held(right, torch.float16)].any()):
                    return False
    return True


def _held(exact: Tensor, dtype: torch.dtype) -> Tensor:
    """Which numbers a dtype holds, and twice as much."""
    return exact.isfinite() & (exact.abs() < torch.finfo(dtype).max / 2)


def _units(pair: Pair) -> float:
    """How far an output is off on average, in units of the last digit of its numbers."""
    found, exact, dtype = pair
    if not exact.numel():
        return 0.0
    size = exact.abs().mean().clamp(min=floor(dtype))
    return float((found - exact).abs().mean() / (torch.finfo(dtype).eps * size))


def off(program: Program, settings: Iterable[Setting]) -> float:
    """How far the outputs in half precision are off on average, in units of the last digit, where they are most."""
    modes = [training for training in program.modes if comparable(program, training)]
    pairs = (pair for at in settings for mode in modes for pair in off_at(program, at, ORDINARY, mode))
    return max(map(_share, pairs), default=0.0)


def _share(pair: Pair) -> float:
    found, exact, dtype = pair
    unit = torch.finfo(dtype).eps
    return float((found - exact).abs().mean() / (unit * exact.abs().mean()).clamp(min=unit**2))


def jumps(program: Program) -> bool:
    """Whether a rounding may make a leap of a value, as where the nearest of several is taken."""
    own = any(op.name in JUMPS for op in program.forward.ops)
    return own or any(jumps(child.program) for child in program.children.values())


def off_at(
    program: Program,
    setting: Setting,
    point: Point,
    training: bool,
    seeds: Iterable[int] = SEEDS,
    dtypes: Sequence[torch.dtype] = HALVES,
) -> Iterator[Pair]:
    """The floating outputs at a setting."""
    for _, found, right, dtype in in_halves(program, setting, point, training, seeds, dtypes):
        yield found.double(), right.double(), dtype


def in_halves(
    program: Program,
    setting: Setting,
    point: Point,
    training: bool,
    seeds: Iterable[int] = SEEDS,
    dtypes: Sequence[torch.dtype] = HALVES,
) -> Iterator[tuple[str, Tensor, Tensor, torch.dtype]]:
    """The floating outputs at a setting by their names, in half precision and in float64, with the narrow dtype."""
    for dtype in dtypes:
        for seed in seeds:
            try:
                half, exact = _runs(program, setting, dtype, seed, point, training)
            except TrialFault:  # some kernels do not know half precision
                continue
            for name, right in exact.outputs.items():
                found = half.outputs.get(name)
                if isinstance(found, Tensor) and found.is_floating_point() and found.numel():
                    yield name, found, right, dtype


def _runs(
    program: Program, setting: Setting, dtype: torch.dtype, seed: int, point: Point, training: bool
) -> tuple[Run, Run]:
    """A run in half precision, and one in float64 on the same numbers, which are moved as tests move them."""
    with drawn(seed), torch.no_grad():
        half = Instance(program, setting, Placement(CPU, dtype))
        exact = Instance(program, setting, Placement(CPU, torch.float64))
        start(half)
        give(half, point)
        move(half)
        for ours, theirs in ((half.state, exact.state), (half.inputs, exact.inputs)):
            for name, tensor in ours.items():
                target = theirs[name]
                if tensor is not None and target is not None:
                    target.copy_(tensor)
        return half.run(training), exact.run(training)
