"""How far the runs on data went, so that nobody claims more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layergen.contracts.finite import POINTS, floats, is_judged
from layergen.contracts.kernels import without_kernel
from layergen.ops.dtypes import dtype_name
from layergen.probe.attempts import comparable
from layergen.probe.lengths import counted, long_attempts
from layergen.probe.sites import WITH_DATA
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.run.watching import Runs


@dataclass(frozen=True)
class OnData:
    """What was run on data, and what could not be."""

    ways: int  # on which the layer is small enough
    lacking: tuple[str, ...]  # the precisions in which the CPU lacks an op, on some way
    compared: bool  # whether half precision was held against float64; random numbers forbid it
    long: Mapping[str, int]  # the dimensions along which positions are counted, and the long size that each was run at
    points: tuple[str, ...]  # what the inputs were at which outputs were judged
    slopes: bool  # whether gradients were judged there; fractional powers forbid it, and outputs without any


def on_data(ways: Ways) -> OnData:
    """Sum up the runs on data of a layer that keeps its contracts."""
    program = ways.program
    small = [runs for runs in ways.runs if runs.admits(WITH_DATA)]
    judged = {point: list(ways.seen(usual)) for point, (usual, _) in POINTS.items() if is_judged(program, point)}
    judged = {point: runs for point, runs in judged.items() if all(seen.fault is None for seen in runs)}
    numeric = any(floats(seen.run) for runs in judged.values() for seen in runs)
    return OnData(
        len(small),
        tuple(dtype_name(dtype) for dtype in without_kernel(ways)),
        numeric and any(comparable(program, training) for training in program.modes),
        _long(small, program),
        tuple(point.words for point in judged) if numeric else (),
        any(seen.evidence.of and not seen.evidence.steep for runs in judged.values() for seen in runs),
    )


def _long(small: Sequence[Runs], program: Program) -> Mapping[str, int]:
    """The long size of each dimension that was run at one."""
    sizes = {}
    for runs in small:
        for name in counted(program):
            for attempt in long_attempts(runs, name):
                if attempt.run(attempt.dtype, 0):
                    sizes[name] = attempt.setting.sizes[name]
    return sizes
