"""Initial values that an expression draws: between which they lie and how far they spread, as far as draws tell it."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

VALUES = 4_000  # as many as the generated test looks at
ROUNDS = 5  # how often as many are drawn as there
LARGEST = 20_000  # numbers of a tensor that is drawn
STEADY = 2.0  # within how many errors of a normal distribution's spread the rounds agree; the test allows five
SURE = 3.0  # the same of a mean
DIGITS = 2  # of a mean, beside the first of the spread
TAILS = 5.0  # spreads that values cover, of those that are taken for values without ends


class Drawn(NamedTuple):
    """A tensor that is drawn, by all that tells how: what is known of one is known of all that are equal to it."""

    init: str  # as a tree, with its fans computed
    shape: tuple[int, ...]
    dtype: torch.dtype
    given: str  # the values that it reads

    def bounds(self, draw: Callable[[], Tensor]) -> tuple[float, ...] | None:
        """What `sampled` tells of it, which takes some thousand draws: a layer is tried at many settings."""
        if self not in KNOWN:
            KNOWN[self] = sampled(draw)
        return KNOWN[self]


KNOWN: dict[Drawn, tuple[float, ...] | None] = {}


def sampled(draw: Callable[[], Tensor]) -> tuple[float, ...] | None:
    """The least and the greatest value, with room beyond those that were drawn, the spread and the mean.

    None if they vary.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(0)
        first = draw().double().flatten()
        if not 0 < first.numel() <= LARGEST:
            return None
        count = math.ceil(VALUES / first.numel())
        rounds = [torch.cat([draw().double().flatten() for _ in range(count)]) for _ in range(ROUNDS)]
    values = torch.cat(rounds)
    spread, covered = float(values.std()), float(values.max() - values.min())
    slack = STEADY / math.sqrt(2 * len(rounds[0]))
    steady = all(abs(float(part.std()) / spread - 1) <= slack for part in rounds) if spread > 0 else False
    tails = all(float(part.max() - part.min()) >= TAILS * spread for part in rounds) or covered <= TAILS * spread
    centred = SURE / math.sqrt(len(rounds[0])) * spread
    if not steady or not tails or any(abs(float(part.mean() - values.mean())) > centred for part in rounds):
        return None
    low, high = float(values.min()) - covered / 2, float(values.max()) + covered / 2
    mean = round(float(values.mean()), DIGITS - math.floor(math.log10(spread)))
    return _short(low, 2), _short(high, 2), _short(spread, 3), mean


def _short(number: float, digits: int) -> float:
    return float(f"{number:.{digits}g}")
