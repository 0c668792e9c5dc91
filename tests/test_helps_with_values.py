"""What is said of values that are no numbers, of masks and of ranges: what the help tells to write is right."""

from typing import Any

import pytest
from small import checked, fault_of, program

CLAMPED = "keep away from 0 before the logarithm, not after: `log(clamp(h, min=1e-6))`"
BETWEEN = "say between which values `x` lies: `range: [low, high]`"
INSIDE = "keep what `log` is given within its domain: `log(clamp(h, min=1e-6))`"
RANGED = ", or say which values `x` has: `range: [low, high]`"


@pytest.mark.parametrize(
    ("step", "help"),
    [
        ("h = upcast(x)", f"{BETWEEN}, or {INSIDE}"),
        ("g = x\nh = upcast(g)", f"{BETWEEN}, or {INSIDE}"),
        ("h = reshape(1 - 2 * x, [N, C])", f"{BETWEEN}, or {INSIDE}"),
        ("h = sigmoid(x)[:, :]", CLAMPED + RANGED),
        ("h = s + 0 * x", INSIDE),  # of two inputs
        ("h = x - mean(x)", INSIDE),  # around 0, whatever the input is
    ],
)
def test_a_range_is_asked_for_where_an_input_alone_is_behind_a_value(step: str, help: str) -> None:
    inputs = {"x": ["N", "C"], "s": {"shape": ["N", "C"], "range": [-3.0, 3.0]}}
    assert fault_of(program(f"{step}\nv = type_as(log(h), x)\ny = v + 0 * s", inputs=inputs)).help == help


def test_the_input_is_named_that_leads_to_what_is_no_number() -> None:
    inputs = {"s": ["N", "C"], "x": ["N", "C"]}
    help = fault_of(program("h = log(x)\ny = s + h", inputs=inputs)).help
    assert help == f"{BETWEEN}, or {INSIDE.replace('clamp(h', 'clamp(x')}"


MASKED: dict[str, Any] = {"inputs": {"x": ["N", "C"], "mask": {"shape": ["N", "C"], "dtype": "bool"}}}


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = x * mean(mask, dim=1, keepdim=True)", "a mask is no number: write `type_as(mask, x)`"),
        ("y = x * softmax(mask, dim=1)", "a mask is no number: write `type_as(mask, x)`"),
        ("y = x * (mask @ ones(C, C))", "a mask is no number: write `type_as(mask, x)`"),
        ("y = lerp(x, 2 * x, mask[:, :1])", "a mask is no number: write `type_as(mask[:, :1], x)`"),
        ("y = x * (1 - mask)", "the opposite of a mask is `~mask`"),
        ("y = x * -mask", "the opposite of a mask is `~mask`"),
    ],
)
def test_masks_are_no_numbers(forward: str, help: str) -> None:
    assert fault_of(program(forward, **MASKED)).help == help


@pytest.mark.parametrize(
    "forward",
    [
        "y = x * mean(type_as(mask, x), dim=1, keepdim=True)",
        "y = x * softmax(type_as(mask, x), dim=1)",
        "y = x * (type_as(mask, x) @ ones(C, C))",
        "y = lerp(x, 2 * x, type_as(mask[:, :1], x)) * mask",
        "y = x * ~mask",
    ],
)
def test_masks_become_numbers_as_the_help_says(forward: str) -> None:
    assert checked(program(forward, **MASKED)).cases


def test_the_input_is_named_that_is_computed_in_float32() -> None:
    finding = fault_of(program("y = sqrt(square(signal * 1000) + 1) / 1000", inputs={"signal": ["N", "C"]}))
    assert finding.help == "compute in float32 or wider: `h = upcast(signal)`, and come back with `type_as(…, signal)`"


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = sqrt(x - s)", "keep what `sqrt` is given within its domain: `sqrt(clamp(x - s, min=1e-6))`"),
        ("y = acosh(x - s)", "keep what `acosh` is given within its domain: `acosh(clamp(x - s, min=1 + 1e-6))`"),
        ("y = atanh(x - s)",
         "keep what `atanh` is given within its domain: `atanh(clamp(x - s, -1 + 1e-6, 1 - 1e-6))`"),
        ("y = (x - s) ** 0.5", "keep the base of `**` above 0: `clamp(x - s, min=1e-6)`"),
        ("h = x - x\ny = s * h / h",
         "keep the divisor of `/` away from 0: `clamp(h, min=1e-6)`, or add a small number to it"),
        pytest.param(
         "y = x + std(s[:, :1], dim=1, keepdim=True)",
         "a single value has no unbiased spread: write `correction=0`",
         marks=pytest.mark.filterwarnings("ignore:std")),
    ],
)  # fmt: skip
def test_what_is_no_number_is_kept_away_from(forward: str, help: str) -> None:
    assert fault_of(program(forward, inputs={"x": ["N", "C"], "s": ["N", "C"]})).help == help


def test_a_range_that_is_there_is_not_asked_for() -> None:
    inputs = {"x": {"shape": ["N", "C"], "range": [0.0, 1.0]}}
    help = fault_of(program("h = upcast(x)\ny = type_as(log(h), x)", inputs=inputs)).help
    assert help == CLAMPED
