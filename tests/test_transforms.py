"""What the build sees of a layer under torch's transformations, and that the generated tests fail where it breaks."""

from typing import Any

import pytest
import torch
from small import DIM, checked, program
from torch import Tensor, nn

from generated.tests import behaviours
from generated.tests.behaviours import Case, Empty, Input, Layer, Resized
from layergen.measure.jacobian import jacobian
from layergen.measure.open_sizes import needs_sizes
from layergen.measure.transforms import Transforms
from layergen.measure.twice import Twice
from layergen.present.guarantees import guarantees
from layergen.settings.choice import settings

ATTENTION = "h = x[:, None, :, None]\ny = scaled_dot_product_attention(h, h, h)[:, 0, :, 0]"
CASE = Case(inputs={"x": (2, 3)}, outputs={"y": (2, 3)})


def seen(**parts: Any) -> Transforms:
    return checked(program(**parts)).measured.transforms


@pytest.mark.parametrize(
    ("forward", "outcome"),
    [
        ("y = tanh(x)", Twice.AGREE),
        ("y = 2 * x", Twice.NONE),
        (ATTENTION, Twice.REFUSED),
    ],
)
def test_second_gradients_are_told_apart(forward: str, outcome: Twice) -> None:
    assert seen(forward=forward).twice is outcome


@pytest.mark.parametrize(
    ("forward", "outcome"),
    [
        ("y = tanh(x)", True),
        ("y = 2 * x", True),
        ("y = heaviside(x, x)", False),  # which has no gradient
        ("y = tanh(x) + rand_like(x)", False),
    ],
)
def test_rows_of_the_jacobian_are_compared_where_there_are_any(forward: str, outcome: bool) -> None:
    random = {"random": "always"} if "rand" in forward else {}
    layer = program(forward, **random)
    assert jacobian(layer, settings(layer)[0]) is outcome


def test_what_becomes_no_number_without_samples_is_not_held_to_it() -> None:
    assert seen(forward="y = tanh(x)").empty
    assert not seen(forward="y = reshape(x, N, -1)").empty


def test_the_first_setting_is_looked_at_beside_the_smallest_where_it_goes_another_way() -> None:
    flag = {"arguments": {"smooth": {"type": "bool", "default": True, "doc": "Whether."}}}
    tensors = {"inputs": {"x": ["N", "C"], "z": {"shape": ["N", "C"], "optional": True}}}
    layer = {"forward": "y = tanh(x)\nif z is not None:\n    y = y * z", **tensors}
    assert seen(**layer).ways == seen(**layer).traced == ("without_z", "default")
    assert seen(forward="y = tanh(x) if smooth else sin(x)", **flag).ways == ("default",)


@pytest.mark.parametrize(
    ("forward", "needs"),
    [("y = tanh(x)", False), ("y = x / sqrt(C)", True), ("y = x if N > 7 else 2 * x", True), ("y = x * C", False)],
)
def test_a_trace_holds_for_other_sizes_unless_some_are_needed_as_numbers(forward: str, needs: bool) -> None:
    assert needs_sizes(program(forward=forward)) is needs


def test_a_trace_is_tried_at_sizes_that_data_allows() -> None:
    table = {"weight": {"shape": ["rows", "C"], "init": "normal(0, 0.02)"}}
    rows = {"rows": {"type": "int", "min": 1, "doc": "Rows."}, "C": {"type": "int", "min": 1, "doc": "Features."}}
    parts = {
        "arguments": rows,
        "parameters": table,
        "inputs": {"x": ["N", "L", "C"]},
        "outputs": {"y": ["N", "L", "C"]},
    }
    assert seen(forward="y = x + sum(weight, dim=0)", **parts).grown is not None
    assert seen(forward="y = x + embedding(arange(L)[None, :], weight)", **parts).grown is None


# Layers that are broken by hand


class Broken(nn.Module):
    """The hyperbolic tangent in a way that each of the tests is to find."""

    def __init__(self, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros((), dtype=dtype))


class Detached(Broken):
    def forward(self, x: Tensor) -> Tensor:
        y = x.tanh()
        return y.detach() + (1 - y.detach() ** 2) * (x - x.detach())


class ReadsOne(Broken):
    def forward(self, x: Tensor) -> Tensor:
        return x.tanh() if x[0, 0] > 100 else x.tanh() + 0


class Reshaping(Broken):
    def forward(self, x: Tensor) -> Tensor:
        return x.tanh().reshape(x.shape[0], -1)


class Averaging(Broken):
    last: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.last.copy_(x.detach().mean())
        return x.tanh()


class Forwards(torch.autograd.Function):
    """The hyperbolic tangent, whose derivative is right backwards alone."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.tanh()

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(output)
        context.save_for_forward(output)

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> Tensor:
        (output,) = context.saved_tensors
        slope: Tensor = slopes[0] * (1 - output**2)
        return slope

    @staticmethod
    def jvp(context: Any, *ways: Tensor) -> Tensor:
        (output,) = context.saved_tensors
        change: Tensor = ways[0] * (1 - output)
        return change


class WrongForwards(Broken):
    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = Forwards.apply(x)  # type: ignore[no-untyped-call]
        return result


class OnOneDevice(Broken):
    def forward(self, x: Tensor) -> Tensor:
        return x.tanh() + torch.zeros(3)


class OfOneLayout(Broken):
    def forward(self, x: Tensor) -> Tensor:
        return x.tanh().view(-1).view(2, 3)


class Keeping(Broken):
    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        return x.tanh()


class LeadingBack(Broken):
    def forward(self, x: Tensor) -> Tensor:
        self.last = x.mean()
        return x.tanh()


class OfEvenSize(Broken):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, : x.shape[1] // 2 * 2]


class OfFixedSize(Broken):
    def forward(self, x: Tensor) -> Tensor:
        return x.tanh().reshape([int(size) for size in x.shape]) + torch.zeros(len(x.tolist()), 1)


def layer_of(made: type[nn.Module]) -> Layer:
    return Layer(made, inputs={"x": Input()}, updates=True)


@pytest.mark.parametrize(
    ("test", "made", "case"),
    [
        (behaviours.test_second_gradients, Detached, {"way": CASE, "training": True}),
        (behaviours.test_output_shapes_at_other_sizes, OfEvenSize, {"resized": Resized(CASE, CASE)}),
        (behaviours.test_vmap, ReadsOne, {"way": CASE}),
        (behaviours.test_forward_mode_derivatives, WrongForwards, {"way": CASE, "training": True}),
        (behaviours.test_runs_on_another_device, OnOneDevice, {"case": CASE, "training": True}),
        (behaviours.test_accepts_non_contiguous_inputs, OfOneLayout, {"case": CASE, "training": False}),
        (behaviours.test_leaves_its_inputs_alone, Keeping, {"case": CASE}),
        (behaviours.test_leaves_its_inputs_alone, LeadingBack, {"case": CASE}),
        (behaviours.test_evaluation_leaves_no_trace, Averaging, {"case": CASE}),
        (behaviours.test_accepts_an_empty_batch, Reshaping, {"empty": Empty(CASE.but(inputs={"x": (0, 3)}), False)}),
        (
            behaviours.test_accepts_an_empty_batch,
            Averaging,
            {"empty": Empty(CASE.but(inputs={"x": (0, 3)}, outputs={"y": (0, 3)}), True)},
        ),
    ],
    ids=[
        "second_gradients",
        "sizes",
        "vmap",
        "forwards",
        "device",
        "layout",
        "kept",
        "graph",
        "trace",
        "empty_batch",
        "empty_batch_in_a_buffer",
    ],
)
def test_a_broken_layer_fails(test: Any, made: type[nn.Module], case: dict[str, Any]) -> None:
    with pytest.raises((RuntimeError, AssertionError)):
        test(layer_of(made), **case)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "made", "case"),
    [
        (behaviours.test_compiles, ReadsOne, {"traced": CASE, "training": True}),
        (behaviours.test_exports, OfFixedSize, {"resized": Resized(CASE, CASE.but(inputs={"x": (5, 3)}))}),
    ],
    ids=["compiles", "exports"],
)
def test_a_layer_that_cannot_be_traced_fails(test: Any, made: type[nn.Module], case: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as failure:
        test(layer_of(made), **case)
    assert not isinstance(failure.value, TypeError | AttributeError)


def test_what_evaluation_updates_is_not_mapped_over_nor_said_to_stay() -> None:
    parts: dict[str, Any] = {
        "forward": "y = x - type_as(last, x)\nlast = type_as(detach(mean(x, dim=0)), last)",
        "arguments": {"dim": DIM},
        "buffers": {"last": {"shape": ["dim"], "init": "zeros"}},
        "inputs": {"x": ["N", "dim"]},
        "outputs": {"y": ["N", "dim"]},
        "accept": {"updated-in-evaluation": "A stream goes on."},
    }
    layer = checked(program(**parts))
    assert not layer.measured.transforms.mapped
    (said,) = (item.detail for item in guarantees(layer) if item.contract == "buffers")
    assert said.endswith("none changes but where it is assigned")
