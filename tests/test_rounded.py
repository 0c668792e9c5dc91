"""Constants that rounding takes away: bounds that become what they keep away from, and those of empty masks."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.rounded import ROUNDED
from layergen.contracts.vanishing import VANISHING

COINS: dict[str, Any] = {"inputs": {"x": {"shape": ["N", "C"], "range": [0, 1]}}}
MASKED: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "C"], "mask": {"shape": ["N", "L"], "dtype": "bool"}},
    "outputs": {"y": ["N", "C"]},
}
MEAN = "m = type_as(mask, x)[:, :, None]\ny = sum(x * m, dim=1) / {}"


@pytest.mark.parametrize(
    ("forward", "told"),
    [
        ("y = type_as(log(1 - clamp(upcast(x), 1e-8, 1 - 1e-8)), x)", "`y` is no number"),
        ("y = type_as(log1p(-clamp_max(upcast(x), 1 - 1e-8)), x)", "`y` is no number"),
        ("y = type_as(acos(clamp(upcast(x), -1 + 1e-8, 1 - 1e-8)), x)", "the gradient of `x` is no number"),
    ],
)
def test_bound_that_is_rounded_to_what_it_keeps_away_from_is_a_fault(forward: str, told: str) -> None:
    (finding,) = breaches(ROUNDED, program(forward, **COINS))
    assert finding.rule.code == "LG311"
    assert finding.message.endswith(f" in float32, where {told}")
    assert "1e-6`" in str(finding.help)


def test_bound_that_half_precision_rounds_is_a_fault_there() -> None:
    (finding,) = breaches(ROUNDED, program("y = log(1 - clamp(x, 1e-6, 1 - 1e-6))", **COINS))
    assert finding.message == "`max` of `clamp`, 0.999999, is 1 in float16, where `y` is no number"
    assert finding.help == "compute in float32 or wider: `upcast(…)`, and come back with `type_as(…)`"


@pytest.mark.parametrize(
    "forward",
    [
        "y = type_as(log(1 - clamp(upcast(x), 1e-6, 1 - 1e-6)), x)",
        "y = x * clamp(x, 0, 1 - 1e-8)",  # which may be 1 as well
        "y = type_as(log(clamp(upcast(x), 1e-8, 1 - 1e-8)), x)",
        "y = type_as(1 / (clamp(upcast(x), max=1 - 1e-8) - clamp(upcast(x), max=1 - 1e-8)), x)",  # none at either
    ],
)
def test_bound_at_which_a_layer_gives_numbers_is_none(forward: str) -> None:
    assert breaches(ROUNDED, program(forward, **COINS)) == []


def test_count_of_nothing_that_float16_bounds_by_zero_is_a_fault() -> None:
    (finding,) = breaches(VANISHING, program(MEAN.format("clamp(sum(m, dim=1), min=1e-9)"), **MASKED))
    assert finding.message == "`min` of `clamp`, 1e-09, becomes zero in float16, whose smallest number is 6e-08"


def test_count_of_nothing_that_is_bounded_by_one_is_none() -> None:
    assert breaches(VANISHING, program(MEAN.format("clamp(sum(m, dim=1), min=1)"), **MASKED)) == []
    assert breaches(VANISHING, program(MEAN.format("clamp(sum(m, dim=1), min=1e-4)"), **MASKED)) == []
