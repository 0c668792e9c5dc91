"""What outputs may not see: what the build tells the tests of it, and that they fail where a layer sees it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small import DIM, checked, program
from torch import Tensor, nn

from generated.tests import behaviours
from generated.tests.behaviours import Case, Input, Layer, Marking
from layergen.lower.unseen import axes_at, dimensions, masks, samples_of, unseen

CASE = Case(
    inputs={"x": (2, 5, 3), "mask": (2, 5)},
    outputs={"y": (2, 5, 3)},
    axes={"N": {"x": 0, "mask": 0, "y": 0}, "L": {"x": 1, "mask": 1, "y": 1}},
)
POOLED = CASE.but(outputs={"y": (2, 3)}, axes={"N": {"x": 0, "mask": 0, "y": 0}, "L": {"x": 1, "mask": 1}})


def layer_of(forward: Callable[[Tensor, Tensor], Tensor]) -> Layer:
    """A layer with a mask, whose forward is a function."""

    class Made(nn.Module):
        def __init__(self, dtype: torch.dtype | None = None) -> None:
            super().__init__()

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return forward(x, mask)

    return Layer(
        Made,
        inputs={"x": Input(), "mask": Input(torch.bool)},
        batch="N",
        alone=True,
        causal="L",
        shortened=True,
        masks={"mask": Marking("L", marks=("x",), outputs=("y",), longer=True)},
    )


def mean(x: Tensor, mask: Tensor) -> Tensor:
    """What is right: nothing of what the tests hold a layer to is broken."""
    return (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)


def looking_back(x: Tensor, mask: Tensor) -> Tensor:
    return (x * mask[:, :, None]).cumsum(1)


RASTER = Case(
    inputs={"x": (2, 4, 3)},
    outputs={"y": (2, 4, 3)},
    axes={"H": {"x": 2, "y": 2}, "W": {"x": 1, "y": 1}},
)


def image_layer_of(forward: Callable[[Tensor], Tensor]) -> Layer:
    """A layer of images whose columns stand before their rows."""

    class Made(nn.Module):
        def __init__(self, dtype: torch.dtype | None = None) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return forward(x)

    return Layer(Made, inputs={"x": Input()}, raster=("H", "W"), shortened=True)


def in_order(x: Tensor) -> Tensor:
    """The sum of all pixels up to each, row by row."""
    return x.transpose(1, 2).flatten(1).cumsum(1).reshape(2, x.shape[2], x.shape[1]).transpose(1, 2)


@pytest.mark.parametrize("training", [True, False])
def test_what_looks_back_row_by_row_is_let_pass(training: bool) -> None:
    behaviours.test_is_causal_row_by_row(image_layer_of(in_order), RASTER, training)


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x.flatten(1).cumsum(1).reshape(x.shape),  # column by column
        lambda x: in_order(x) + x.roll(-1, 1),  # the next one of the row
        lambda x: in_order(x) + x.roll(-1, 2),  # that below
        lambda x: in_order(x) + x[:, :1, -1:],  # the first one of the last row
        lambda x: in_order(x) / x.shape[2],  # how many rows there are
        lambda x: in_order(x) + x.mean(1, keepdim=True),  # the whole row
    ],
)
def test_what_sees_what_is_later_row_by_row_is_found(forward: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(AssertionError):
        behaviours.test_is_causal_row_by_row(image_layer_of(forward), RASTER, False)


def before(x: Tensor) -> Tensor:
    """The sum of all pixels before each, row by row."""
    return in_order(x) - x


@pytest.mark.parametrize("training", [True, False])
def test_what_does_not_see_itself_is_let_pass(training: bool) -> None:
    behaviours.test_is_strictly_causal(image_layer_of(before), RASTER, training)
    behaviours.test_is_strictly_causal(layer_of(lambda x, mask: x.cumsum(1) - x), CASE, training)


@pytest.mark.parametrize("forward", [in_order, lambda x: before(x) + x[:, :1, :1], lambda x: before(x) + x.roll(-1, 1)])
def test_what_sees_itself_row_by_row_is_found(forward: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(AssertionError):
        behaviours.test_is_strictly_causal(image_layer_of(forward), RASTER, False)


SAMPLES, CAUSAL = behaviours.test_samples_are_independent, behaviours.test_is_causal
UNMARKED, NOTHING = behaviours.test_unmarked_positions_have_no_effect, behaviours.test_masks_may_mark_all_or_nothing


@pytest.mark.parametrize(
    ("test", "name", "case", "forward"),
    [
        (SAMPLES, "sampled", CASE, lambda x, mask: x - x.mean(0)),
        (SAMPLES, "sampled", CASE, lambda x, mask: x.cumsum(0)),
        (SAMPLES, "sampled", CASE, lambda x, mask: x.softmax(-1 if len(x) > 1 else 0)),
        (SAMPLES, "sampled", CASE, lambda x, mask: x.flip(0).cumsum(0).flip(0)),
        (SAMPLES, "sampled", CASE, lambda x, mask: x / x.abs().amax(0).clamp(min=10)),
        (behaviours.test_is_strictly_causal, "strict", CASE, lambda x, mask: x.cumsum(1)),
        (CAUSAL, "timed", CASE, lambda x, mask: x.roll(-1, 1)),
        (CAUSAL, "timed", CASE, lambda x, mask: x.softmax(1)),
        (CAUSAL, "timed", CASE, lambda x, mask: x / x.shape[1]),
        (UNMARKED, "case", POOLED, lambda x, mask: x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)),
        (UNMARKED, "case", POOLED, lambda x, mask: mean(x, ~mask)),
        (UNMARKED, "case", POOLED, lambda x, mask: (x * mask[:, :, None]).mean(1)),
        (UNMARKED, "case", CASE, lambda x, mask: x - x.mean(1, keepdim=True)),
        (UNMARKED, "case", CASE, lambda x, mask: x * mask.roll(-1, 1)[:, :, None]),
        (NOTHING, "case", POOLED, lambda x, mask: (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)),
        (
            NOTHING,
            "case",
            POOLED,
            lambda x, mask: mean(x, mask) + 0 * (1e-9 / (mask.sum(1, keepdim=True).to(x) + 1e-9)),
        ),
    ],
)
def test_a_broken_layer_fails(test: Any, name: str, case: Case, forward: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(AssertionError):
        test(layer_of(forward), **{name: case}, training=True)


@pytest.mark.parametrize(
    ("test", "name", "case", "forward"),
    [
        (SAMPLES, "sampled", CASE, looking_back),
        (CAUSAL, "timed", CASE, looking_back),
        (UNMARKED, "case", POOLED, mean),
        (UNMARKED, "case", CASE, lambda x, mask: x * x),
        (NOTHING, "case", POOLED, mean),
    ],
)
def test_a_sound_layer_passes(test: Any, name: str, case: Case, forward: Callable[[Tensor, Tensor], Tensor]) -> None:
    test(layer_of(forward), **{name: case}, training=True)


def test_a_case_tells_whether_there_are_several_entries() -> None:
    assert CASE.several("N") and CASE.several("L")
    assert not CASE.several("C")
    assert not POOLED.several("L")
    assert not CASE.but(inputs={"x": (1, 5, 3), "mask": (1, 5)}, outputs={"y": (1, 5, 3)}).several("N")


MASKED: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "C"], "mask": {"shape": ["N", "L"], "dtype": "bool", "marks": "x", "dim": "L"}},
    "outputs": {"y": ["N", "C"]},
    "forward": "y = sum(where(mask[:, :, None], x, 0), dim=1)",
}


def test_the_tests_are_told_where_masks_have_their_positions() -> None:
    layer = checked(program(**MASKED))
    (mask,) = masks(layer)
    assert (mask.name, mask.along, mask.marks, mask.outputs, mask.longer) == ("mask", "L", ("x",), ("y",), True)
    assert dimensions(layer) == ["N", "L"]
    places = {"N": {"x": 0, "mask": 0, "y": 0}, "L": {"x": 1, "mask": 1}}
    assert axes_at(layer.program, layer.cases[0], ["N", "L"]) == places
    assert list(unseen(layer)) == [
        "batch='N'",
        "alone=True",
        "masks={'mask': Marking('L', marks=('x',), outputs=('y',), longer=True, unknown=True)}",
    ]


@pytest.mark.parametrize(
    ("constraint", "longer"), [("L <= most", False), ("L <= 100 + most", True), ("L % 2 == 0", True)]
)
def test_no_more_positions_are_appended_than_constraints_let(constraint: str, longer: bool) -> None:
    parts: dict[str, Any] = {
        "arguments": {"most": DIM},
        "constraints": [constraint],
        "parameters": {"table": {"shape": ["101 + most", 3], "init": "normal"}},
        "inputs": {"x": ["N", "L", 3], "mask": {"shape": ["N", "L"], "dtype": "bool", "marks": "x", "dim": 1}},
        "outputs": {"y": ["N", "L", 3]},
    }
    place = "place = cumsum(mask, dim=1) * mask"
    layer = checked(program(f"{place}\ny = where(mask[:, :, None], x + table[place % (most + 1)], 0.0)", **parts))
    assert [mask.longer for mask in masks(layer)] == [longer]


def test_outputs_whose_positions_are_others_are_not_compared() -> None:
    parts: dict[str, Any] = MASKED | {"outputs": {"y": ["N", "C"], "z": ["N", "L - 1", "C"]}}
    parts |= {"forward": f"{MASKED['forward']}\nz = (x * mask[:, :, None])[:, 1:]"}
    (mask,) = masks(checked(program(**parts)))
    assert mask.outputs == ("y",)


def test_a_causal_dimension_is_named() -> None:
    parts: dict[str, Any] = {
        "inputs": {"x": ["N", "L"]},
        "outputs": {"y": ["N", "L"]},
        "forward": "y = cumsum(x, dim=1)",
    }
    assert list(unseen(checked(program(**parts, causal="L")))) == [
        *("batch='N'", "alone=True"),
        *("causal='L'", "shortened=True"),
    ]


def test_dimensions_that_are_causal_row_by_row_are_named() -> None:
    parts: dict[str, Any] = {
        "inputs": {"x": ["N", "H", "W"]},
        "outputs": {"y": ["N", "H", "W"]},
        "forward": "y = cumsum(x, dim=2)",
    }
    layer = checked(program(**parts, causal=["H", "W"]))
    assert list(unseen(layer)) == ["batch='N'", "alone=True", "raster=('H', 'W')", "shortened=True"]
    assert set(dimensions(layer)) == {"N", "H", "W"}


@pytest.mark.parametrize(
    ("forward", "mixes", "batch"),
    [
        ("y = x - mean(x, dim=0)", ["N"], None),
        ("y = tanh(x)", [], "N"),
    ],
)
def test_samples_that_see_each_other_are_not_held_apart(forward: str, mixes: list[str], batch: str | None) -> None:
    layer = checked(program(inputs={"x": ["N", "C"]}, outputs={"y": ["N", "C"]}, forward=forward, mixes=mixes))
    assert samples_of(layer) == batch


def test_the_batch_of_any_dimensions_is_the_first_of_them() -> None:
    layer = checked(program(inputs={"x": ["...", "C"]}, outputs={"y": ["...", "C"]}, forward="y = softmax(x, dim=-1)"))
    assert samples_of(layer) == "..."
    places = [axes_at(layer.program, case, ["..."])["..."] for case in layer.tested]
    assert places[0] == {"x": 0, "y": 0}


def test_no_single_sample_is_taken_of_what_has_one_for_all() -> None:
    """A bias of sizes of 1 that a batch may share says of itself that there is a batch."""
    bias = {"shape": ["N", "C"], "broadcast": True}
    dimensions = {"N": {"optional": True}}
    layer = checked(program("y = tanh(x) + bias", inputs={"x": ["N", "C"], "bias": bias}, dimensions=dimensions))
    told = {
        case.inputs["bias"].shape: axes_at(layer.program, case, ["N"])["N"]
        for case in layer.tested
        if case.inputs["bias"]
    }
    whole = {shape for shape in told if len(shape) == 2 and shape[0] > 1}
    assert whole and all(told[shape] == {"x": 0, "bias": 0, "y": 0} for shape in whole)
    assert (1, 1) in told and all(not told[shape] for shape in told if len(shape) == 2 and shape[0] == 1)
