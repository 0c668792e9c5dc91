"""Half precision where masks are all alike."""

from typing import Any

from small import breaches, program

from layergen.contracts.halves import HALF

MEAN: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "C"], "mask": {"shape": ["N", "L"], "dtype": "bool"}},
    "outputs": {"y": ["N", "C"]},
}
FORWARD = "m = type_as(mask, x)[:, :, None]\ny = sum(x * m, dim=1) / {}"


def test_count_of_nothing_that_float16_makes_zero_is_a_fault() -> None:
    finding, *_ = breaches(HALF, program(FORWARD.format("(sum(m, dim=1) + 1e-9)"), **MEAN))
    assert finding.rule.code == "LG320"
    assert finding.message.endswith(" for inputs of which masks are all false")


def test_count_of_nothing_that_is_one_is_none() -> None:
    assert breaches(HALF, program(FORWARD.format("clamp(sum(m, dim=1), min=1)"), **MEAN)) == []
