"""What operators make of values, and where they reach an edge."""

import math
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from layergen.domains.interval import ANY, INF, NOT_NEGATIVE, POSITIVE, Interval
from layergen.domains.site import Edge, Site
from layergen.domains.size import Knowledge, Size, number
from layergen.domains.value import BOOLEAN, UNKNOWN, Value, constant, derived

KNOWN: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow,
}  # fmt: skip

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def combined(site: Site, sign: str, left: Value, right: Value) -> Value:
    """What an operator makes of two values."""
    value = _combined(site, sign, left, right)
    if value.least is not None and not value.range.at_least(0) and site.knowledge.not_negative(value.least):
        return value.within(NOT_NEGATIVE)
    return value


def _combined(site: Site, sign: str, left: Value, right: Value) -> Value:
    if left.known is not None and right.known is not None and sign in KNOWN:
        settled = _settled(sign, left, right)
        if settled is not None:
            return settled
    match sign:
        case "+":
            return _linear(left, right, left.range + right.range, "+")
        case "-":
            return _difference(left, right)
        case "*":
            if left.same(right):
                return square(left)
            return _product(left, right)
        case "/":
            return divided(site, left, right)
        case "//":
            return _floor(site, left, right)
        case "%":
            return _rest(site, left, right)
        case "**":
            return power(site, left, right)
        case "@":
            return product_of(left, right)
        case "&" | "|" | "^":
            return derived(BOOLEAN.range, left, right, whole=True) if _boolean(left) and _boolean(right) else UNKNOWN
    return UNKNOWN


def _boolean(value: Value) -> bool:
    return value.range.within(BOOLEAN.range) and value.whole


def _settled(sign: str, left: Value, right: Value) -> Value | None:
    """The result where both numbers are settled."""
    one, other = (_python(value) for value in (left, right))
    try:
        result = KNOWN[sign](one, other)
    except (ArithmeticError, ValueError):
        return None
    return constant(result) if isinstance(result, int | float) else None


def _python(value: Value) -> int | float:
    known = value.known
    assert known is not None
    return int(known) if value.whole else known


def _linear(left: Value, right: Value, range: Interval, sign: str) -> Value:
    found = derived(range, left, right, whole=left.whole and right.whole)
    if sign == "+":
        return replace(found, least=_plus(left.least, right.least), most=_plus(left.most, right.most))
    return replace(found, least=_minus(left.least, right.most), most=_minus(left.most, right.least))


def _plus(one: Size | None, other: Size | None) -> Size | None:
    return None if one is None or other is None else one + other


def _minus(one: Size | None, other: Size | None) -> Size | None:
    return None if one is None or other is None else one - other


def _difference(left: Value, right: Value) -> Value:
    found = _linear(left, right, left.range - right.range, "-")
    if right.maximum_of == left.token >= 0:
        return Value(Interval(-INF, 0), left.safe and right.safe, left.filled, found.whole)
    return found


def _product(left: Value, right: Value) -> Value:
    found = derived(left.range * right.range, left, right, whole=left.whole and right.whole)
    least = most = None
    if left.range.at_least(0) and right.range.at_least(0):
        least = _times(left.least, right.least) or (number(0) if found.whole else None)
        most = _times(left.most, right.most)
    return Value(found.range, found.safe, found.filled, found.whole, least, most, large=found.large)


def _times(one: Size | None, other: Size | None) -> Size | None:
    return None if one is None or other is None else one * other


def square(value: Value) -> Value:
    return derived(value.range.square(), value, whole=value.whole)


def product_of(left: Value, right: Value) -> Value:
    """A sum of products, as of two matrices: of unit vectors it is a cosine."""
    if left.unit == -1 and right.unit == -2:
        return derived(Interval(-1, 1), left, right)
    return derived(summed(left.range * right.range), left, right)


def summed(range: Interval) -> Interval:
    """The sums of one or more numbers of an interval."""
    low = range.low if range.at_least(0) else -INF
    high = range.high if range.at_most(0) else INF
    return Interval(low, high, range.low_open and low != -INF, range.high_open and high != INF)


def divided(site: Site, left: Value, right: Value) -> Value:
    if left.large and right.large:
        site.edge(Edge.OVERFLOW)
    if right.range.has(0) or not right.safe:
        site.edge(Edge.DIVISION)
        sign = left.range.at_least(0) and right.range.at_least(0)
        return Value(NOT_NEGATIVE if sign else ANY, safe=False)
    return derived(left.range * right.range.reciprocal(), left, right)


def _floor(site: Site, left: Value, right: Value) -> Value:
    if right.range.has(0):
        site.edge(Edge.DIVISION)
        return Value(ANY, safe=False, whole=left.whole and right.whole)
    range = (left.range * right.range.reciprocal()).mapped(math.floor)
    found = derived(Interval(range.low, range.high), left, right, whole=True)
    divisor = right.most if right.most is not None and right.most == right.least else None
    if divisor is None or not right.range.above(0):
        return found
    least, most = (_floor_of(size, divisor) for size in (left.least, left.most))
    return Value(found.range, found.safe, found.filled, True, least, most)


def _floor_of(size: Size | None, divisor: Size) -> Size | None:
    """The whole part of a quotient, where algebra can tell."""
    if size is None:
        return None
    exact = size.divided(divisor)
    if exact is not None:
        return exact
    following = (size + number(1)).divided(divisor)
    return None if following is None else following - number(1)


def _rest(site: Site, left: Value, right: Value) -> Value:
    if right.range.has(0):
        site.edge(Edge.DIVISION)
        return Value(ANY, safe=False)
    if not right.range.above(0):
        return derived(ANY, left, right)
    whole = left.whole and right.whole
    range = Interval(0, right.range.high, high_open=True)
    if whole and range.bounded_above:
        range = Interval(0, right.range.high - 1)
    found = derived(range, left, right, whole=whole)
    most = right.most - number(1) if whole and right.most is not None else None
    return Value(found.range, found.safe, found.filled, whole, number(0) if whole else None, most)


def power(site: Site, base: Value, exponent: Value) -> Value:
    """A power, whose base may be 0 or less only where the exponent allows it."""
    by = exponent.known
    positive = base.range.above(0) and base.safe
    if by is not None and by.is_integer() and by >= 0:
        if by == 0:
            return constant(1.0)
        if by % 2 == 0:
            part = base.range.absolute()
            return derived(part.mapped(lambda x: x**by, NOT_NEGATIVE), base, whole=base.whole)
        return derived(base.range.mapped(lambda x: x**by), base, whole=base.whole)
    if exponent.whole and exponent.least is not None and exponent.range.at_least(0):  # sizes and arguments
        return derived(NOT_NEGATIVE if base.range.at_least(0) else ANY, base, whole=base.whole)
    if positive:
        if base.range.at_least(1) and exponent.range.at_least(0):
            return derived(Interval(1), base, exponent)
        if base.range.at_most(1) and exponent.range.at_least(0):
            return derived(Interval(0, 1, low_open=True), base, exponent)
        return derived(POSITIVE, base, exponent)
    if exponent.range.at_least(1) and base.range.at_least(0):
        return derived(Interval(0, 1) if base.range.at_most(1) else NOT_NEGATIVE, base, exponent)
    site.edge(Edge.POWER)
    return Value(NOT_NEGATIVE if base.range.at_least(0) else ANY, safe=False)


def compared(sign: str, left: Value, right: Value) -> bool | Value:
    """A comparison: what it gives for all numbers, or either."""
    one, other = left.range, right.range
    if left.sizes is None and left.known is not None and right.known is not None:
        return TESTS[sign](one.low, other.low)
    return BOOLEAN


def narrowed(value: Value, sign: str, bound: Value, holds: bool) -> Value:
    """A value where a comparison with a bound holds, or where it does not."""
    opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
    sign = sign if holds else opposite[sign]
    low, high = bound.range.low, bound.range.high
    match sign:
        case ">":
            return value.within(Interval(low, low_open=True))
        case ">=":
            return value.within(Interval(low))
        case "<":
            return value.within(Interval(high=high, high_open=True))
        case "<=":
            return value.within(Interval(high=high))
        case "==":
            return value.within(bound.range)
        case "!=":
            rest = value.without(bound)
            return rest.within(_without(rest.range, bound)) if rest is value else rest
    return value


def _without(range: Interval, bound: Value) -> Interval:
    """An interval without a number at its end."""
    number = bound.known
    if number is not None and range.low == number:
        return Interval(range.low, range.high, True, range.high_open)
    if number is not None and range.high == number:
        return Interval(range.low, range.high, range.low_open, True)
    return range


def clamped(knowledge: Knowledge, value: Value, low: Value | None, high: Value | None) -> Value:
    """A value kept between bounds."""
    range, least, most = value.range, value.least, value.most
    if low is not None:
        range, least = range.maximum(low.range), low.least
        keeps = most is not None and low.most is not None and knowledge.at_most(low.most, most)
        most = most if keeps else None
    if high is not None:
        range, most = range.minimum(high.range), high.most
        keeps = least is not None and high.least is not None and knowledge.at_most(least, high.least)
        least = least if keeps or low is not None else None
    bounds = [bound for bound in (low, high) if bound is not None]
    whole = value.whole and all(bound.whole for bound in bounds)
    safe = value.safe and all(bound.safe for bound in bounds)
    sizes = (least, most) if whole else (None, None)
    return Value(range, safe, value.filled and low is None, whole, *sizes, large=value.large and high is None)
