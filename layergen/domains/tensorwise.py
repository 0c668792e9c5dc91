"""What ops make of values that look at many entries at once, or move them about: sums, norms, softmax, choices."""

from dataclasses import replace
from typing import Any

from layergen.domains.arithmetic import product_of, summed
from layergen.domains.interval import ANY, INF, NOT_NEGATIVE, SIGNED_UNIT, UNIT, Interval
from layergen.domains.pointwise import Transfer, operands
from layergen.domains.site import Edge, Site, as_value
from layergen.domains.value import UNKNOWN, Value, constant, derived

ZERO = constant(0)


def kept(site: Site) -> Value:
    """Ops that move entries about."""
    return site.first.entries()


def cast(site: Site) -> Value:
    return site.first


def with_zeros(site: Site) -> Value:
    return site.first.entries().union(ZERO)


def joined(site: Site) -> Value:
    return as_value(site.get(0, "tensors", "input")).entries()


def total(site: Site) -> Value:
    return derived(summed(site.first.range), site.first, whole=site.first.whole)


def mean(site: Site) -> Value:
    if site.first.empty:
        site.edge(Edge.IGNORED)
        return Value(site.first.range, safe=False)
    return derived(site.first.range, site.first)


def largest(site: Site) -> Value:
    return replace(site.first.entries(), maximum_of=site.first.token)


def spread(pair: bool) -> Transfer:
    """Variances and standard deviations, of which a single value has none."""

    def transfer(site: Site) -> Any:
        by = site.get(None, "correction")
        unbiased = site.get(None, "unbiased")
        biased = unbiased is False or (isinstance(by, Value) and by.known == 0)
        if not biased:
            site.edge(Edge.SPREAD)
        safe = site.first.safe and biased
        spread = Value(NOT_NEGATIVE, safe)
        return (spread, site.first.entries()) if pair else spread

    return transfer


def softmax(site: Site) -> Value:
    value = site.first
    if value.filled:
        site.edge(Edge.EMPTY)
    return Value(UNIT, value.safe)


def log_softmax(site: Site) -> Value:
    value = site.first
    if value.filled:
        site.edge(Edge.EMPTY)
    return Value(Interval(-INF, 0), value.safe, filled=value.filled)


def logsumexp(site: Site) -> Value:
    value = site.first
    if value.filled:
        site.edge(Edge.EMPTY)
    return Value(Interval(value.range.low), value.safe, filled=value.filled)


def attention(site: Site) -> Value:
    if site.get(3, "attn_mask") is not None:
        site.edge(Edge.EMPTY)
        return derived(ANY, *(site.value(index) for index in range(3)))
    return derived(ANY, *(site.value(index, name) for index, name in enumerate(("query", "key", "value"))))


def normalize(site: Site) -> Value:
    eps = site.get(3, "eps")
    by_two = site.get(1, "p") is None or site.value(1, "p").known == 2
    if isinstance(eps, Value) and not eps.range.above(0):
        site.edge(Edge.DIVISION)
        return Value(SIGNED_UNIT, safe=False)
    if not by_two and site.value(1, "p").known != 1:
        site.edge(Edge.POWER)
        return Value(SIGNED_UNIT, safe=False)
    dim = site.get(2, "dim")
    along = 1 if dim is None else dim.known if isinstance(dim, Value) else None
    unit = from_end(site.first, along) if by_two else None
    return replace(derived(SIGNED_UNIT, site.first), unit=unit)


def from_end(value: Value, dim: float | None) -> int | None:
    """A dimension counted from the end, where that is known."""
    if dim is None or dim < 0:
        return None if dim is None else int(dim)
    return None if value.sizes is None else int(dim) - len(value.sizes)


def transposed(site: Site) -> Value:
    value = site.first
    ends = [from_end(value, site.value(*at).known) for at in ((1, "dim0", "axis0"), (2, "dim1", "axis1"))]
    if None in ends or value.unit not in ends:
        return value.entries()
    return replace(value.entries(), unit=ends[1] if value.unit == ends[0] else ends[0])


def standardized(eps_at: int) -> Transfer:
    """The norms of torch, whose eps keeps them from dividing by 0."""

    def transfer(site: Site) -> Value:
        eps = site.get(eps_at, "eps")
        if isinstance(eps, Value) and not eps.range.above(0):
            site.edge(Edge.DIVISION)
            return Value(safe=False)
        return derived(ANY, *operands(site))

    return transfer


def where(site: Site) -> Value:
    if site.get(1, "input", "self") is None:
        return UNKNOWN
    chosen, other = site.value(1, "input", "self"), site.value(2, "other")
    return chosen.entries().either(other.entries())


def masked_fill(site: Site) -> Value:
    return site.first.entries().either(site.value(2, "value").entries())


def linear(site: Site) -> Value:
    weight = site.value(1, "weight")
    product = product_of(site.first, replace(weight, unit=-2 if weight.unit == -1 else None))
    bias = site.get(2, "bias")
    return derived(product.range + bias.range, product, bias) if isinstance(bias, Value) else product


def loss(site: Site) -> Value:
    """Losses that cannot be negative; most of them are means."""
    if any(value.empty for value in operands(site)):
        site.edge(Edge.IGNORED)
        return Value(NOT_NEGATIVE, safe=False)
    return derived(NOT_NEGATIVE, *operands(site))


def binary_cross_entropy(site: Site) -> Value:
    """Torch bounds the logarithms on the way forward, but not the slope of the target."""
    if not site.first.range.within(Interval(0, 1, True, True)):
        site.edge(Edge.LOGARITHM)
        return Value(NOT_NEGATIVE, safe=False)
    return derived(NOT_NEGATIVE, *operands(site))


def norm(at: int) -> Transfer:
    """Norms, whose gradients torch makes 0 at 0, if they are those of sums of squares or of absolute values."""

    def transfer(site: Site) -> Value:
        order = site.get(at, "p", "ord")
        if order is not None and not (isinstance(order, Value) and order.known in (1, 2)):
            site.edge(Edge.POWER)
            return Value(NOT_NEGATIVE, safe=False)
        return derived(NOT_NEGATIVE, *operands(site))

    return transfer


def pad(site: Site) -> Value:
    """`pad` by a constant, or by the tensor's own entries."""
    mode = site.get(2, "mode")
    filling = site.get(3, "value")
    value = site.first.entries()
    if mode in (None, "constant"):
        return value.union(as_value(filling).entries() if isinstance(filling, Value) else ZERO)
    return value


def full(site: Site) -> Value:
    return site.value(1, "fill_value").entries()


def made_of(site: Site) -> Value:
    return as_value(site.get(0, "data")).entries()
