"""What is shown of a layer: what is proven, what is only tried and at which sizes, and what is not asked at all."""

from typing import Any

import pytest
from small import DIM, LEFT_OUT, checked, program

from layergen.present.conditions import in_outputs
from layergen.present.facts import Summary, summarize

VECTOR = {"weight": {"shape": ["C"], "init": "ones"}}


def summary(forward: str, **parts: Any) -> Summary:
    return summarize(checked(program(forward, **parts)), "specs/small.yaml")


def guarantees(found: Summary, contract: str) -> list[tuple[str, str]]:
    """The verdicts on a contract, each with what it rests on."""
    return [(item.verdict, item.detail) for item in found.contracts if item.contract == contract]


def test_a_layer_that_cannot_run_at_symbols_is_shown_at_its_case() -> None:
    found = summary("if training:\n    h = x\nelse:\n    h = x * 2\ny = cat(split(h, 1, dim=1), 1)")
    ((verdict, detail),) = guarantees(found, "shape")
    assert verdict == "tried" and "3 further sizes, not at symbols: torch takes `C` as a number" in detail
    assert "N=2, C=7" in found.way
    assert [(line.name, line.shape) for step in found.steps for line in step.results] == [
        ("h", ("2", "7")),
        ("y", ("2", "7")),
    ]


def test_formulas_that_algebra_cannot_compare_are_said_to_be_tried() -> None:
    found = summary("y = x[:, :round(C / 2)]", inputs=LEFT_OUT, outputs={"y": ["N", "round(C / 2)"]})
    ((verdict, detail),) = guarantees(found, "shape")
    assert verdict == "tried"
    assert "algebra cannot tell whether the formulas of `y` agree for all sizes" in detail


def test_a_layer_that_is_random_at_all_times_says_so() -> None:
    found = summary("y = x + rand_like(x)", random="always")
    assert guarantees(found, "training") == [("checked", "random at all times, as the spec declares")]


def test_a_layer_of_which_no_gradient_is_wanted_says_so() -> None:
    found = summary("y = round(x)", inputs={"x": {"shape": ["N", "C"], "gradient": False}})
    assert guarantees(found, "gradient") == [("checked", "none is wanted")]


def test_a_layer_that_changes_dtypes_itself_is_tried_in_mixed_precision() -> None:
    found = summary("y = type_as(upcast(x) * weight, x)", arguments={"C": DIM}, parameters=VECTOR)
    details = [detail for _, detail in guarantees(found, "dtype")]
    assert "on 1 way, with bfloat16 inputs and float32 parameters, which torch may refuse" in details


@pytest.mark.parametrize(("shape", "shown"), [(["C"], ("C",)), ("[C] + [2]", "[C] + [2]")])
def test_a_shape_is_shown_as_the_spec_has_it(shape: object, shown: object) -> None:
    parts: dict[str, Any] = {"arguments": {"C": DIM}, "parameters": {"weight": {"shape": shape, "init": "ones"}}}
    found = summary("y = x * sum(weight)", **parts)
    assert [line.shape for line in found.parameters] == [shown]


def test_what_a_determined_dimension_asks_of_an_input_is_shown() -> None:
    found = summary("a, b = split(x, C, dim=1)\ny = a * b", inputs={"x": ["N", "2 * C"]})
    assert found.input_checks == ("x.dim() == 2", "x.shape[1] % 2 == 0")
    ((_, detail),) = guarantees(found, "input checks")
    assert "2 checks for shapes that torch lets through wrong, or of which a size determines no dimension" in detail


def test_shapes_that_are_proven_further_in_one_mode_say_in_which() -> None:
    forward = "y = tanh(x)\nif training:\n    y = sum(one_hot(argmax(x, dim=1), count), dim=0) * mean(x, dim=0) + y"
    found = guarantees(summary(forward, arguments={"count": DIM}, inputs={"x": ["N", "count"]},
                               outputs={"y": ["N", "count"]}, mixes={"N": "training"}), "shape")  # fmt: skip
    assert [(verdict, detail.split(", on ")[0]) for verdict, detail in found] == [
        ("proven", "for all sizes from 2 up with `count` at 4, in training"),
        ("proven", "for all sizes from 2 up, in evaluation"),
    ]


def test_what_the_cpu_keeps_otherwise_stands_beside_the_formula() -> None:
    (kept,) = (line for line in summary("y = dropout(x, 0.5, training)").costs if line.name == "activation bytes")
    assert (kept.number, kept.formula, kept.note) == (14, "C * N", "on the CPU 56 here")


def test_costs_are_said_to_be_those_of_the_forward_where_code_is_moved() -> None:
    forward = (
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n  h = tanh(h + {})\n  append(ys, h)\ny = stack(ys, 1)"
    )
    shapes = {"inputs": {"x": ["N", "L", 3]}, "outputs": {"y": ["N", "L", 3]}}
    notes = {
        step: [
            line.name for line in summary(forward.format(step), **shapes).costs if "before what was moved" in line.note
        ]
        for step in ("x_t", "2 * x_t")
    }
    assert notes == {"x_t": [], "2 * x_t": ["FLOPs", "activation bytes"]}


SPREAD_OUT = "(L - 1) * step - 2 * cut + reach * (width - 1) + 1"
NUMBERS = ("step", "cut", "reach", "width")


@pytest.mark.parametrize(
    ("size", "text", "told"),
    [
        (SPREAD_OUT, "L * step + reach * width >= reach + step + 2 * cut", "y.shape[-1] >= 1"),
        (SPREAD_OUT, "L * step + reach * width >= reach + step + 2 * cut + 3", "y.shape[-1] >= 4"),
        (
            f"{SPREAD_OUT} if known else 7",
            "L * step + reach * width >= reach + step + 2 * cut",
            "y.shape[-1] >= 1, as it is where known",
        ),
        (
            f"7 if known else {SPREAD_OUT}",
            "L * step + reach * width >= reach + step + 2 * cut",
            "y.shape[-1] >= 1, as it is where not known",
        ),
        ("(L + 2 * cut - width) // step + 5", "3 + (2 * cut - width + L) // step >= cut - cut", "y.shape[-1] >= 2"),
        (SPREAD_OUT, "L * step + reach * width >= reach + step + 3 * cut", None),  # another formula
        (SPREAD_OUT, "reach + step + 2 * cut <= L * step + reach * width", None),
        ("L - width + 1", "L >= width", None),  # which is short
    ],
)
def test_a_long_condition_is_told_by_the_size_that_it_is_about(size: str, text: str, told: str | None) -> None:
    arguments = {name: {"type": "int", "min": 1, "doc": "A number."} for name in NUMBERS}
    arguments["known"] = {"type": "bool", "default": True, "doc": "A flag."}
    layer = program("y = x", arguments=arguments, inputs={"x": ["N", "L"]}, outputs={"y": ["N", size]})
    assert in_outputs(layer, text) == (told or text)
