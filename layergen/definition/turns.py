"""What an index of a sum stands for, turn by turn, and what a run of indices does."""

from collections.abc import Iterable, Iterator
from typing import Any

from layergen.definition.numbers import Index, IndexFault
from layergen.lang import expression as ex


def turns(node: ex.Node, stop: Any, run: bool) -> Iterable[Any]:
    """The values of an index, or of a run of as many as there are sizes.

    Args:
        node: What says how far it runs.
        stop: This as a number, or as a list of sizes.
        run: Whether it is a run.

    Raises:
        IndexFault: If it does not end at that.
    """
    if not run:
        if not isinstance(stop, int):
            raise IndexFault(node, f"a range ends at an integer, not at {stop}")
        return range(stop)
    if not isinstance(stop, list | tuple) or not all(isinstance(size, int) for size in stop):
        raise IndexFault(node, f"a run of indices goes over a list of sizes, not over {stop}")
    return _indices(tuple(stop)) if all(size > 0 for size in stop) else ()


def _indices(sizes: tuple[int, ...]) -> Iterator[Index]:
    """All indices at some sizes, the last one running fastest, each made when it is asked for."""
    if not sizes:
        yield ()
        return
    for first in range(sizes[0]):
        for others in _indices(sizes[1:]):
            yield (first, *others)
