"""What torch does not say of its functions: a few tables, each with its reason."""

import re
from types import MappingProxyType

from layergen.ops.model import Floating

# Ops that experts write as methods, `x.mean(dim=-1)`: reductions, changes of shape, selections and conversions.
METHODIC = frozenset(
    {
        *("all", "amax", "amin", "any", "argmax", "argmin", "max", "mean", "min", "prod", "std", "sum", "var"),
        *("broadcast_to", "chunk", "diagonal", "flatten", "flip", "movedim", "narrow", "permute", "repeat_interleave"),
        *("reshape", "roll", "squeeze", "swapaxes", "t", "tile", "transpose", "unbind", "unsqueeze"),
        *("gather", "index_select", "masked_fill", "masked_select", "scatter", "scatter_add", "select"),
        *("abs", "clamp", "clamp_max", "clamp_min", "clone", "cumsum", "detach", "square"),
    }
)

# Is what a factory makes floating when no dtype is given?
FLOATING: MappingProxyType[str, Floating] = MappingProxyType(
    {
        "arange": "by arguments",
        "full": "by arguments",
        "tensor": "by arguments",
        "randint": "never",
        "randperm": "never",
        "tril_indices": "never",
        "triu_indices": "never",
    }
)


# Functions written in Python that draw random numbers by way of others.
RANDOM = frozenset(
    {
        *("dropout1d", "dropout2d", "dropout3d", "gumbel_softmax", "multi_head_attention_forward"),
        *("fractional_max_pool2d", "fractional_max_pool2d_with_indices"),
        *("fractional_max_pool3d", "fractional_max_pool3d_with_indices"),
    }
)

# Not for layers: they change what a tensor is rather than its values, put it elsewhere, or have a better name.
SKIPPED = frozenset(
    {
        *("as_strided_", "detach_", "requires_grad_", "resize_", "resize_as_", "set_"),
        *("contiguous", "pin_memory", "resolve_conj", "resolve_neg"),
        *("col_indices", "crow_indices", "coalesce", "hspmm", "indices", "smm", "sspaddmm", "to_dense", "values"),
        *("int_repr", "q_per_channel_scales", "q_per_channel_zero_points", "segment_reduce", "to_padded_tensor"),
        *("chain_matmul", "hash_tensor", "native_channel_shuffle", "range", "threshold_"),
        *("unsafe_chunk", "unsafe_split"),
        *("atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_tensors"),  # mypy refuses to call them
    }
)
SKIPPED_PATTERN = re.compile(r"sparse|mkldnn|cudnn|miopen|fbgemm|quantize|fake_quant|(?<!index)_copy$")

# The recurrences of torch: whole sequences, fused, and single steps.
_RECURRENCES, _CELLS = ("gru", "rnn_relu", "rnn_tanh"), ("gru_cell", "rnn_relu_cell", "rnn_tanh_cell")
_FUSED = (
    "Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first"
)
_CELL = "Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None"

# Signatures that torch's schemas and annotations leave out or get wrong, in torch's schema language. The last list of
# an op in SPREAD may be spread over several arguments.
SCHEMAS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "lstm": (f"lstm(Tensor input, Tensor[] hx, {_FUSED}) -> (Tensor, Tensor, Tensor)",),
        **{name: (f"{name}(Tensor input, Tensor hx, {_FUSED}) -> (Tensor, Tensor)",) for name in _RECURRENCES},
        "lstm_cell": (f"lstm_cell(Tensor input, Tensor[] hx, {_CELL}) -> (Tensor, Tensor)",),
        **{name: (f"{name}(Tensor input, Tensor hx, {_CELL}) -> Tensor",) for name in _CELLS},
        "cartesian_prod": ("cartesian_prod(Tensor[] tensors) -> Tensor",),
        "cdist": ("cdist(Tensor x1, Tensor x2, float p=2.0, str compute_mode='') -> Tensor",),
        "clamp_max": ("clamp_max(Tensor input, Scalar max) -> Tensor", "clamp_max(Tensor input, Tensor max) -> Tensor"),
        "clamp_min": ("clamp_min(Tensor input, Scalar min) -> Tensor", "clamp_min(Tensor input, Tensor min) -> Tensor"),
        "einsum": ("einsum(str equation, Tensor[] operands) -> Tensor",),
        **{
            f"fractional_max_pool{n}d{ending}": (
                f"fractional_max_pool{n}d{ending}(Tensor input, int[{n}] kernel_size, int[{n}]? output_size=None, "
                f"float[{n}]? output_ratio=None) -> {result}",
            )
            for n in (2, 3)
            for ending, result in (("", "Tensor"), ("_with_indices", "(Tensor, Tensor)"))
        },
        "interpolate": (
            "interpolate(Tensor input, int[1]? size=None, float[1]? scale_factor=None, str mode='nearest', "
            "bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
        ),
        "meshgrid": ("meshgrid(Tensor[] tensors, *, str? indexing=None) -> Tensor[]",),
        "norm": (
            "norm(Tensor input, Scalar p=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
            "norm(Tensor input, str p, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        ),
        "normal": (
            "normal(Tensor mean, float std=1.0) -> Tensor",
            "normal(float mean, Tensor std) -> Tensor",
            "normal(Tensor mean, Tensor std) -> Tensor",
        ),
        "softsign": ("softsign(Tensor input) -> Tensor",),
        "tanhshrink": ("tanhshrink(Tensor input) -> Tensor",),
        "tensor": ("tensor(float[1] data, *, ScalarType? dtype=None, Device? device=None) -> Tensor",),
        "tensordot": ("tensordot(Tensor a, Tensor b, int[1] dims=2) -> Tensor",),
    }
)
SPREAD = frozenset({"cartesian_prod", "einsum", "meshgrid"})

# Methods that convert a tensor, none of which has a schema of its own.
CONVERSIONS = frozenset({"bfloat16", "bool", "double", "float", "half", "int", "long", "short"})

# Ops whose result is `Any` to mypy, beside all of `torch.fft`, `torch.linalg` and `torch.special`.
UNTYPED = frozenset({"norm", "tensordot"})

# How ops end that torch writes as the op without this ending too, with `return_indices=True`. The annotations of those
# that begin so leave out entries that are None there.
WITH_INDICES, UNDERSTATED = "_with_indices", "adaptive_"

# Ops whose annotations want a number for each dimension, where torch takes one for all, and how many these are.
ONE_FOR_EACH = MappingProxyType({"adaptive_max_pool1d_with_indices": 1, **{f"max_unpool{n}d": n for n in (1, 2, 3)}})

# Ops whose result may be a view of their first operand, or that operand itself: of these torch names but a part.
ALIASING = frozenset(
    {
        *("as_strided", "diagonal", "expand", "expand_as", "narrow", "permute", "movedim", "moveaxis", "select"),
        *("squeeze", "unsqueeze", "swapaxes", "swapdims", "t", "transpose", "adjoint", "view", "view_as", "unfold"),
        *("broadcast_to", "flatten", "ravel", "reshape", "reshape_as", "unflatten", "einsum", "linalg.diagonal"),
        *("chunk", "split", "tensor_split", "hsplit", "vsplit", "dsplit", "unbind", "meshgrid"),
        *("real", "imag", "view_as_real", "view_as_complex", "conj", "conj_physical", "detach", "positive", "rot90"),
        *("type_as", "loss_as", "upcast", "to", "bfloat16", "bool", "double", "float", "half", "int", "long", "short"),
        *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"),
        *("feature_alpha_dropout", "sum_to_size"),
    }
)

# Ops that take a single sample, ``(C, L)``, as they take a batch, ``(N, C, L)``, and give one.
SINGLE = frozenset(
    {
        *(f"{name}{n}d" for name in ("conv", "conv_transpose", "lp_pool", "max_unpool", "avg_pool") for n in (1, 2, 3)),
        *(f"{name}{n}d" for name in ("adaptive_avg_pool", "adaptive_max_pool", "max_pool") for n in (1, 2, 3)),
        *(f"{name}{n}d_with_indices" for name in ("adaptive_max_pool", "max_pool") for n in (1, 2, 3)),
        *(f"fractional_max_pool{n}d{ending}" for ending in ("", "_with_indices") for n in (2, 3)),
        *("dropout1d", "dropout3d", "fold", "multilabel_margin_loss", "pad", "unfold"),
    }
)

# Ops after which autograd needs no operand.
FORGETFUL = frozenset(
    {
        *("add", "sub", "subtract", "neg", "cat", "concat", "stack", "hstack", "vstack", "dstack", "clone"),
        *("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"),
    }
)

# Ops whose result has no gradient, whatever their operands have.
UNDIFFERENTIABLE = frozenset(
    {
        *(
            "argmax",
            "argmin",
            "argsort",
            "bincount",
            "bucketize",
            "count_nonzero",
            "nonzero",
            "one_hot",
            "searchsorted",
        ),
        *("all", "any", "eq", "ge", "gt", "isfinite", "isinf", "isnan", "le", "lt", "ne"),
        *("logical_and", "logical_not", "logical_or", "logical_xor"),
    }
)

# Ops that autocast runs in half precision on some device, or that are made of such.
LOWERED = frozenset(
    {
        *("linear", "matmul", "linalg.matmul", "mm", "bmm", "mv", "einsum", "inner", "tensordot", "linalg.vecdot"),
        *("bilinear", "affine_grid"),
        *("addmm", "addmv", "addr", "addbmm", "baddbmm", "linalg.multi_dot", "matrix_power", "linalg.matrix_power"),
        *("conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("corrcoef", "cov", "linalg.pinv", "prelu", "scaled_dot_product_attention", "multi_head_attention_forward"),
        *(*_RECURRENCES, *_CELLS, "lstm", "lstm_cell"),
    }
)

# Ops that give what they take the widest dtype among it.
PROMOTING = frozenset(
    {
        *("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "where", "maximum", "minimum"),
        *("fmax", "fmin", "atan2", "hypot", "pow", "outer", "cat", "concat", "stack", "hstack", "vstack", "dstack"),
    }
)

# Ops beside views that autocast leaves alone on every device: they give half precision for half precision with and
# without it. Not among them is what is made of others that it casts, as ``square`` of ``pow``.
UNCAST = frozenset(
    {
        *("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "where", "maximum", "minimum"),
        *("abs", "ceil", "floor", "frac", "neg", "round", "sgn", "sign", "trunc", "nan_to_num"),
        *("acosh", "asinh", "atan", "atanh", "cos", "erf", "erfc", "exp2", "logit", "sin", "sinc", "sqrt"),
        *("elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu", "sigmoid"),
        *("silu", "softshrink", "tanh", "threshold", "clamp", "clamp_max", "clamp_min", "copysign", "fmax", "fmin"),
        *("fmod", "heaviside", "hypot", "lerp", "logaddexp", "logaddexp2", "remainder", "xlogy"),
        *("amax", "amin", "cummax", "cummin", "kthvalue", "mean", "median", "mode", "sort", "topk"),
        *("clone", "diag_embed", "embedding", "flip", "gather", "index_add", "index_fill", "index_select"),
        *("masked_fill", "masked_scatter", "pixel_shuffle", "pixel_unshuffle", "repeat", "roll", "scatter", "take"),
        *("scatter_reduce", "tril", "triu", "empty_like", "full_like", "ones_like", "zeros_like", "rand_like"),
        *("randint_like", "randn_like", "new_empty", "new_full", "new_ones", "new_zeros", "bernoulli"),
    }
)

# Ops that compute each entry of their first operand by itself; what else they take is numbers.
ELEMENTWISE = frozenset(
    {
        *("abs", "clamp", "cos", "elu", "erf", "exp", "expm1", "gelu", "hardsigmoid", "hardswish", "hardtanh"),
        *("leaky_relu", "log", "log1p", "logsigmoid", "mish", "neg", "reciprocal", "relu", "relu6", "rsqrt", "selu"),
        *("sigmoid", "silu", "sin", "softplus", "softsign", "sqrt", "square", "tanh"),
    }
)
