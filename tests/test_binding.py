"""Calls bind as torch binds them, which the tests find out by asking torch."""

from typing import Any

import pytest
import torch

from layergen import ops
from layergen.lang.kinds import Kind, Kinds

X = torch.empty(2, 3, 8, 8, device="meta")
W = torch.empty(4, 3, 3, 3, device="meta")
B = torch.empty(4, device="meta")
V = torch.empty(2, 3, device="meta")
M = torch.empty(2, 3, 8, 8, device="meta", dtype=torch.bool)
I = torch.empty(2, 3, device="meta", dtype=torch.int64)  # noqa: E741
F32 = torch.float32


def call(name: str, *arguments: Any, **keywords: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    return name, arguments, keywords


ACCEPTED = [
    call("conv2d", X, W),
    call("conv2d", X, W, B, 2, (1, 1)),
    call("conv2d", X, W, None, padding="same"),
    call("conv2d", X, W, bias=B, stride=(2, 2), groups=1),
    call("conv_transpose2d", X, torch.empty(3, 4, 2, 2, device="meta"), stride=2),
    call("linear", V, torch.empty(5, 3, device="meta")),
    call("relu", X),
    call("gelu", X, approximate="tanh"),
    call("leaky_relu", X, 0.1),
    call("leaky_relu", X, negative_slope=1),
    call("softplus", X, beta=2.0),
    call("softmax", X, dim=-1),
    call("softmax", X, 1, dtype=F32),
    call("log_softmax", X, -1),
    call("layer_norm", X, [8], None),
    call("layer_norm", X, (8, 8), eps=1e-6),
    call("rms_norm", X, [8]),
    call("group_norm", X, 3),
    call("normalize", X, p=2, dim=1),
    call("max_pool2d", X, 2),
    call("max_pool2d", X, (2, 2), stride=2, return_indices=True),
    call("avg_pool2d", X, 2, ceil_mode=True),
    call("adaptive_avg_pool2d", X, output_size=(2, 2)),
    call("adaptive_avg_pool2d", X, 1),
    call("lp_pool2d", X, 2.0, 2),
    call("interpolate", X, scale_factor=2, mode="nearest"),
    call("interpolate", X, size=(4, 4)),
    call("pad", X, (1, 1)),
    call("pad", X, [1, 1, 1, 1], value=0.5),
    call("unfold", X, 2, stride=(2, 2)),
    call("dropout", X, 0.5, True),
    call("mse_loss", X, X, reduction="sum"),
    call("scaled_dot_product_attention", X, X, X, is_causal=True, scale=0.1),
    call("embedding", I, W[0, 0]),
    call("one_hot", I, 4),
    call("glu", torch.empty(2, 4, device="meta"), -1),
    call("pixel_shuffle", torch.empty(1, 4, 2, 2, device="meta"), 2),
    call("exp", X),
    call("sigmoid", X),
    call("add", X, X, alpha=2),
    call("add", X, 1),
    call("pow", X, 2),
    call("pow", 2.0, X),
    call("where", M, X, 0.0),
    call("where", M, X, X),
    call("clamp", X, min=0),
    call("clamp", X, None, 1.0),
    call("lerp", X, X, 0.5),
    call("cat", [X, X], dim=1),
    call("stack", (X, X)),
    call("einsum", "ij,kj->ik", V, V),
    call("einsum", "ij,kj->ik", [V, V]),
    call("matmul", X, X),
    call("tril", X, diagonal=1),
    call("mean", X),
    call("mean", X, dim=(1, 2), keepdim=True),
    call("mean", X, axis=1, keepdims=True),
    call("sum", X, -1, True, dtype=F32),
    call("amax", X, 1),
    call("var", X, dim=1, correction=0),
    call("max", X),
    call("max", X, 1),
    call("max", X, X),
    call("reshape", X, 2, -1),
    call("reshape", X, [6, 64]),
    call("permute", X, 0, 2, 3, 1),
    call("permute", X, (0, 2, 3, 1)),
    call("transpose", X, 1, 2),
    call("flatten", X, 1),
    call("unflatten", X, 1, (1, 3)),
    call("squeeze", X, 1),
    call("unsqueeze", B, -1),
    call("expand", B, 3, 4),
    call("expand", B, [3, -1]),
    call("repeat", B, 2),
    call("chunk", X, 3, dim=1),
    call("split", X, 2, dim=-1),
    call("split", X, [4, 4], dim=-1),
    call("unbind", X, 1),
    call("flip", X, [-1]),
    call("flip", X, -1),
    call("roll", X, 1, dims=-1),
    call("masked_fill", X, M, 0.0),
    call("gather", V, 1, I),
    call("type_as", X, V),
    call("to", X, torch.float16),
    call("float", X),
    call("detach", X),
    call("zeros", 2, 3),
    call("zeros", [2, 3], dtype=F32),
    call("ones", 2),
    call("full", [2], 0.5),
    call("arange", 4),
    call("arange", 0, 4.0, 0.5, dtype=F32),
    call("linspace", 0.0, 1.0, 5),
    call("randn", 2, 2),
    call("eye", 3),
    call("tensor", [1.0, 2.0]),
    call("fft.rfft", V, dim=-1, norm="ortho"),
    call("linalg.norm", V, 2, dim=-1),
    call("linalg.vector_norm", V, ord=1, dim=(0, 1)),
    call("erfinv", X),
    call("xlog1py", X, X),
    call("cumsum", X, dim=1),
    call("logsumexp", X, 1, keepdim=True),
    call("outer", B, B),
    call("upcast", X),
    call("normal", V, 1.0),
    call("rand_like", V),
    call("topk", X, 2, dim=-1, largest=False),
    call("scatter_add", V, 1, I, V),
    call("cross_entropy", V, torch.empty(2, device="meta", dtype=torch.int64), label_smoothing=0.1),
    call("tensordot", V, V.T, 1),
]

REFUSED = [
    call("conv2d", X),
    call("conv2d", X, W, 1, 0),
    call("conv2d", X, W, (1, 1), (0, 0)),
    call("conv2d", X, W, kernel_size=3),
    call("conv2d", X, W, B, bias=B),
    call("conv2d", X, W, B, 1, 0, 1, 1, 1),
    call("adaptive_avg_pool2d", X, output_size=1, stride=1, padding=0),
    call("relu", X, slope=0.1),
    call("gelu", X, "tanh"),
    call("layer_norm", X, 8),
    call("layer_norm", [8], X),
    call("softplus", X, "a"),
    call("softmax", X, dim=-1, axis=-1),
    call("linear", V),
    call("linear", V, 3),
    call("cat", X, X),
    call("stack", X),
    call("einsum", V, "ij->i"),
    call("where", M, X),
    call("clamp", X, 0, 1, 2),
    call("permute", X, 1.0),
    call("reshape", X),
    call("reshape", X, 2.0, 3),
    call("transpose", X, 1),
    call("unsqueeze", B),
    call("expand", B, "a"),
    call("flip", X, dim=1),
    call("mean", X, "a"),
    call("mean", X, 1, keep=True),
    call("masked_fill", X, M),
    call("type_as", X),
    call("zeros", 2.0),
    call("zeros", size=(2,), shape=(2,)),
    call("full", 2, 0.5),
    call("arange"),
    call("arange", X, dims=1),
    call("linspace", 0.0, 1.0),
    call("randn", "a"),
    call("fft.rfft", V, axis=-1, dim=-1),
    call("linalg.vector_norm", V, 1, 0, True, 2),
    call("one_hot", I, 2.5),
    call("matmul", X, 2),
    call("exp", X, X),
    call("exp", 1.0),
    call("topk", X),
    call("gather", V, I, 1),
    call("float", X, 1),
    call("upcast", X, 1),
]


def kinds_of(value: Any) -> Kinds:
    match value:
        case None:
            return frozenset({Kind.NONE})
        case torch.Tensor():
            return frozenset({Kind.TENSOR})
        case torch.dtype():
            return frozenset({Kind.DTYPE})
        case bool():
            return frozenset({Kind.BOOL})
        case int():
            return frozenset({Kind.INT})
        case float():
            return frozenset({Kind.FLOAT})
        case str():
            return frozenset({Kind.STR})
        case [torch.Tensor(), *_]:
            return frozenset({Kind.TENSORS})
        case [float(), *_]:
            return frozenset({Kind.FLOATS})
        case _:
            return frozenset({Kind.INTS})


def bound(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> ops.Binding | ops.BindingFault:
    op = ops.find(name)
    assert op is not None, name
    positional = [ops.Argument(None, kinds_of(value)) for value in arguments]
    return ops.bind(op, positional + [ops.Argument(keyword, kinds_of(value)) for keyword, value in keywords.items()])


def described(value: Any) -> str:
    return value[0] if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("case", ACCEPTED, ids=described)
def test_binds_what_torch_accepts(case: tuple[str, tuple[Any, ...], dict[str, Any]]) -> None:
    name, arguments, keywords = case
    op = ops.find(name)
    assert op is not None
    op.function(*arguments, **keywords)
    assert isinstance(bound(name, arguments, keywords), ops.Binding)


@pytest.mark.parametrize("case", REFUSED, ids=described)
def test_refuses_what_torch_refuses(case: tuple[str, tuple[Any, ...], dict[str, Any]]) -> None:
    name, arguments, keywords = case
    op = ops.find(name)
    assert op is not None
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        op.function(*arguments, **keywords)
    assert isinstance(bound(name, arguments, keywords), ops.BindingFault)


@pytest.mark.parametrize("case", ACCEPTED, ids=described)
def test_returns_the_kinds_that_torch_returns(case: tuple[str, tuple[Any, ...], dict[str, Any]]) -> None:
    name, arguments, keywords = case
    op, binding = ops.find(name), bound(name, arguments, keywords)
    assert op is not None
    assert isinstance(binding, ops.Binding)
    result = op.function(*arguments, **keywords)
    assert (Kind.TENSOR if isinstance(result, torch.Tensor) else Kind.TENSORS) in binding.signature.returns


def test_a_bool_is_no_number() -> None:
    assert isinstance(bound("leaky_relu", (X, True), {}), ops.BindingFault)


def test_a_number_fits_a_scalar_of_any_kind() -> None:
    assert isinstance(bound("masked_fill", (X, M, True), {}), ops.Binding)


def test_an_unknown_kind_fits_everywhere() -> None:
    op = ops.find("conv2d")
    assert op is not None
    unknown = ops.Argument(None, frozenset({Kind.UNKNOWN}))
    assert isinstance(ops.bind(op, [unknown] * 7), ops.Binding)


def test_one_kind_of_several_is_enough() -> None:
    op = ops.find("linear")
    assert op is not None
    tensor, maybe = frozenset({Kind.TENSOR}), frozenset({Kind.TENSOR, Kind.NONE})
    arguments = [ops.Argument(None, tensor), ops.Argument(None, maybe), ops.Argument("bias", maybe)]
    assert isinstance(ops.bind(op, arguments), ops.Binding)
