"""Gaps: entries between those that are read, of which nothing is told along any one dimension.

Windows with a stride leave out whole rows and columns. Of what is read in both, every second entry of every second row
is left out where one of four slices stands there twice: `x[1::2, ::2]` for `x[::2, 1::2]`.
"""

from collections.abc import Iterator
from itertools import combinations, product

from torch import Tensor

Slices = tuple[tuple[int, int], ...]  # along some dimensions, counted from the last, every second index from one on
STEP = 2
TOGETHER = (2, 3)  # dimensions


class Gaps:
    """Which parts of an input have had no effect in any run, where every second index counts for itself."""

    def __init__(self) -> None:
        self.unread: set[Slices] | None = None  # None: no run so far
        self.wide: set[tuple[int, ...]] = set()  # dimensions that had several such indices in some run

    def add(self, entries: Tensor) -> None:
        """Add the entries that had no effect in a run."""
        if self.unread is not None and not self.unread:
            return
        found = {slices for slices in _parts(entries) if bool(entries[_index(slices, entries.dim())].all())}
        there = set(_parts(entries)) if self.unread else set()
        self.unread = found if self.unread is None else self.unread - (there - found)
        own = range(-entries.dim(), 0)
        long = [axis for axis in own if entries.shape[axis] >= 2 * STEP]
        self.wide |= {axes for count in TOGETHER for axes in combinations(long, count)}

    @property
    def part(self) -> Slices | None:
        """The one part along some dimensions that was ignored in all runs; where several were, a pattern is meant."""
        alone: dict[tuple[int, ...], list[Slices]] = {}
        for slices in sorted(self.unread or ()):
            alone.setdefault(tuple(axis for axis, _ in slices), []).append(slices)
        return next((found[0] for axes, found in alone.items() if len(found) == 1 and axes in self.wide), None)


def shown(slices: Slices, rank: int) -> str:
    """A part of a tensor, as its index."""
    starts = dict(slices)
    words = [f"{starts[axis] or ''}::{STEP}" if axis in starts else ":" for axis in range(-rank, 0)]
    return ", ".join(words[: rank + max(starts) + 1])


def _parts(entries: Tensor) -> Iterator[Slices]:
    axes = [axis for axis in range(-entries.dim(), 0) if entries.shape[axis] >= STEP]
    for count in TOGETHER:
        for chosen in combinations(axes, count):
            yield from (tuple(zip(chosen, starts, strict=True)) for starts in product(range(STEP), repeat=count))


def _index(slices: Slices, rank: int) -> tuple[slice, ...]:
    starts = dict(slices)
    return tuple(slice(starts[axis], None, STEP) if axis in starts else slice(None) for axis in range(-rank, 0))
