"""Intervals of real numbers, each end of which belongs to them or does not."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

INF = math.inf


@dataclass(frozen=True)
class Interval:
    """The numbers between two ends. An infinite end never belongs to them."""

    low: float = -INF
    high: float = INF
    low_open: bool = False
    high_open: bool = False

    @property
    def number(self) -> float | None:
        """The only number in it, if there is just one."""
        return self.low if self.low == self.high and not math.isinf(self.low) else None

    @property
    def bounded_above(self) -> bool:
        return self.high < INF

    def has(self, number: float) -> bool:
        return not self.above(number) and not self.below(number)

    def above(self, number: float) -> bool:
        """Whether all of it lies above a number."""
        return self.low > number or (self.low == number and self.low_open)

    def below(self, number: float) -> bool:
        """Whether all of it lies below a number."""
        return self.high < number or (self.high == number and self.high_open)

    def at_least(self, number: float) -> bool:
        return self.low >= number

    def at_most(self, number: float) -> bool:
        return self.high <= number

    def within(self, other: "Interval") -> bool:
        return self.union(other) == other

    def union(self, other: "Interval") -> "Interval":
        """The smallest interval that holds both."""
        low = min(self, other, key=lambda part: (part.low, part.low_open))
        high = max(self, other, key=lambda part: (part.high, not part.high_open))
        return Interval(low.low, high.high, low.low_open, high.high_open)

    def intersection(self, other: "Interval") -> "Interval":
        """What both hold. Where that is nothing, the first: a branch that is never taken has any values."""
        low = max(self, other, key=lambda part: (part.low, part.low_open))
        high = min(self, other, key=lambda part: (part.high, not part.high_open))
        empty = low.low > high.high or (low.low == high.high and (low.low_open or high.high_open))
        return self if empty else Interval(low.low, high.high, low.low_open, high.high_open)

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low, self.high_open, self.low_open)

    def __add__(self, other: "Interval") -> "Interval":
        low, high = self.low + other.low, self.high + other.high
        if math.isnan(low) or math.isnan(high):  # infinities of both signs
            return Interval()
        return Interval(
            low,
            high,
            self.low_open or other.low_open,
            self.high_open or other.high_open,
        )

    def __sub__(self, other: "Interval") -> "Interval":
        return self + -other

    def __mul__(self, other: "Interval") -> "Interval":
        ends = [_product(one, another) for one in self._ends() for another in other._ends()]
        low, low_open = min(ends)
        high, high_open = max(ends, key=lambda end: (end[0], not end[1]))
        return Interval(low, high, low_open, high_open)

    def reciprocal(self) -> "Interval":
        """One by each of its numbers, of which none is 0."""
        if self.at_least(0):
            return Interval(_inverse(self.high), _inverse(self.low), self.high_open or self.high == INF, self.low_open)
        return -(-self).reciprocal()

    def maximum(self, other: "Interval") -> "Interval":
        low = max(self, other, key=lambda part: (part.low, part.low_open))
        high = max(self, other, key=lambda part: (part.high, not part.high_open))
        return Interval(low.low, high.high, low.low_open, high.high_open)

    def minimum(self, other: "Interval") -> "Interval":
        return -((-self).maximum(-other))

    def absolute(self) -> "Interval":
        if self.at_least(0):
            return self
        return -self if self.at_most(0) else replace((-self).maximum(self), low=0, low_open=False)

    def square(self) -> "Interval":
        part = self.absolute()
        return part * part

    def mapped(self, function: Callable[[float], float], result: "Interval | None" = None) -> "Interval":
        """What a growing function makes of it; ``result`` is all that the function can give."""
        whole = result or Interval()
        low, high = _image(function, self.low, whole.low), _image(function, self.high, whole.high)
        low_open = whole.low_open if low == whole.low and math.isinf(self.low) else self.low_open
        high_open = whole.high_open if high == whole.high and math.isinf(self.high) else self.high_open
        return Interval(low, high, low_open, high_open)

    def _ends(self) -> tuple[tuple[float, bool], tuple[float, bool]]:
        return (self.low, self.low_open), (self.high, self.high_open)


def _product(one: tuple[float, bool], other: tuple[float, bool]) -> tuple[float, bool]:
    """The product of two ends, and whether it is left out."""
    for (number, is_open), _ in ((one, other), (other, one)):
        if number == 0 and not is_open:
            return 0.0, False
    if 0 in (one[0], other[0]):
        return 0.0, True
    return one[0] * other[0], one[1] or other[1]


def _inverse(number: float) -> float:
    return INF if number == 0 else 1 / number


def _image(function: Callable[[float], float], number: float, end: float) -> float:
    """The value of a function, or the end of its values where the number is infinite or the value too large."""
    if math.isinf(number):
        return end
    try:
        return function(number)
    except OverflowError:
        return end
    except ValueError:  # outside of the domain: a pole, or below it
        return -INF


ANY = Interval()
NOT_NEGATIVE = Interval(0)
POSITIVE = Interval(0, low_open=True)
UNIT = Interval(0, 1)
SIGNED_UNIT = Interval(-1, 1)


def exactly(number: float) -> Interval:
    return Interval(float(number), float(number)) if not math.isnan(number) else ANY
