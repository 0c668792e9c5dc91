"""Gradients that are no derivatives, held to the expression that tells them."""

from typing import Any

import pytest
from small import DIM, breaches, checked, program

from layergen.contracts.estimated import ESTIMATED

ROUNDS = "y = x + detach(round(x) - x)"
SURROGATE = {"x": {"shape": ["N", "C"], "gradient": "surrogate"}}
STEP = {"step": {"shape": [], "init": "constant(0.5)", "gradient": False}}
STEPS = "s = step * {} + detach(step - step * {})\nv = x / s\ny = (v + detach(round(v) - v)) * s"
BY_STEPS = "x + detach(step * round(x / step) - x) + 0.1 * (step - detach(step)) * detach(round(x / step) - x / step)"


def told(forward: str, match: str, inputs: dict[str, Any] = SURROGATE, **parts: Any) -> list[str]:
    layer = program(forward, inputs=inputs, matches=match, **parts)
    return [finding.message for finding in breaches(ESTIMATED, layer)]


def test_a_surrogate_of_another_size_is_found() -> None:
    (message,) = told("h = 3 * x\ny = h + detach(round(x) - h)", "x + detach(round(x) - x)")
    assert message.startswith("the gradient of `x[0, ")
    assert message.endswith("by the match")


def test_a_surrogate_that_is_cut_off_is_found() -> None:
    (message,) = told("y = detach(round(x))", "x + detach(round(x) - x)")
    assert " is 0 by the forward and " in message


def test_the_gradient_of_a_parameter_is_held_to_the_expression() -> None:
    assert not told(STEPS.format(0.1, 0.1), BY_STEPS, parameters=STEP)
    (message,) = told(STEPS.format(0.2, 0.2), BY_STEPS, parameters=STEP)
    assert message.startswith("the gradient of `step` is ")


@pytest.mark.parametrize(
    ("forward", "match"),
    [
        (ROUNDS, "x + detach(round(x) - x)"),
        (ROUNDS, "round(x)"),  # which tells values alone
        ("y = clamp(x, -1, 1) + detach(sign(x) - clamp(x, -1, 1))", "hardtanh(x) + detach(sign(x) - hardtanh(x))"),
        (
            "y = where(x > 0, 1, 0) + (sigmoid(x) - detach(sigmoid(x)))",
            "detach(where(x > 0, 1, 0) - sigmoid(x)) + sigmoid(x)",
        ),
    ],
    ids=["the same", "without a gradient", "where inputs are small", "of a sigmoid"],
)
def test_a_surrogate_that_is_meant_is_no_breach(forward: str, match: str) -> None:
    assert checked(program(forward, inputs=SURROGATE, matches=match)).cases


def test_a_term_that_draws_one_input_to_another_is_held_to_its_share() -> None:
    parts: dict[str, Any] = {
        "inputs": {name: {"shape": ["N", "C"], "gradient": "surrogate"} for name in ("x", "code")},
        "outputs": {"y": []},
        "constraints": ["N >= 1", "C >= 1"],
    }
    match = "mean(square(detach(x) - code)) + 0.25 * mean(square(x - detach(code)))"
    assert not told("y = mse_loss(code, detach(x)) + 0.25 * mse_loss(x, detach(code))", match, **parts)
    turned = "y = mse_loss(x, detach(code)) + 0.25 * mse_loss(code, detach(x))"
    (message,) = told(turned, match, **parts)
    assert message.startswith("the gradient of `x[0, 0]` is ")


@pytest.mark.parametrize(("share", "count"), [("0.5", 0), ("0.25", 1)])
def test_complex_gradients_are_compared(share: str, count: int) -> None:
    factors = {"shape": ["dim"], "dtype": "complex64", "init": "complex(randn(dim), randn(dim))", "gradient": False}
    parts: dict[str, Any] = {
        "arguments": {"dim": DIM},
        "parameters": {"factors": factors},
        "outputs": {"y": ["N", "dim"]},
    }
    forward = f"h = x * factors\ny = type_as(real({share} * h + detach(h - {share} * h)), x)"
    match = "type_as(real(x * factors + detach(x * factors)) / 2, x)"
    assert len(told(forward, match, {"x": ["N", "dim"]}, **parts)) == count
