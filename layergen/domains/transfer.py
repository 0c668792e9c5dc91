"""What the ops make of values, op by op. An op that is not here may give anything."""

import math

from layergen.domains.arithmetic import clamped, square
from layergen.domains.indices import arange, bounded_above_by, cross_entropy, gathered, nll, one_hot
from layergen.domains.interval import ANY, INF, NOT_NEGATIVE, POSITIVE, SIGNED_UNIT, UNIT, Interval, exactly
from layergen.domains.pointwise import (
    Transfer,
    absolute,
    add,
    always,
    by_operator,
    clamp,
    divides_by,
    dropout,
    elu,
    exp,
    expm1,
    extreme,
    growing,
    inverse,
    inverse_root,
    lerp,
    logarithm,
    long,
    loosened,
    made,
    nan_to_num,
    negative,
    pairwise,
    powered,
    reciprocal,
    relu,
    root,
    type_as,
)
from layergen.domains.tensorwise import (
    attention,
    binary_cross_entropy,
    cast,
    full,
    joined,
    kept,
    largest,
    linear,
    log_softmax,
    logsumexp,
    loss,
    made_of,
    masked_fill,
    mean,
    norm,
    normalize,
    pad,
    softmax,
    spread,
    standardized,
    total,
    transposed,
    where,
    with_zeros,
)
from layergen.domains.value import Value, derived


def table(**transfers: tuple[str, Transfer]) -> dict[str, Transfer]:
    return {name: transfer for names, transfer in transfers.values() for name in names.split()}


TRANSFERS: dict[str, Transfer] = table(
    moved=(
        "reshape view flatten unflatten squeeze unsqueeze permute movedim moveaxis expand "
        "expand_as view_as reshape_as broadcast_to repeat tile repeat_interleave flip fliplr flipud roll unbind chunk "
        "split tensor_split narrow select diagonal t ravel rot90 adjoint sort cummax cummin median nanmedian "
        "pixel_shuffle pixel_unshuffle channel_shuffle max_pool1d max_pool2d max_pool3d adaptive_max_pool1d "
        "adaptive_max_pool2d adaptive_max_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d clone "
        "unfold",
        kept,
    ),
    transposed=("transpose swapaxes swapdims", transposed),
    type_as=("type_as loss_as", type_as),
    cast=("upcast detach float double half bfloat16", cast),
    zeros=("tril triu diag diag_embed avg_pool1d avg_pool2d avg_pool3d", with_zeros),
    joined=("cat concat concatenate stack hstack vstack dstack", joined),
    trigonometry=("sin cos", always(SIGNED_UNIT)),
    sinc=("sinc", always(Interval(-0.25, 1))),
    squashed=("tanh erf softsign", always(SIGNED_UNIT)),
    softplus=("softplus", divides_by(1, "beta", POSITIVE)),
    celu=("celu", divides_by(1, "alpha", ANY)),
    cosine=("cosine_similarity", divides_by(3, "eps", SIGNED_UNIT)),
    gates=("sigmoid expit hardsigmoid special.expit", always(UNIT)),
    real=(
        "silu gelu mish selu hardtanh leaky_relu prelu rrelu hardswish tanhshrink hardshrink softshrink atan arctan "
        "asinh sinh linspace addmm baddbmm addmv addr addcmul cumsum cumprod prod conv1d conv2d conv3d "
        "conv_transpose1d conv_transpose2d conv_transpose3d bilinear outer kron cross tensordot einsum fold "
        "interpolate grid_sample affine_grid",
        always(ANY),
    ),
    elu=("elu", elu),
    logsigmoid=("logsigmoid", always(Interval(-INF, 0))),
    relu6=("relu6", always(Interval(0, 6))),
    relu=("relu", relu),
    clamp=("clamp clip", clamp),
    clamp_min=("clamp_min", lambda site: clamped(site.knowledge, site.first, site.value(1, "min"), None)),
    clamp_max=("clamp_max", lambda site: clamped(site.knowledge, site.first, None, site.value(1, "max"))),
    exp=("exp", exp),
    expm1=("expm1", expm1),
    exp2=("exp2", growing(lambda x: 2.0**x, POSITIVE)),
    log=("log", logarithm(math.log, 0)),
    log2=("log2", logarithm(math.log2, 0)),
    log10=("log10", logarithm(math.log10, 0)),
    log1p=("log1p", logarithm(math.log1p, -1)),
    sqrt=("sqrt", root),
    rsqrt=("rsqrt", inverse_root),
    reciprocal=("reciprocal", reciprocal),
    square=("square", lambda site: square(site.first)),
    abs=("abs absolute", absolute),
    sign=("sign sgn", always(SIGNED_UNIT, whole=True)),
    rounded=("floor ceil round trunc", lambda site: derived(loosened(site.first.range), site.first, whole=True)),
    arcs=("acos arccos asin arcsin", inverse(-1, 1, Interval(-math.pi, math.pi))),
    poles=("atanh arctanh erfinv special.erfinv", inverse(-1, 1, ANY)),
    logit=("logit special.logit", inverse(0, 1, ANY)),
    acosh=("acosh arccosh", inverse(1, INF, NOT_NEGATIVE)),
    neg=("neg negative", lambda site: negative(site.first)),
    add=("add", add("+")),
    sub=("sub subtract", add("-")),
    mul=("mul multiply", by_operator("*")),
    div=("div divide true_divide", by_operator("/")),
    floor_divide=("floor_divide", by_operator("//")),
    remainder=("remainder", by_operator("%")),
    pow=("pow float_power", powered),
    products=("matmul mm bmm mv dot inner vdot", by_operator("@")),
    linear=("linear", linear),
    max=("max", extreme(Interval.maximum, up=True)),
    min=("min", extreme(Interval.minimum, up=False)),
    maximum=("maximum fmax", pairwise(Interval.maximum)),
    minimum=("minimum fmin", pairwise(Interval.minimum)),
    amax=("amax", largest),
    amin=("amin", kept),
    topk=("topk", lambda site: (site.first.entries(), Value(NOT_NEGATIVE, whole=True))),
    sum=("sum", total),
    mean=("mean", mean),
    count=("count_nonzero", made(NOT_NEGATIVE, whole=True)),
    spread=("var std", spread(pair=False)),
    spreads=("var_mean std_mean", spread(pair=True)),
    norms=("norm linalg.vector_norm", norm(1)),
    distances=("cdist pairwise_distance", norm(2)),
    losses=(
        "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits soft_margin_loss "
        "hinge_embedding_loss margin_ranking_loss triplet_margin_loss cosine_embedding_loss",
        loss,
    ),
    cross_entropies=("binary_cross_entropy", binary_cross_entropy),
    softmax=("softmax", softmax),
    softmin=("softmin", always(UNIT)),
    log_softmax=("log_softmax", log_softmax),
    logsumexp=("logsumexp", logsumexp),
    attention=("scaled_dot_product_attention", attention),
    normalize=("normalize", normalize),
    layer_norm=("layer_norm group_norm", standardized(4)),
    instance_norm=("instance_norm", standardized(7)),
    rms_norm=("rms_norm", standardized(3)),
    where=("where", where),
    masked_fill=("masked_fill", masked_fill),
    nan_to_num=("nan_to_num", nan_to_num),
    lerp=("lerp", lerp),
    dropout=("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout", dropout),
    tests=(
        "eq ne lt le gt ge logical_and logical_or logical_not logical_xor isnan isinf isfinite any all bool isclose",
        made(UNIT, whole=True),
    ),
    zeros_made=("zeros zeros_like new_zeros", made(exactly(0), whole=True)),
    ones_made=("ones ones_like new_ones", made(exactly(1), whole=True)),
    eye=("eye bernoulli", made(UNIT, whole=True)),
    full=("full full_like", full),
    arange=("arange", arange),
    tensor=("tensor", made_of),
    uniform=("rand rand_like", made(UNIT)),
    normal=("randn randn_like", made(ANY)),
    permutation=("randperm", bounded_above_by(0, "n")),
    places=("argmax argmin argsort", made(NOT_NEGATIVE, whole=True)),
    one_hot=("one_hot", one_hot),
    gather=("gather", gathered(2)),
    index_select=("index_select", gathered(2)),
    embedding=("embedding", gathered(0, table=1)),
    cross_entropy=("cross_entropy", cross_entropy),
    nll=("nll_loss", nll),
)


TRANSFERS |= {"pad": pad, "long": long, "int": long, "short": long}


# Ops that give a tensor of the shape of their first.
SHAPED = frozenset(
    {
        *("upcast", "type_as", "loss_as", "detach", "clone", "float", "double", "half", "bfloat16"),
        *("softmax", "log_softmax"),
        *("sigmoid", "tanh", "relu", "exp", "log", "abs", "square", "clamp", "normalize", "layer_norm", "dropout"),
    }
)
