"""Moments: whether two samples, drawn row by row, may be of the same law.

What is compared is the mean of each entry, how any two of them vary together, and how far the extremes reach. A moment
differs where its two means lie further apart than chance brings about in one of some hundred million comparisons.
"""

from collections.abc import Iterator
from itertools import combinations_with_replacement
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


def apart(ours: Tensor, theirs: Tensor, equal: float = EQUAL) -> Apart | None:
    """The first moment of two samples that differs by more than chance.

    Args:
        ours: One sample, in rows; if there is one row alone, only its values are compared.
        theirs: The other one.
        equal: How far apart values are by rounding, as a part of their size.
    """
    both = torch.cat((ours, theirs))
    for name, columns, entries, rounding in _moments(both, equal):
        first, second = columns[: len(ours)], columns[len(ours) :]
        means = first.mean(0), second.mean(0)
        error = torch.sqrt(first.var(0, correction=0) / len(first) + second.var(0, correction=0) / len(second))
        differs = ((means[0] - means[1]).abs() > UNLIKELY * error + rounding).nonzero().flatten().tolist()
        if differs:
            place = differs[0]
            return Apart(name, entries[place], float(means[0][place]), float(means[1][place]))
    return None


def _moments(both: Tensor, equal: float) -> Iterator[Moment]:
    """The moments of rows, those first that say most plainly what is wrong."""
    finite = both.isfinite()
    yield "share of finite numbers", finite.double(), [(place,) for place in range(both.shape[1])], 0.0
    kept = finite.all(0).nonzero().flatten().tolist()
    if not kept:
        return
    values, everywhere = both[:, kept], [tuple(kept)]
    middle, rounding = values.mean(0), equal * (values.square().mean(0).sqrt() + SMALL)
    yield "mean", values, [(place,) for place in kept], rounding
    yield "mean size", (values * middle.sign()).mean(1, keepdim=True), everywhere, rounding.mean()
    moved = values - middle
    yield "variance", moved.square(), [(place,) for place in kept], rounding.square()
    spread = moved.square().mean(0).sqrt()
    varied = (spread > rounding).nonzero().flatten().tolist()
    scaled = moved[:, varied] / spread[varied]
    if varied:
        yield "pooled variance", scaled.square().mean(1, keepdim=True), everywhere, equal
    pairs = list(combinations_with_replacement(range(len(kept)), 2))
    left, right = torch.tensor(pairs, dtype=torch.long).unbind(1)
    yield (
        "covariance",
        moved[:, left] * moved[:, right],
        [(kept[one], kept[other]) for one, other in pairs],
        rounding[left] * rounding[right],
    )
    if varied:
        yield "skewness", scaled.pow(3).mean(1, keepdim=True), everywhere, equal
        yield "kurtosis", scaled.pow(4).mean(1, keepdim=True), everywhere, equal
