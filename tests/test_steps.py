"""Sums that take away again what they add are told by what is left of them: whether it goes in steps."""

import pytest
from small import checked, fault_of, program

SURROGATE = {"x": {"shape": ["N", "C"], "gradient": "surrogate"}}
SCALE = "s = mean(abs(x), dim=-1, keepdim=True)\n"


@pytest.mark.parametrize("quantized", ["sign(x) * s", "where(x > 0, s, -s)", "floor(x / (s + 1)) * (s + 1)"])
def test_what_goes_in_steps_of_a_scale_that_has_a_gradient_is_told_without_a_detach(quantized: str) -> None:
    finding = fault_of(program(f"{SCALE}y = x + ({quantized} - x)", inputs=SURROGATE))
    assert finding.rule.code == "LG351" and "no gradient tells" in finding.message
    assert finding.help is not None and "`gradient: surrogate`" in finding.help
    assert checked(program(f"{SCALE}y = x + detach({quantized} - x)", inputs=SURROGATE)).cases


@pytest.mark.parametrize(
    "continuous", ["sign(x) * x", "where(x > 0, s * x, -x)", "tanh(x / 0.01)", "sqrt(1e-3 + abs(x)) * s"]
)
def test_what_is_continuous_is_none_though_it_is_steep_or_known_by_signs(continuous: str) -> None:
    assert checked(program(f"{SCALE}y = x + ({continuous} - x) + s")).cases
