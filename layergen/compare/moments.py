"""Moments: whether two samples, drawn row by row, may be of the same law.

What is compared is the mean of each entry, how any two of them vary together, and how far the extremes reach; of tails
so heavy that these say nothing, on which side of the middle values lie, and how many of them far from it. A moment
differs where its two means lie further apart than chance brings about in one of some hundred million comparisons.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from layergen.definition.numbers import TooLongError

UNLIKELY = 6.0  # standard errors
SUSPICIOUS = 3.5  # standard errors at which more draws are to tell
MORE = 4  # times as many
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
    errors: float  # how many standard errors these lie apart

    @property
    def sure(self) -> bool:
        """Whether it differs by more than chance."""
        return self.errors > UNLIKELY

    @property
    def suspicious(self) -> bool:
        """Whether it may differ by more than chance, which more draws would tell."""
        return SUSPICIOUS < self.errors <= UNLIKELY


Samples = tuple[Tensor, Tensor]  # of a layer and of what it is held to, in rows


class Told(NamedTuple):
    """What two samples tell: the moment that differs, if one does, and how many draws they are of."""

    apart: Apart | None
    draws: int


def told_apart(samples: Samples, more: Callable[[int], Samples], names: Sequence[str], equal: float = EQUAL) -> Told:
    """What samples tell, and where a moment may differ, what those of more draws do if these do not take too long.

    Args:
        samples: The samples; if there is one row alone, only its values are compared.
        more: Makes samples of so many draws.
        names: What each column is an entry of.
        equal: How far apart values are by rounding, as a part of their size.
    """
    found, count = furthest(*samples, names, equal), len(samples[1])
    if found is not None and found.suspicious:
        with suppress(TooLongError):
            samples = more(MORE * count)
            found, count = furthest(*samples, names, equal), len(samples[1])
    return Told(found if found is not None and found.sure else None, count)


def furthest(ours: Tensor, theirs: Tensor, names: Sequence[str], equal: float = EQUAL) -> Apart | None:
    """The moment of two samples that differs most, in standard errors, or the first that differs by more than chance.

    Args:
        ours: One sample, in rows; if there is one row alone, only its values are compared.
        theirs: The other one.
        names: What each column is an entry of.
        equal: How far apart values are by rounding, as a part of their size.
    """
    found: Apart | None = None
    for name, columns, entries, rounding in _moments(torch.cat((ours, theirs)), names, equal):
        first, second = columns[: len(ours)], columns[len(ours) :]
        means = first.mean(0), second.mean(0)
        error = torch.sqrt(first.var(0, correction=0) / len(first) + second.var(0, correction=0) / len(second))
        beyond = ((means[0] - means[1]).abs() - rounding).clamp(min=0)
        errors = torch.where(beyond > 0, beyond / error, 0.0)
        over = (errors > UNLIKELY).nonzero().flatten().tolist()
        place = over[0] if over else int(errors.argmax()) if len(errors) else None
        if place is not None and (found is None or float(errors[place]) > found.errors):
            found = Apart(name, entries[place], float(means[0][place]), float(means[1][place]), float(errors[place]))
        if over:
            break
    return found


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
    yield from _bounded(values, rounding, groups, kept)


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


def _bounded(
    values: Tensor, rounding: Tensor, groups: Sequence[Sequence[int]], kept: Sequence[int]
) -> Iterator[Moment]:
    """Where values lie beside the half of them in the middle, by numbers that no tail makes large."""
    middle = values.median(0).values
    width = (values - middle).abs().median(0).values
    for group in groups:
        varied = [place for place in group if width[place] > rounding[place]]
        if varied:
            scaled, room = (values - middle)[:, varied] / width[varied], float((rounding / width)[varied].mean())
            entries = [tuple(kept[place] for place in varied)]
            side = scaled / (1 + scaled.square()).sqrt()
            yield "side of the middle", side.mean(1, keepdim=True), entries, room
            yield "share of far values", side.square().mean(1, keepdim=True), entries, room


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
