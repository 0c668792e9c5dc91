"""What was seen of a layer under torch's transformations, in words."""

from collections.abc import Iterator

from layergen.measure.transforms import Transforms
from layergen.measure.twice import Twice
from layergen.words import listed

SECOND = {
    Twice.AGREE: "gradients of gradients agree with measured slopes",
    Twice.REFUSED: "no second gradients, as torch lacks the derivative of an op",
}


def transformed(seen: Transforms, asks_mode: bool) -> Iterator[str]:
    """What holds at the smallest setting, and what is known not to."""
    if not seen.ways:
        return
    if seen.twice in SECOND:
        yield SECOND[seen.twice]
    if seen.forwards:
        yield "derivatives forwards are those of the gradients"
    yield "`vmap` gives what calls one by one give" if seen.mapped else "not under `vmap`"
    if seen.jacobian:
        yield "`jacrev` gives what backward passes give row by row"
    if seen.empty:
        modes = listed(["training" if training else "evaluation" for training in seen.empty])
        where = f" in {modes}" if asks_mode else ""
        taken = next(iter(seen.empty.values())).setting.name
        where += "" if taken == seen.ways[0] else f", at {taken}"
        yield f"a batch without samples is taken{where}, with finite gradients and buffers"
