"""Whole numbers as polynomials in the names of arguments and dimensions, for which bounds hold at all sizes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

Term = tuple[str, ...]  # the names that a term multiplies, sorted
LONGEST = 40  # terms of a polynomial that is still followed


@dataclass(frozen=True)
class Size:
    """A sum of products of names: ``2 * dim + 1``."""

    terms: Mapping[Term, int]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __add__(self, other: "Size") -> "Size":
        total = Counter(self.terms)
        total.update(other.terms)
        return Size({term: count for term, count in total.items() if count})

    def __neg__(self) -> "Size":
        return Size({term: -count for term, count in self.terms.items()})

    def __sub__(self, other: "Size") -> "Size":
        return self + -other

    def __mul__(self, other: "Size") -> "Size":
        total: Counter[Term] = Counter()
        for term, count in self.terms.items():
            for factor, times in other.terms.items():
                total[tuple(sorted((*term, *factor)))] += count * times
        return Size({term: count for term, count in total.items() if count})

    def divided(self, divisor: "Size") -> "Size | None":
        """The quotient by one term, or by the same; None where there is a rest."""
        if self == divisor:
            return number(1)
        if len(divisor.terms) != 1:
            return None
        ((names, by),) = divisor.terms.items()
        quotient: dict[Term, int] = {}
        for term, count in self.terms.items():
            left = Counter(term)
            left.subtract(names)
            if count % by or min(left.values(), default=0) < 0:
                return None
            quotient[tuple(sorted(left.elements()))] = count // by
        return Size(quotient)

    def substituted(self, values: Mapping[str, "Size"]) -> "Size":
        """The polynomial with others for some of its names."""
        result = number(0)
        for term, count in self.terms.items():
            factors = (values.get(name, Size({(name,): 1})) for name in term)
            result += reduce(lambda product, factor: product * factor, factors, number(count))
        return result


def number(value: int) -> Size:
    return Size({(): value} if value else {})


def named(name: str) -> Size:
    return Size({(name,): 1})


@dataclass
class Knowledge:
    """What is known of names of whole numbers: the least value of each, and which are no larger than others."""

    least: dict[str, int] = field(default_factory=dict)
    order: dict[str, str] = field(default_factory=dict)  # the larger name: the smaller one

    def not_negative(self, size: Size) -> bool:
        """Whether a polynomial is shown to be 0 or more for all values of its names."""
        for larger, smaller in self.order.items():  # the larger one is the smaller one and something more
            size = size.substituted({larger: named(smaller) + named(f"{larger} - {smaller}")})
        if len(size.terms) > LONGEST:
            return False
        shifted = {
            name: named(name) + number(self.least[name]) for term in size.terms for name in term if name in self.least
        }
        return all(
            count >= 0 and (not count or all(self._counts(name) for name in term))
            for term, count in size.substituted(shifted).terms.items()
        )

    def _counts(self, name: str) -> bool:
        """Whether a name, less its least value, is 0 or more."""
        return name in self.least or " - " in name

    def at_most(self, size: Size, other: Size) -> bool:
        return self.not_negative(other - size)
