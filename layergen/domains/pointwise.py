"""What functions of single numbers make of values."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from layergen.domains.arithmetic import clamped, combined, divided, power
from layergen.domains.interval import ANY, NOT_NEGATIVE, POSITIVE, UNIT, Interval, exactly
from layergen.domains.site import Edge, Site, as_value
from layergen.domains.value import Value, constant, derived

Transfer = Callable[[Site], Any]

LARGE = 80  # from here on exponentials soon overflow in float32


def always(range: Interval, whole: bool = False) -> Transfer:
    """Ops whose results lie in an interval whatever they are given."""
    return lambda site: derived(range, *operands(site), whole=whole)


def made(range: Interval, whole: bool = False) -> Transfer:
    """Ops that make a tensor from nothing."""
    return lambda site: Value(range, whole=whole)


def operands(site: Site) -> list[Value]:
    given = [*site.arguments, *site.keywords.values()]
    return [as_value(value) for value in given if isinstance(value, Value | list | tuple)]


def growing(function: Callable[[float], float], result: Interval = ANY) -> Transfer:
    return lambda site: derived(site.first.range.mapped(function, result), site.first)


def exp(site: Site) -> Value:
    found = derived(site.first.range.mapped(math.exp, POSITIVE), site.first)
    return replace(found, filled=False, large=site.first.range.high > LARGE)


def expm1(site: Site) -> Value:
    found = derived(site.first.range.mapped(math.expm1, Interval(-1)), site.first)
    return replace(found, filled=False, large=site.first.range.high > LARGE)


def root(site: Site) -> Value:
    value = site.first
    if not (value.range.above(0) and value.safe):
        site.edge(Edge.ROOT)
    safe = value.safe and value.range.at_least(0)
    return Value(value.range.maximum(Interval(0)).mapped(math.sqrt, NOT_NEGATIVE), safe, large=value.large)


def inverse_root(site: Site) -> Value:
    value = site.first
    if not (value.range.above(0) and value.safe):
        site.edge(Edge.ROOT)
        return Value(NOT_NEGATIVE, safe=False)
    return derived(value.range.mapped(math.sqrt, NOT_NEGATIVE).reciprocal(), value)


def reciprocal(site: Site) -> Value:
    return divided(site, constant(1.0), site.first)


def logarithm(function: Callable[[float], float], pole: float) -> Transfer:
    def transfer(site: Site) -> Value:
        value = site.first
        if value.large:
            site.edge(Edge.OVERFLOW)
        inside = value.range.above(pole) and value.safe
        if not inside:
            site.edge(Edge.LOGARITHM)
        return Value(value.range.mapped(function), inside, filled=value.range.at_least(pole) and not inside)

    return transfer


def inverse(low: float, high: float, range: Interval) -> Transfer:
    """Functions whose derivative has poles at both ends of their domain."""

    def transfer(site: Site) -> Value:
        value = site.first
        if not (value.range.above(low) and value.range.below(high) and value.safe):
            site.edge(Edge.ARC)
            return Value(range, safe=False)
        return derived(range, value)

    return transfer


def divides_by(position: int, name: str, range: Interval) -> Transfer:
    """Functions that divide by an argument of theirs, which is positive unless it is given."""

    def transfer(site: Site) -> Value:
        if site.get(position, name) is not None and not site.value(position, name).range.above(0):
            site.edge(Edge.DIVISION)
            return Value(range, safe=False)
        return derived(range, *operands(site))

    return transfer


def type_as(site: Site) -> Value:
    """A value in the dtype of another, which cuts off fractions if that one has integers."""
    return long(site) if site.value(1, "other").whole and not site.first.whole else site.first


def relu(site: Site) -> Value:
    return clamped(site.knowledge, site.first, constant(0), None)


def clamp(site: Site) -> Value:
    bounds = [None if given is None else as_value(given) for given in (site.get(1, "min"), site.get(2, "max"))]
    return clamped(site.knowledge, site.first, bounds[0], bounds[1])


def elu(site: Site) -> Value:
    """From -1 up, which rounding reaches, unless it is scaled."""
    return derived(ANY if site.get(1, "alpha") is not None else site.first.range.maximum(Interval(-1)), site.first)


def absolute(site: Site) -> Value:
    return derived(site.first.range.absolute(), site.first, whole=site.first.whole)


def by_operator(sign: str) -> Transfer:
    return lambda site: combined(site, sign, site.first, site.value(1, "other", "exponent", "mat2", "vec", "vec2"))


def pairwise(pick: Callable[[Interval, Interval], Interval]) -> Transfer:
    def transfer(site: Site) -> Value:
        value, other = site.first, site.value(1, "other")
        return derived(pick(value.range, other.range), value, other, whole=value.whole and other.whole)

    return transfer


def negative(value: Value) -> Value:
    if math.isinf(value.range.low) and value.range.low == value.range.high:
        return constant(-value.range.low)
    least = None if value.most is None else -value.most
    most = None if value.least is None else -value.least
    return Value(-value.range, value.safe, False, value.whole, least, most, large=value.large)


def add(sign: str) -> Transfer:
    return lambda site: combined(site, sign, site.first, scaled(site))


def scaled(site: Site) -> Value:
    alpha = site.get(2, "alpha")
    other = site.value(1, "other")
    return derived(other.range * alpha.range, other, alpha) if isinstance(alpha, Value) else other


def powered(site: Site) -> Value:
    return power(site, site.first, site.value(1, "exponent"))


def lerp(site: Site) -> Value:
    start, end, weight = site.first, site.value(1, "end"), site.value(2, "weight")
    between = weight.range.within(UNIT)
    return derived(start.range.union(end.range) if between else ANY, start, end, weight)


def loosened(range: Interval) -> Interval:
    return Interval(range.low - 1, range.high + 1)


def nan_to_num(site: Site) -> Value:
    """What was NaN or infinite becomes finite, but on the way back it may still be met."""
    return Value(site.first.range.union(exactly(0)), site.first.safe, whole=site.first.whole)


def dropout(site: Site) -> Value:
    value = site.first
    return derived(NOT_NEGATIVE if value.range.at_least(0) else ANY, value)


def long(site: Site) -> Value:
    """Conversions to integers, which cut off the fraction."""
    value = site.first
    return replace(value, whole=True) if value.whole else Value(loosened(value.range), value.safe, whole=True)


def extreme(pick: Callable[[Interval, Interval], Interval], up: bool) -> Transfer:
    """`max` and `min`, of one tensor, along a dimension, or of two tensors."""

    def transfer(site: Site) -> Any:
        value, other = site.first, site.get(1, "other", "dim")
        if isinstance(other, Value) and other.sizes is None and other.whole and other.known is not None:
            entries = value.entries()
            return (replace(entries, maximum_of=value.token if up else None), Value(NOT_NEGATIVE, whole=True))
        if isinstance(other, Value):
            return derived(pick(value.range, other.range), value, other, whole=value.whole and other.whole)
        return replace(value.entries(), maximum_of=value.token if up else None)

    return transfer
