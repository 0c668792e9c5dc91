"""Moments: whether two samples, drawn row by row, may be of the same law.

What is compared is the mean of each entry, how any two of them vary together, and how far the extremes reach. A moment
differs where its two means lie further apart than chance brings about in one of some hundred million comparisons.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

UNLIKELY = 6.0  # standard errors
EQUAL = 1e-9  # how far apart values are by rounding, as a part of their size
SMALL = 0.1  # size of what is small beside other values that it comes of

# Its name, its columns, the entries that each of these is of, and how far rounding may bring the means apart.
Moment = tuple[str, Tensor, list[tuple[int, ...]], Tensor | float]


class Apart(NamedTuple):
    """A moment that differs, and what it is by each of the two samples."""

    moment: str
    entries: tuple[int, ...]  # the columns that it is of
    ours: float
    theirs: float


def apart(ours: Tensor, theirs: Tensor, names: Sequence[str], equal: float = EQUAL) -> Apart | None:
    """The first moment of two samples that differs by more than chance.

    Args:
        ours: One sample, in rows; if there is one row alone, only its values are compared.
        theirs: The other one.
        names: What each column is an entry of.
        equal: How far apart values are by rounding, as a part of their size.
    """
    both = torch.cat((ours, theirs))
    for name, columns, entries, rounding in _moments(both, names, equal):
        first, second = columns[: len(ours)], columns[len(ours) :]
        means = first.mean(0), second.mean(0)
        error = torch.sqrt(first.var(0, correction=0) / len(first) + second.var(0, correction=0) / len(second))
        differs = ((means[0] - means[1]).abs() > UNLIKELY * error + rounding).nonzero().flatten().tolist()
        if differs:
            place = differs[0]
            return Apart(name, entries[place], float(means[0][place]), float(means[1][place]))
    return None


def _moments(both: Tensor, names: Sequence[str], equal: float) -> Iterator[Moment]:
    """The moments of rows, those first that say most plainly what is wrong."""
    finite = both.isfinite()
    yield "share of finite numbers", finite.double(), [(place,) for place in range(both.shape[1])], 0.0
    kept = finite.all(0).nonzero().flatten().tolist()
    if not kept:
        return
    values = both[:, kept]
    middle, rounding = values.mean(0), equal * (values.square().mean(0).sqrt() + SMALL)
    moved = values - middle
    spread = moved.square().mean(0).sqrt()
    groups = [[place for place, column in enumerate(kept) if names[column] == name] for name in dict.fromkeys(names)]
    yield "mean", values, [(place,) for place in kept], rounding
    for group in filter(None, groups):
        sizes = (values * middle.sign())[:, group].mean(1, keepdim=True)
        yield "mean size", sizes, [tuple(kept[place] for place in group)], rounding[group].mean()
    yield "variance", moved.square(), [(place,) for place in kept], rounding * (2 * spread + rounding)
    left, right = _pairs(len(kept))
    entries = [tuple(kept[place] for place in pair) for pair in zip(left.tolist(), right.tolist(), strict=True)]
    room = rounding[left] * (spread + rounding)[right] + spread[left] * rounding[right]
    yield "covariance", moved[:, left] * moved[:, right], entries, room
    for group in groups:
        varied = [place for place in group if spread[place] > rounding[place]]
        if varied:
            scaled, entries = moved[:, varied] / spread[varied], [tuple(kept[place] for place in varied)]
            for name, moment in _pooled(scaled):
                yield name, moment.mean(1, keepdim=True), entries, equal
    yield from _conditioned(moved, spread, rounding, kept)


def _conditioned(moved: Tensor, spread: Tensor, rounding: Tensor, kept: Sequence[int]) -> Iterator[Moment]:
    """Moments of what is weak beside what is strong, and of three entries that are independent two by two."""
    for name, halves in _halved(moved):
        yield name, halves, [(place,) for place in kept], rounding * (2 * spread + rounding)
    own = (spread > rounding).nonzero().flatten().tolist()
    scaled, room = moved[:, own] / spread[own], rounding[own] / spread[own]
    names = [kept[place] for place in own]
    left, right = _pairs(len(own))
    if len(left):
        sign = (scaled[:, left] * scaled[:, right]).mean(0).sign()
        pairs: list[tuple[int, ...]] = list(combinations(names, 2))
        both, difference = room[left] + room[right], scaled[:, left] - sign * scaled[:, right]
        yield "difference", difference.square(), pairs, both * (2 * difference.square().mean(0).sqrt() + both)
    if len(own) > 2:
        triples: list[tuple[int, ...]] = list(zip(names, names[1:], names[2:], strict=False))
        yield (
            "product of three",
            scaled[:, 2:] * scaled[:, 1:-1] * scaled[:, :-2],
            triples,
            room[2:] + room[1:-1] + room[:-2],
        )


def _halved(moved: Tensor) -> Iterator[tuple[str, Tensor]]:
    """How values vary on either side of their mean: what is weak shows there beside a strong draw of two values."""
    for name, there in (("variance above the mean", moved > 0), ("variance below the mean", moved <= 0)):
        middle = (moved * there).sum(0) / there.sum(0).clamp(min=1)
        yield name, (moved - middle).square() * there


def _pooled(scaled: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Moments of entries that have the same spread, to be taken together."""
    yield "pooled variance", scaled.square()
    left, right = _pairs(scaled.shape[1])
    if len(left):
        products = scaled[:, left] * scaled[:, right]
        yield "pooled covariance", products * products.mean(0).sign()
    yield "skewness", scaled.pow(3)
    yield "kurtosis", scaled.pow(4)


def _pairs(count: int) -> tuple[Tensor, Tensor]:
    """The first and the second of all pairs of so many columns."""
    pairs = torch.tensor(list(combinations(range(count), 2)), dtype=torch.long).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
