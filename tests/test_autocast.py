"""What was upcast stays so under autocast, which runs products in half precision."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lowered import forward, lines
from small import DIM, FLAG, instance_of, program
from torch import Tensor, nn

from generated.attention.linear_attention import LinearAttention
from generated.encoding.fourier_features import FourierFeatures
from generated.loss.arc_face_loss import ArcFaceLoss
from generated.loss.charbonnier_loss import CharbonnierLoss
from generated.loss.cosine_embedding_loss import CosineEmbeddingLoss
from generated.loss.focal_loss import FocalLoss
from generated.loss.info_nce_loss import InfoNCELoss
from generated.loss.label_smoothing_loss import LabelSmoothingLoss
from generated.loss.poisson_nll_loss import PoissonNLLLoss
from generated.quantization.vector_quantizer import VectorQuantizer
from layergen.contracts.autocast import is_loss
from layergen.lang.facts import Autocast
from layergen.ops.traits import LOWERED, UNCAST
from layergen.run.instance import Placement

HEADER = 'device_type = "cpu" if x.is_meta else x.device.type'
SQUARE: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "parameters": {"weight": {"shape": ["dim", "dim"], "init": "ones"}},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


def marks(text: str, **parts: Any) -> list[Autocast]:
    return [statement.autocast for statement in program(text, **{**SQUARE, **parts}).forward.statements]


# Which statements are kept from autocast


@pytest.mark.parametrize(
    "product",
    [
        "linear(h, upcast(weight))",
        "h @ upcast(weight)",
        "matmul(h, upcast(weight))",
        'einsum("ni,io->no", h, upcast(weight))',
        "bmm(h[None], upcast(weight)[None])[0]",
        "2 * linear(h / 2, upcast(weight) + weight)",
        "linear(h + x, upcast(weight))",  # which promotes
        "linear(where(x > 0, h, x), upcast(weight))",
        "linear(h, eye(dim, dtype=float32)) * upcast(weight)[0]",
        "linear(h, table)",
    ],
)
def test_a_product_of_what_was_upcast_is_kept_from_autocast(product: str) -> None:
    table = {"table": {"shape": ["dim", "dim"], "init": "ones", "dtype": "float32"}}
    assert marks(f"h = upcast(x)\ny = type_as({product}, x)", buffers=table) == [Autocast.ANY, Autocast.OFF]


@pytest.mark.parametrize(
    "text",
    [
        "y = linear(x, weight)",
        "y = linear(x, type_as(upcast(weight) / 2, x))",
        "y = linear(type_as(upcast(x), x), weight)",
        "y = linear(upcast(x), weight)",  # refused by torch in half precision alone
        "y = type_as(linear(linear(x, weight), weight) + upcast(x), x)",
        "y = linear(type_as(upcast(x) @ upcast(weight), x), weight)",  # one of the two
    ],
)
def test_a_statement_that_counts_on_autocast_is_left_to_it(text: str) -> None:
    assert marks(text) == [Autocast.ON]


@pytest.mark.parametrize(
    ("op", "mark"),
    [
        ("lerp(weight, {}, 0.1)", Autocast.OFF),
        ("mean(weight, dim=0) + {}", Autocast.OFF),
        ("square(weight) + {}", Autocast.ON),  # a power, which autocast computes in float32
        ("exp(weight) + {}", Autocast.ON),
    ],
)
def test_an_op_beside_a_product_counts_on_autocast_where_that_casts_it(op: str, mark: Autocast) -> None:
    product = "type_as(transpose(upcast(x), 0, 1) @ upcast(x), weight)"
    assert marks(f"h = {op.format(product)}\ny = x")[0] is mark


def test_what_a_product_gives_that_is_left_to_autocast_is_no_longer_wide() -> None:
    text = "h = upcast(x) @ upcast(weight) + linear(x, weight)\nh = h @ upcast(weight)\ny = type_as(h, x)"
    assert marks(text) == [Autocast.ON, Autocast.ON, Autocast.ANY]


def test_a_name_is_as_wide_as_on_the_narrowest_way_to_it() -> None:
    text = "h = x\nif dim > 1:\n    h = upcast(x)\ny = type_as(h @ upcast(weight), x)"
    assert marks(text)[-1] is Autocast.ON
    text = "h = upcast(x)\nif dim > 1:\n    h = upcast(x) * 2\ny = type_as(h @ upcast(weight), x)"
    assert marks(text)[-1] is Autocast.OFF


def test_a_loop_begins_its_turns_with_what_the_last_one_left() -> None:
    text = "h = upcast(x)\nfor _ in range(3):\n    h = {}\ny = type_as(h, x)"
    assert marks(text.format("h @ upcast(weight)"))[1] is Autocast.OFF
    assert marks(text.format("type_as(h @ upcast(weight), x)"))[1] is Autocast.ON


def test_complex_numbers_are_nothing_to_autocast() -> None:
    text = "h = fft.fft(upcast(x)) @ complex(upcast(weight), upcast(weight))\ny = type_as(real(h), x)"
    assert marks(text) == [Autocast.ANY, Autocast.ANY]


def test_the_ops_that_autocast_lowers_are_those_of_torch() -> None:
    a, b = torch.rand(2, 3, 3), torch.rand(2, 3, 3)
    calls: dict[str, Callable[[], Tensor]] = {
        "linear": lambda: nn.functional.linear(a, b[0]),
        "matmul": lambda: a @ b,
        "bmm": lambda: torch.bmm(a, b),
        "einsum": lambda: torch.einsum("nij,njk->nik", a, b),
        "tensordot": lambda: torch.tensordot(a[0], b[0], 1),
        "inner": lambda: torch.inner(a, b),
        "conv1d": lambda: nn.functional.conv1d(a, b),
        "cov": lambda: torch.cov(a[0]),
        "linalg.multi_dot": lambda: torch.linalg.multi_dot([a[0], b[0]]),
        "scaled_dot_product_attention": lambda: nn.functional.scaled_dot_product_attention(a, b, b),
    }
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert {name: call().dtype for name, call in calls.items()} == dict.fromkeys(calls, torch.bfloat16)
        others = (torch.outer(a[0, 0], b[0, 0]), a * b, torch.cdist(a, b), a.cumsum(0), nn.functional.gelu(a))
        assert {other.dtype for other in others} == {torch.float32}
    assert set(calls) <= LOWERED


def test_the_ops_that_autocast_leaves_alone_are_those_of_torch() -> None:
    keys = ["AutocastCPU", "AutocastCUDA", "AutocastMPS", "AutocastXPU"]
    overloads = [name for name in torch._C._dispatch_get_all_op_names() if name.split(".")[0][6:] in UNCAST]
    assert {name.split(".")[0][6:] for name in overloads} == UNCAST
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    assert not [name for name in overloads if any(has_kernel(name, key) for key in keys)]
    made_of_others = {name.split(".")[0][6:] for name in overloads if has_kernel(name, "CompositeImplicitAutograd")}
    assert made_of_others == {"subtract", "multiply", "divide", "true_divide", "where"}  # of others of them
    assert has_kernel("aten::linear", "AutocastCPU") and has_kernel("aten::exp", "AutocastCUDA")


def test_what_a_buffer_learns_of_a_product_is_the_same_under_autocast() -> None:
    layers = [VectorQuantizer(8, 4, decay=0.9), VectorQuantizer(8, 4, decay=0.9)]
    layers[1].load_state_dict(layers[0].state_dict())
    for _ in range(50):
        x = torch.randn(256, 4) + 3
        layers[0](x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            layers[1](x)
    torch.testing.assert_close(layers[1].state_dict(), layers[0].state_dict())


# How it is written


def test_the_steps_between_two_products_are_kept_from_it_with_them() -> None:
    written = forward(
        """
        h = upcast(x)
        h = h @ upcast(weight)
        h = cos(h)
        h = h @ upcast(weight)
        y = type_as(h, x)
        """,
        **SQUARE,
    )
    inner = written.split("enabled=False):\n")
    assert len(inner) == 2
    assert [line[:4] for line in inner[1].splitlines()] == ["    ", "    ", "    ", "retu"]


def test_a_loop_all_of_which_is_kept_from_it_stands_inside() -> None:
    written = forward(
        "h = upcast(x)\nw = upcast(weight)\nfor _ in range(3):\n    h = h @ w\ny = type_as(h, x)", **SQUARE
    )
    assert written == lines(f"""
        {HEADER}
        h = x.float() if x.dtype.itemsize < 4 else x
        w = self.weight.float() if self.weight.dtype.itemsize < 4 else self.weight
        with torch.autocast(device_type, enabled=False):
            for _ in range(3):
                h = h @ w
        return h.type_as(x)
    """)


def test_a_condition_stands_around_what_is_kept_from_it() -> None:
    branch = "h = upcast(x)\nif training:\n    h = h @ upcast(weight)\n{}y = type_as(h, x)"
    inside, around = "if self.training:", "with torch.autocast(device_type, enabled=False):"
    written = forward(branch.format(""), **SQUARE).splitlines()
    assert written.index(f"    {around}") == written.index(inside) + 1
    both = forward(branch.format("else:\n    h = h @ h\n"), **SQUARE).splitlines()  # which enters it in either mode
    assert both.index(f"    {inside}") == both.index(around) + 1


def test_a_branch_is_kept_from_it_alone_where_the_other_one_counts_on_it() -> None:
    written = forward(
        """
        h = upcast(x)
        if wide:
            y = type_as(h @ upcast(weight), x)
        else:
            y = linear(type_as(h, x), weight)
        """,
        **{**SQUARE, "arguments": {"dim": DIM, "wide": FLAG}},
    )
    branch = written.partition("if self.wide:\n")[2].splitlines()
    assert branch[0] == "    with torch.autocast(device_type, enabled=False):"
    assert branch[-3:-1] == ["else:", "    y = F.linear(h.type_as(x), self.weight)"]


def test_a_layer_without_such_a_product_does_not_mention_autocast() -> None:
    assert "autocast" not in forward("h = upcast(x)\ny = type_as(h * rsqrt(mean(square(h)) + 1), x)")
    assert "autocast" not in forward("y = linear(x, weight)", **SQUARE)


# What it does


def test_the_contracts_see_what_the_generated_code_does() -> None:
    layer = program("h = upcast(x) @ upcast(weight)\ng = x @ weight\ny = type_as(h + g, x)", **SQUARE)
    instance = instance_of(layer, Placement(torch.device("cpu")))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        run = instance.run(True)
    assert [step.value.dtype for step in run.steps[:2]] == [torch.float32, torch.bfloat16]


LAYERS: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
    "arc face": (ArcFaceLoss(8, 4, scale=64.0), (torch.randn(6, 8), torch.arange(6) % 4)),
    "fourier features": (FourierFeatures(3, 8), (torch.randn(6, 3),)),
    "linear attention": (LinearAttention(), (torch.randn(2, 5, 4), torch.randn(2, 5, 4), torch.randn(2, 5, 4))),
    "info nce": (InfoNCELoss(), (torch.randn(6, 8), torch.randn(6, 8))),
}


@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients_under_autocast_are_those_without_it(name: str) -> None:
    layer, inputs = LAYERS[name]
    given = tuple(each.clone().requires_grad_(each.is_floating_point()) for each in inputs)
    leaves = [each for each in (*given, *layer.parameters()) if each.requires_grad]
    expected = layer(*given)
    slopes = torch.autograd.grad(expected.sum(), leaves)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = layer(*given)
        narrow = layer(*(each.bfloat16() if each.is_floating_point() else each for each in inputs))
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(torch.autograd.grad(result.sum(), leaves), slopes)
    assert narrow.isfinite().all()


def test_gradients_near_a_cosine_of_one_are_finite_under_autocast() -> None:
    layer = ArcFaceLoss(8, 4)
    x = layer.weight.detach() * 3
    x.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(x, torch.arange(4)).backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


LOSSES: dict[str, tuple[nn.Module, Callable[[Tensor], tuple[Tensor, ...]]]] = {
    "charbonnier": (CharbonnierLoss(), lambda x: (x[None, None], x[None, None] + 1)),
    "cosine embedding": (CosineEmbeddingLoss(), lambda x: (x, x + 1, torch.ones(6, dtype=torch.int64))),
    "focal": (FocalLoss(), lambda x: (x, torch.ones_like(x))),
    "info nce": (InfoNCELoss(), lambda x: (x, x)),
    "label smoothing": (LabelSmoothingLoss(), lambda x: (x, torch.arange(6))),
    "poisson": (PoissonNLLLoss(), lambda x: (x, x + 5)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_in_float32_under_autocast_and_in_the_dtype_of_its_inputs_without(name: str) -> None:
    layer, given = LOSSES[name]
    inputs = given(torch.rand(6, 8, dtype=torch.bfloat16))
    assert layer(*inputs).dtype is torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(*inputs).dtype is torch.float32
    assert layer(*inputs).dtype is torch.bfloat16
    doubles = tuple(each.double() if each.is_floating_point() else each for each in inputs)
    assert layer(*doubles).dtype is torch.float64


def test_a_loss_that_is_scaled_stays_finite() -> None:
    x = torch.full((1, 1, 4, 3), 2.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = CharbonnierLoss()(x.half(), -x.half())
    assert (loss * 65536).isfinite()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("h = upcast(x)\ny = loss_as(h * 2, x)", True),
        ("h = upcast(x)\nif flag:\n    y = loss_as(h * 2, x)\nelse:\n    y = loss_as(h, x)", True),
        ("h = upcast(x)\ny = loss_as(h, x)\nif flag:\n    y = loss_as(h * 2, x)", True),
        ("h = upcast(x)\nif flag:\n    y = loss_as(h * 2, x)\nelse:\n    y = type_as(h, x)", False),
        ("h = upcast(x)\ny = type_as(h, x)\nif flag:\n    y = loss_as(h * 2, x)", False),
        ("h = upcast(x)\nif flag:\n    y = h * 2\nelse:\n    y = h\ny = loss_as(y, x)", True),
    ],
)
def test_a_loss_is_told_in_whichever_branch_it_comes_back(text: str, found: bool) -> None:
    assert is_loss(program(text, **{**SQUARE, "arguments": {"dim": DIM, "flag": FLAG}})) is found


def test_a_loss_that_is_a_part_of_something_is_asked_where_it_stands() -> None:
    written = forward("y = loss_as(upcast(x) * 2, x) + 1")
    last = written.splitlines()[-1]
    assert written.startswith(HEADER)
    assert "if torch.is_autocast_enabled(device_type) else" in written
    assert last.startswith(("return", ")"))


@pytest.mark.parametrize("name", LAYERS)
def test_a_meta_device_has_no_autocast_and_needs_none(name: str) -> None:
    layer, inputs = LAYERS[name]
    result = copy.deepcopy(layer).to("meta")(*(each.to("meta") for each in inputs))
    assert result.is_meta


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_what_is_compiled_or_exported_is_kept_from_autocast_too(name: str) -> None:
    layer, inputs = LAYERS[name]
    expected = layer(*inputs)
    torch.compiler.reset()
    compiled: Any = torch.compile(copy.deepcopy(layer), fullgraph=True, backend="aot_eager")
    exported = torch.export.export(layer, inputs).module()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(compiled(*inputs), expected)
        torch.testing.assert_close(exported(*inputs), expected)
