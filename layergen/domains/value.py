"""What is known of a number or of the entries of a tensor at some step of a forward."""

import math
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count

from layergen.domains.interval import ANY, UNIT, Interval, exactly
from layergen.domains.size import Size, number

_tokens = count()


@dataclass(frozen=True)
class Value:
    """A number, or the entries of a tensor.

    Attributes:
        range: Between which reals they lie.
        safe: None of them is NaN or infinite, as far as real numbers go.
        filled: Some may be minus infinity on purpose, as masked scores are.
        whole: They are integers.
        least: Above which whole number in sizes they lie, where that is known.
        most: Below which.
        sizes: The shape of the tensor, where it is known in full.
        unit: The dimension, from the end, along which vectors have length 1 at most.
        large: They may overflow in floating point for inputs of moderate size, as exponentials do.
        empty: There may be none.
        maximum_of: Of which value it is the maximum.
        apart: What it is where it differs from some other value, which it may be beside its range.
        token: Which value it is: what has the same token is the same. Negative ones say nothing.
    """

    range: Interval = ANY
    safe: bool = True
    filled: bool = False
    whole: bool = False
    least: Size | None = None
    most: Size | None = None
    sizes: tuple[Size | None, ...] | None = None
    unit: int | None = None
    large: bool = False
    empty: bool = False
    maximum_of: int | None = None
    apart: tuple[tuple["Value", "Value"], ...] = field(default=(), compare=False)
    token: int = field(default_factory=lambda: next(_tokens), compare=False)

    @property
    def known(self) -> float | None:
        """The number that it is, if that is settled."""
        return self.range.number if self.safe else None

    def same(self, other: "Value") -> bool:
        """Whether it is known to be another, entry by entry."""
        return self.token == other.token >= 0

    def entries(self) -> "Value":
        """What its entries are, in whatever shape and order."""
        return replace(self, sizes=None, unit=None, maximum_of=None, token=next(_tokens))

    def either(self, other: "Value") -> "Value":
        """What is one or the other entry by entry, so that where one has none, there is none of the other."""
        joined = replace(
            self.union(other),
            apart=(
                *((value, rest.either(other)) for value, rest in self.apart),
                *((value, self.either(rest)) for value, rest in other.apart),
            ),
        )
        for low, high in ((self, other), (other, self)):
            if low.range.high <= high.range.low:
                return replace(joined, least=low.least, most=high.most)
        return joined

    def beside(self, others: "tuple[Value, ...]") -> "Value":
        """The same, or any of some single values; where it is none of these, it lies in its range again."""
        if not others:
            return self
        whole = reduce(Value.either, others, self)
        rest = ((other, self.beside((*others[:place], *others[place + 1 :]))) for place, other in enumerate(others))
        return replace(whole, sizes=self.sizes, apart=tuple(rest))

    def without(self, other: "Value") -> "Value":
        """What is left of it where it differs from another value."""
        for one, rest in self.apart:
            if one.same(other) or (one.known is not None and one.known == other.known):
                return replace(rest, sizes=self.sizes)
        return self

    def within(self, interval: Interval) -> "Value":
        """The same, known to lie in an interval."""
        return replace(self, range=self.range.intersection(interval), apart=())

    def union(self, other: "Value") -> "Value":
        """What is one or the other."""
        return Value(
            self.range.union(other.range),
            self.safe and other.safe,
            self.filled or other.filled,
            self.whole and other.whole,
            self.least if self.least == other.least else None,
            self.most if self.most == other.most else None,
            self.sizes if self.sizes == other.sizes else None,
            self.unit if self.unit == other.unit else None,
            self.large or other.large,
            self.empty or other.empty,
        )


UNKNOWN = Value(safe=False, token=-1)
BOOLEAN = Value(UNIT, whole=True, token=-1)


def constant(value: float) -> Value:
    """A number that is settled."""
    if math.isinf(value):
        return Value(Interval(value, value), safe=False, filled=value < 0)
    if math.isnan(value):
        return UNKNOWN
    whole = isinstance(value, int) or float(value).is_integer()
    size = number(int(value)) if isinstance(value, int) else None
    return Value(exactly(value), whole=whole, least=size, most=size)


def derived(range: Interval, *sources: Value, whole: bool = False) -> Value:
    """A value that is computed from others, entry by entry."""
    return Value(
        range,
        all(source.safe for source in sources),
        any(source.filled for source in sources),
        whole,
        large=any(source.large for source in sources),
        empty=any(source.empty for source in sources),
    )


def sized(size: Size, least: float) -> Value:
    """A whole number that a polynomial gives, of which this much is known otherwise."""
    return Value(Interval(least), whole=True, least=size, most=size)
