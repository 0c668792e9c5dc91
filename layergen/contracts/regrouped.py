"""Regrouped: an axis that was made of several is taken apart into these in the order in which they became one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Sizes = tuple[int, ...]


@dataclass
class Joined:
    """Of what the axes of a run were made.

    Axes are known by their sizes: of two that have the same one, either may be meant, and nothing is said where one of
    them fits.
    """

    orders: dict[int, set[Sizes]] = field(default_factory=dict)  # of what an axis consists, by its size

    def reshaped(self, before: Sizes, after: Sizes) -> tuple[Sizes, Sizes] | None:
        """Follow a reshape; the sizes that became one axis and those of which it is made, where these are others."""
        for old, new in blocks(before, after):
            if len(old) > 1 and len(new) == 1:
                self.orders.setdefault(new[0], set()).add(old)
            if len(old) == 1 and len(new) > 1:
                known = self.orders.setdefault(old[0], set())
                other = next((each for each in sorted(known) if exchanged(each, new)), None)
                if other is not None and new not in known:
                    return other, new
                known.add(new)
        return None


def exchanged(one: Sizes, other: Sizes) -> bool:
    """Whether the same sizes stand in another order, and are no powers of one number, as those of a fast transform."""
    moved = {size for pair in zip(one, other, strict=False) if pair[0] != pair[1] for size in pair}
    bases = range(2, min(moved, default=1) + 1)
    powers = any(all(_is_power(size, base) for size in moved) for base in bases)
    return bool(moved) and sorted(one) == sorted(other) and not powers


def _is_power(size: int, base: int) -> bool:
    while size % base == 0:
        size //= base
    return size == 1


def blocks(before: Sizes, after: Sizes) -> Iterator[tuple[Sizes, Sizes]]:
    """The sizes above 1 on both sides of a reshape, as few of them together as have the same product."""
    old: list[int] = []
    new: list[int] = []
    olds, news = _large(before), _large(after)
    product = {True: 1, False: 1}
    while olds or news or old or new:
        if old and new and product[True] == product[False]:
            yield tuple(old), tuple(new)
            old, new, product = [], [], {True: 1, False: 1}
            continue
        behind = product[True] <= product[False]
        source, target = (olds, old) if behind else (news, new)
        if not source:
            return
        target.append(source.pop(0))
        product[behind] *= target[-1]


def _large(sizes: Sequence[int]) -> list[int]:
    return [size for size in sizes if size > 1]
