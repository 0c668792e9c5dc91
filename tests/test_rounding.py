"""How closely layers keep to their values in half precision, as the build sees it."""

from typing import Any

import pytest
from small import checked, program

from layergen.contracts.rounding import Rounding
from layergen.resolve.program import Program

NORM = "h = {}\ny = type_as(h * rsqrt(mean(square(h), dim=-1, keepdim=True) + 0.1), x)"


def seen(layer: Program) -> Rounding:
    return checked(layer).rounding


def test_what_is_computed_wide_is_rounded_once() -> None:
    assert seen(program(NORM.format("upcast(x)"))) is Rounding.ONCE_THROUGHOUT


@pytest.mark.parametrize("forward", [NORM.format("x * 3"), "y = tanh(exp(x * 0.5) - 1)"])
def test_what_is_computed_in_half_precision_is_near(forward: str) -> None:
    assert seen(program(forward)) is Rounding.NEAR


@pytest.mark.parametrize(
    "parts",
    [
        {"forward": "y = x + one_hot(argmax(x, dim=1), C)"},  # which leaps
        {"forward": "y = dropout(x, 0.5)", "random": "always"},  # which draws other numbers
    ],
)
def test_of_what_leaps_or_draws_nothing_is_told(parts: dict[str, Any]) -> None:
    assert seen(program(**parts)) is Rounding.UNTOLD
