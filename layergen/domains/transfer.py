"""What the ops make of values, op by op. An op that is not here may give anything."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from layergen.domains.arithmetic import clamped, combined, divided, power, product_of, square, summed
from layergen.domains.interval import (
    ANY,
    INF,
    NOT_NEGATIVE,
    POSITIVE,
    SIGNED_UNIT,
    UNIT,
    Interval,
    exactly,
)
from layergen.domains.site import Edge, Site, as_value
from layergen.domains.size import number
from layergen.domains.value import UNKNOWN, Value, constant, derived

Transfer = Callable[[Site], Any]

ZERO = constant(0)


def _kept(site: Site) -> Value:
    """Ops that move entries about."""
    return site.first.entries()


def _cast(site: Site) -> Value:
    return replace(site.first, token=site.first.token)


def _with_zeros(site: Site) -> Value:
    return site.first.entries().union(ZERO)


def _joined(site: Site) -> Value:
    return as_value(site.get(0, "tensors", "input")).entries()


def _always(range: Interval, whole: bool = False) -> Transfer:
    """Ops whose results lie in an interval whatever they are given."""
    return lambda site: derived(range, *_tensors(site), whole=whole)


def _made(range: Interval, whole: bool = False) -> Transfer:
    """Ops that make a tensor from nothing."""
    return lambda site: Value(range, whole=whole)


def _tensors(site: Site) -> list[Value]:
    return [value for value in (*site.arguments, *site.keywords.values()) if isinstance(value, Value)]


def _growing(function: Callable[[float], float], result: Interval = ANY) -> Transfer:
    return lambda site: derived(site.first.range.mapped(function, result), site.first)


def _exp(site: Site) -> Value:
    found = derived(site.first.range.mapped(math.exp, POSITIVE), site.first)
    return replace(
        found, filled=False, large=site.first.range.high > 80, safe=site.first.safe or _only_filled(site.first)
    )


def _only_filled(value: Value) -> bool:
    """Whether minus infinity on purpose is all that is not finite; its exponential is."""
    return value.filled and not value.safe and value.range.high < INF


def _expm1(site: Site) -> Value:
    found = derived(site.first.range.mapped(math.expm1, Interval(-1)), site.first)
    return replace(found, filled=False, large=site.first.range.high > 80)


def _root(site: Site) -> Value:
    value = site.first
    if not (value.range.above(0) and value.safe):
        site.edge(Edge.ROOT)
    safe = value.safe and value.range.at_least(0)
    return Value(value.range.maximum(Interval(0)).mapped(math.sqrt, NOT_NEGATIVE), safe, large=value.large)


def _inverse_root(site: Site) -> Value:
    value = site.first
    if not (value.range.above(0) and value.safe):
        site.edge(Edge.ROOT)
        return Value(NOT_NEGATIVE, safe=False)
    return derived(value.range.mapped(math.sqrt, NOT_NEGATIVE).reciprocal(), value)


def _reciprocal(site: Site) -> Value:
    return divided(site, constant(1.0), site.first)


def _logarithm(function: Callable[[float], float], pole: float) -> Transfer:
    def transfer(site: Site) -> Value:
        value = site.first
        if value.large:
            site.edge(Edge.OVERFLOW)
        inside = value.range.above(pole) and value.safe
        if not inside:
            site.edge(Edge.LOGARITHM)
        return Value(value.range.mapped(function), inside, filled=value.range.at_least(pole) and not inside)

    return transfer


def _inverse(low: float, high: float, range: Interval) -> Transfer:
    """Functions whose derivative has poles at both ends of their domain."""

    def transfer(site: Site) -> Value:
        value = site.first
        if not (value.range.above(low) and value.range.below(high) and value.safe):
            site.edge(Edge.ARC)
            return Value(range, safe=False)
        return derived(range, value)

    return transfer


def _relu(site: Site) -> Value:
    return clamped(site.knowledge, site.first, ZERO, None)


def _clamp(site: Site) -> Value:
    bounds = [None if given is None else as_value(given) for given in (site.get(1, "min"), site.get(2, "max"))]
    return clamped(site.knowledge, site.first, bounds[0], bounds[1])


def _absolute(site: Site) -> Value:
    return derived(site.first.range.absolute(), site.first, whole=site.first.whole)


def _operator(sign: str) -> Transfer:
    return lambda site: combined(site, sign, site.first, site.value(1, "other", "exponent", "mat2", "vec", "vec2"))


def _extreme(pick: Callable[[Interval, Interval], Interval], up: bool) -> Transfer:
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


def _pairwise(pick: Callable[[Interval, Interval], Interval]) -> Transfer:
    def transfer(site: Site) -> Value:
        value, other = site.first, site.value(1, "other")
        return derived(pick(value.range, other.range), value, other, whole=value.whole and other.whole)

    return transfer


def _largest(site: Site) -> Value:
    return replace(site.first.entries(), maximum_of=site.first.token)


def _sum(site: Site) -> Value:
    return derived(summed(site.first.range), site.first, whole=site.first.whole)


def _mean(site: Site) -> Value:
    return derived(site.first.range, site.first)


def _spread(pair: bool) -> Transfer:
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


def _softmax(site: Site) -> Value:
    value = site.first
    if value.filled:
        site.edge(Edge.EMPTY)
    return Value(UNIT, value.safe)


def _log_softmax(site: Site) -> Value:
    value = site.first
    if value.filled:
        site.edge(Edge.EMPTY)
    return Value(Interval(-INF, 0), value.safe, filled=value.filled)


def _logsumexp(site: Site) -> Value:
    value = site.first
    if value.filled:
        site.edge(Edge.EMPTY)
    return Value(Interval(value.range.low), value.safe, filled=value.filled)


def _attention(site: Site) -> Value:
    if site.get(3, "attn_mask") is not None:
        site.edge(Edge.EMPTY)
        return derived(ANY, *(site.value(index) for index in range(3)))
    return derived(ANY, *(site.value(index, name) for index, name in enumerate(("query", "key", "value"))))


def _normalize(site: Site) -> Value:
    eps = site.get(3, "eps")
    if isinstance(eps, Value) and not eps.range.above(0):
        site.edge(Edge.DIVISION)
        return Value(SIGNED_UNIT, safe=False, unit=True)
    return replace(derived(SIGNED_UNIT, site.first), unit=True)


def _standardized(eps_at: int) -> Transfer:
    """The norms of torch, whose eps keeps them from dividing by 0."""

    def transfer(site: Site) -> Value:
        eps = site.get(eps_at, "eps")
        tensors = _tensors(site)
        if isinstance(eps, Value) and not eps.range.above(0):
            site.edge(Edge.DIVISION)
            return Value(safe=False)
        return derived(ANY, *tensors)

    return transfer


def _where(site: Site) -> Value:
    if site.get(1, "input", "self") is None:
        return UNKNOWN
    chosen, other = site.value(1, "input", "self"), site.value(2, "other")
    return chosen.entries().union(other.entries())


def _masked_fill(site: Site) -> Value:
    return site.first.entries().union(site.value(2, "value").entries())


def _nan_to_num(site: Site) -> Value:
    return Value(site.first.range.union(exactly(0)), whole=site.first.whole)


def _lerp(site: Site) -> Value:
    start, end, weight = site.first, site.value(1, "end"), site.value(2, "weight")
    between = weight.range.within(UNIT)
    return derived(start.range.union(end.range) if between else ANY, start, end, weight)


def _dropout(site: Site) -> Value:
    value = site.first
    return derived(NOT_NEGATIVE if value.range.at_least(0) else ANY, value)


def _arange(site: Site) -> Value:
    given = [as_value(argument) for argument in site.arguments]
    start, end = (given[0], given[1]) if len(given) > 1 else (constant(0), given[0] if given else UNKNOWN)
    step = given[2] if len(given) > 2 else constant(1)
    if not step.range.above(0) or not end.safe:
        return Value(whole=all(part.whole for part in given))
    whole = start.whole and end.whole and step.whole
    most = end.most - number(1) if whole and end.most is not None else None
    high = end.range.high - 1 if whole else end.range.high
    low = start.range.low
    return Value(Interval(low, max(high, low)), whole=whole, least=start.least if whole else None, most=most)


def _full(site: Site) -> Value:
    return site.value(1, "fill_value").entries()


def _tensor(site: Site) -> Value:
    return as_value(site.get(0, "data")).entries()


def _bounded_above_by(position: int, name: str) -> Transfer:
    """Integers from 0 up to, and not including, something."""

    def transfer(site: Site) -> Value:
        end = site.value(position, name)
        most = end.most - number(1) if end.most is not None else None
        return Value(Interval(0, max(end.range.high - 1, 0)), whole=True, least=number(0), most=most)

    return transfer


def _gathered(position: int, table: int = 0) -> Transfer:
    """Ops that take entries at indices."""

    def transfer(site: Site) -> Value:
        source = site.value(table, "input" if table == 0 else "weight")
        dim = site.get(1, "dim") if table == 0 else constant(0)
        rows = _rows(source, dim)
        check_index(site, site.value(position, "index" if table == 0 else "input"), rows, negative=False)
        return source.entries()

    return transfer


def _rows(table: Value, dim: Any) -> Any:
    """How many rows a table has along a dimension, where that is known."""
    if table.sizes is None or not isinstance(dim, Value) or dim.known is None:
        return None
    at = int(dim.known)
    return table.sizes[at] if -len(table.sizes) <= at < len(table.sizes) else None


def check_index(site: Site, index: Value, rows: Any, negative: bool) -> None:
    """Report an index unless it is shown to lie in its table."""
    knowledge = site.knowledge
    lowest = index.range.at_least(0) or (index.least is not None and knowledge.not_negative(index.least))
    if negative and not lowest and index.least is not None and rows is not None:
        lowest = knowledge.not_negative(index.least + rows)
    highest = rows is not None and index.most is not None and knowledge.at_most(index.most, rows - number(1))
    if not (index.whole and lowest and highest):
        site.edge(Edge.INDEX)


def _one_hot(site: Site) -> Value:
    classes = site.get(1, "num_classes")
    rows = classes.most if isinstance(classes, Value) and classes.most == classes.least else None
    check_index(site, site.first, rows, negative=False)
    return Value(UNIT, whole=True)


def _cross_entropy(site: Site) -> Value:
    target = site.value(1, "target")
    if target.whole:
        ignored = site.get(None, "ignore_index")
        check_index(
            site, target, site.first.sizes[1] if site.first.sizes and len(site.first.sizes) > 1 else None, False
        )
        if isinstance(ignored, Value) and site.get(None, "reduction") in (None, "mean"):
            site.edge(Edge.IGNORED)
            return Value(safe=False)
    if site.first.filled:
        site.edge(Edge.EMPTY)
    return derived(ANY, site.first)


def _nll(site: Site) -> Value:
    return replace(_cross_entropy(site), filled=False)


def _several(transfer: Transfer) -> Transfer:
    """Ops that give entries and their indices."""
    return lambda site: (transfer(site), Value(NOT_NEGATIVE, whole=True))


def _add(sign: str) -> Transfer:
    return lambda site: combined(site, sign, site.first, _scaled(site))


def _scaled(site: Site) -> Value:
    alpha = site.get(2, "alpha")
    other = site.value(1, "other")
    return derived(other.range * alpha.range, other, alpha) if isinstance(alpha, Value) else other


def _pow(site: Site) -> Value:
    return power(site, site.first, site.value(1, "exponent"))


def _negative(site: Site) -> Value:
    return negative(site.first)


def negative(value: Value) -> Value:
    if math.isinf(value.range.low) and value.range.low == value.range.high:
        return constant(-value.range.low)
    least = None if value.most is None else -value.most
    most = None if value.least is None else -value.least
    return Value(-value.range, value.safe, False, value.whole, least, most, large=value.large)


def _linear(site: Site) -> Value:
    product = product_of(site.first, site.value(1, "weight"))
    bias = site.get(2, "bias")
    return derived(product.range + bias.range, product, bias) if isinstance(bias, Value) else product


def _power_mean(site: Site) -> Value:
    return derived(NOT_NEGATIVE, *_tensors(site))


def _table(**transfers: tuple[str, Transfer]) -> dict[str, Transfer]:
    return {name: transfer for names, transfer in transfers.values() for name in names.split()}


TRANSFERS: dict[str, Transfer] = _table(
    moved=(
        "reshape view flatten unflatten squeeze unsqueeze transpose permute movedim moveaxis swapaxes swapdims expand "
        "expand_as view_as reshape_as broadcast_to repeat tile repeat_interleave flip fliplr flipud roll unbind chunk "
        "split tensor_split narrow select diagonal t ravel rot90 adjoint sort cummax cummin median nanmedian "
        "pixel_shuffle pixel_unshuffle channel_shuffle max_pool1d max_pool2d max_pool3d adaptive_max_pool1d "
        "adaptive_max_pool2d adaptive_max_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d clone "
        "masked_select take_along_dim unfold",
        _kept,
    ),
    cast=("upcast type_as detach float double half bfloat16", _cast),
    zeros=("tril triu diag diag_embed avg_pool1d avg_pool2d avg_pool3d", _with_zeros),
    joined=("cat concat concatenate stack hstack vstack dstack", _joined),
    trigonometry=("sin cos", _always(SIGNED_UNIT)),
    sinc=("sinc", _always(Interval(-0.25, 1))),
    squashed=("tanh erf softsign hardtanh", _always(SIGNED_UNIT)),
    gates=("sigmoid expit hardsigmoid special.expit", _always(UNIT)),
    real=(
        "silu gelu mish elu selu celu leaky_relu prelu rrelu hardswish tanhshrink hardshrink softshrink atan arctan "
        "atan2 asinh sinh linspace addmm baddbmm addmv addr addcmul cumsum cumprod prod conv1d conv2d conv3d "
        "conv_transpose1d conv_transpose2d conv_transpose3d bilinear outer kron cross tensordot einsum fold "
        "interpolate grid_sample affine_grid scatter_add index_add",
        _always(ANY),
    ),
    elu_like=("logsigmoid", _always(Interval(-INF, 0))),
    softplus=("softplus", _always(POSITIVE)),
    relu6=("relu6", _always(Interval(0, 6))),
    relu=("relu", _relu),
    clamp=("clamp clip", _clamp),
    clamp_min=("clamp_min", lambda site: clamped(site.knowledge, site.first, site.value(1, "min"), None)),
    clamp_max=("clamp_max", lambda site: clamped(site.knowledge, site.first, None, site.value(1, "max"))),
    exp=("exp", _exp),
    expm1=("expm1", _expm1),
    exp2=("exp2", _growing(lambda x: 2.0**x, POSITIVE)),
    log=("log", _logarithm(math.log, 0)),
    log2=("log2", _logarithm(math.log2, 0)),
    log10=("log10", _logarithm(math.log10, 0)),
    log1p=("log1p", _logarithm(math.log1p, -1)),
    sqrt=("sqrt", _root),
    rsqrt=("rsqrt", _inverse_root),
    reciprocal=("reciprocal", _reciprocal),
    square=("square", lambda site: square(site.first)),
    abs=("abs absolute", _absolute),
    sign=("sign sgn", _always(SIGNED_UNIT, whole=True)),
    rounded=("floor ceil round trunc", lambda site: derived(_loosened(site.first.range), site.first, whole=True)),
    arcs=("acos arccos asin arcsin", _inverse(-1, 1, Interval(-math.pi, math.pi))),
    poles=("atanh arctanh erfinv special.erfinv", _inverse(-1, 1, ANY)),
    logit=("logit special.logit", _inverse(0, 1, ANY)),
    acosh=("acosh arccosh", _inverse(1, INF, NOT_NEGATIVE)),
    neg=("neg negative", _negative),
    add=("add", _add("+")),
    sub=("sub subtract", _add("-")),
    mul=("mul multiply", _operator("*")),
    div=("div divide true_divide", _operator("/")),
    floor_divide=("floor_divide", _operator("//")),
    remainder=("remainder", _operator("%")),
    pow=("pow float_power", _pow),
    products=("matmul mm bmm mv dot inner vdot", _operator("@")),
    linear=("linear", _linear),
    max=("max", _extreme(Interval.maximum, up=True)),
    min=("min", _extreme(Interval.minimum, up=False)),
    maximum=("maximum fmax", _pairwise(Interval.maximum)),
    minimum=("minimum fmin", _pairwise(Interval.minimum)),
    amax=("amax", _largest),
    amin=("amin", _kept),
    topk=("topk", lambda site: (site.first.entries(), Value(NOT_NEGATIVE, whole=True))),
    sum=("sum", _sum),
    mean=("mean", _mean),
    count=("count_nonzero", _made(NOT_NEGATIVE, whole=True)),
    spread=("var std", _spread(pair=False)),
    spreads=("var_mean std_mean", _spread(pair=True)),
    norms=("norm linalg.norm linalg.vector_norm linalg.matrix_norm cdist pairwise_distance", _power_mean),
    losses=(
        "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits soft_margin_loss "
        "hinge_embedding_loss margin_ranking_loss triplet_margin_loss cosine_embedding_loss",
        _power_mean,
    ),
    softmax=("softmax", _softmax),
    softmin=("softmin", _always(UNIT)),
    log_softmax=("log_softmax", _log_softmax),
    logsumexp=("logsumexp", _logsumexp),
    attention=("scaled_dot_product_attention", _attention),
    cosine=("cosine_similarity", _always(SIGNED_UNIT)),
    normalize=("normalize", _normalize),
    layer_norm=("layer_norm group_norm", _standardized(4)),
    instance_norm=("instance_norm", _standardized(7)),
    where=("where", _where),
    masked_fill=("masked_fill", _masked_fill),
    nan_to_num=("nan_to_num", _nan_to_num),
    lerp=("lerp", _lerp),
    dropout=("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout", _dropout),
    tests=(
        "eq ne lt le gt ge logical_and logical_or logical_not logical_xor isnan isinf isfinite any all bool isclose",
        _made(UNIT, whole=True),
    ),
    zeros_made=("zeros zeros_like new_zeros", _made(exactly(0), whole=True)),
    ones_made=("ones ones_like new_ones", _made(exactly(1), whole=True)),
    eye=("eye bernoulli", _made(UNIT, whole=True)),
    full=("full full_like", _full),
    arange=("arange", _arange),
    tensor=("tensor", _tensor),
    uniform=("rand rand_like", _made(UNIT)),
    normal=("randn randn_like", _made(ANY)),
    permutation=("randperm", _bounded_above_by(0, "n")),
    places=("argmax argmin argsort", _made(NOT_NEGATIVE, whole=True)),
    one_hot=("one_hot", _one_hot),
    gather=("gather", _gathered(2)),
    index_select=("index_select", _gathered(2)),
    embedding=("embedding", _gathered(0, table=1)),
    cross_entropy=("cross_entropy", _cross_entropy),
    nll=("nll_loss", _nll),
)


def _loosened(range: Interval) -> Interval:
    return Interval(range.low - 1, range.high + 1)


def pad(site: Site) -> Value:
    """`pad` by a constant, or by the tensor's own entries."""
    mode = site.get(2, "mode")
    filling = site.get(3, "value")
    value = site.first.entries()
    if mode in (None, "constant"):
        return value.union(as_value(filling).entries() if isinstance(filling, Value) else ZERO)
    return value


def long(site: Site) -> Value:
    """Conversions to integers, which cut off the fraction."""
    value = site.first
    return replace(value, whole=True) if value.whole else Value(_loosened(value.range), value.safe, whole=True)


TRANSFERS |= {"pad": pad, "long": long, "int": long, "short": long}

# Ops that give a tensor of the shape of their first.
SHAPED = frozenset(
    {
        *("upcast", "type_as", "detach", "clone", "float", "double", "half", "bfloat16", "softmax", "log_softmax"),
        *("sigmoid", "tanh", "relu", "exp", "log", "abs", "square", "clamp", "normalize", "layer_norm", "dropout"),
    }
)
