"""One large: outputs and gradients are numbers also where one input alone is large, or inputs have opposite signs.

Where all of them are large at once, what is subtracted may cancel out: in `log(sum(exp(-square(x - mu))))` the
exponential of a large difference is 0 in float32, and the logarithm infinite.
"""

from collections.abc import Iterator

from layergen.contracts.finite import EXPONENTIALS, at_point, is_judged
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding
from layergen.probe.sites import SMALL, sites_at
from layergen.probe.slopes import SlopeWatch
from layergen.probe.values import Point, alone, opposite
from layergen.probe.ways import Ways
from layergen.resolve.op_names import op_names
from layergen.resolve.program import Program
from layergen.run.watching import BOTH, Runs, Watch

SIZES = (20.0, 100.0)  # of one input; at the first, what float32 rounds to 0 is still a number in float64
APART = (10.0, 50.0)  # of all, with opposite signs
SENSITIVE = EXPONENTIALS | {"softmax", "softmin", "sigmoid", "prod", "erfc"}  # whose values may be 0, or too large
MOST = 4  # inputs


def check_one_large(ways: Ways) -> Iterator[Finding]:
    """Yield the first value or gradient that is no number where one input is large, and could be one."""
    points = list(_points(ways.program))
    for runs in ways.runs if points else ():
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        for point in points:
            usual, exact = (Watch(site, BOTH, SlopeWatch) for site in sites_at(point))
            there = Runs(ways.program, runs.setting, (usual, exact))
            if (finding := at_point(there, point, usual, exact)) is not None:
                yield finding
                return


ONE_LARGE = Promise(check_one_large, (SMALL,))


def _points(program: Program) -> Iterator[Point]:
    """What the inputs are, where there are several that may be any numbers, and an exponential of some of them."""
    free = [name for name, part in program.inputs.items() if part.floating and part.range is None]
    if len(free) < 2 or SENSITIVE.isdisjoint(op_names(program)):
        return
    points = [*(alone(name, size) for size in SIZES for name in free[:MOST]), *(opposite(free, size) for size in APART)]
    yield from (point for point in points if is_judged(program, point))
