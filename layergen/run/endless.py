"""Lists whose length is a formula: what a loop over a dimension runs over, and what grows in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Size = int | torch.SymInt


class Unproven(Exception):
    """Something cannot be told for all turns of a loop at once; the text says what."""


@dataclass(frozen=True)
class Endless:
    """A list of so many items as a formula says: runs of items each of which are alike."""

    runs: tuple[tuple[Size, Any], ...]

    @property
    def length(self) -> Size:
        return sum(count for count, _ in self.runs)

    def item(self) -> Any:
        """What stands for any item.

        Raises:
            Unproven: If they differ.
        """
        first = self.runs[0][1]
        if not all(alike(first, other) for _, other in self.runs):
            raise Unproven("the items of a list differ in their shapes")
        return first

    def __getitem__(self, index: object) -> Any:
        if isinstance(index, slice):
            raise Unproven("a part is taken of a list whose length is a dimension")
        if type(index) is int and index in (0, -1):
            return self.runs[index][1]
        return self.item()

    def __iter__(self) -> Iterator[Any]:
        raise Unproven("a list is run through whose length is a dimension")

    def longer(self, item: object) -> "Endless":
        """The list with one item more."""
        return Endless((*self.runs, (1, item)))

    def __add__(self, other: object) -> "Endless":
        return Endless((*self.runs, *_runs(other)))

    def __radd__(self, other: object) -> "Endless":
        return Endless((*_runs(other), *self.runs))


@dataclass
class Growing:
    """A list while a loop makes it longer: nobody may look into it."""

    runs: list[tuple[Size, Any]] = field(default_factory=list)  # what this turn has appended

    def __getitem__(self, index: object) -> Any:
        raise Unproven("a list is read while it grows")


def _runs(items: object) -> tuple[tuple[Size, Any], ...]:
    if isinstance(items, Endless):
        return items.runs
    if isinstance(items, list | tuple):
        return tuple((1, item) for item in items)
    raise Unproven("a list is read while it grows")


def grown(before: object, count: Size, added: Sequence[tuple[Size, Any]]) -> Endless:
    """A list after a loop of so many turns, each of which has added the same."""
    return Endless((*_runs(before), *((count * times, item) for times, item in added)))


def alike(one: Any, other: Any) -> bool:
    """Whether two values are tensors of one shape and dtype, or the same number."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and one.dim() == other.dim() and _same(one.shape, other.shape)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and (one is other or isinstance(one, float | torch.SymFloat) or _equal(one, other))


def _same(one: Sequence[Size], other: Sequence[Size]) -> bool:
    return all(map(_equal, one, other))


def _equal(one: Any, other: Any) -> bool:
    """Whether two numbers are the same by their formulas; torch is not asked, for it would note the question."""
    left, right = (part.node.expr if isinstance(part, torch.SymInt) else part for part in (one, other))
    return bool(left == right)
