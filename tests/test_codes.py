"""Codes, indices and marks in half precision: which layers compute others there, and which are sound."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.halves import HALF
from layergen.diagnostics import Finding

CODES: dict[str, Any] = {
    "inputs": {"x": {"shape": ["N", "T"], "range": [-1, 1]}},
    "outputs": {"y": {"shape": ["N", "T"], "dtype": "int64"}},
}
QUANTIZED = "h = sign({x}) * log1p(255 * abs({x})) / log(256)\ny = long((h + 1) / 2 * 255 + 0.5)"
NEAREST = "y = argmin(sum((x[:, :, None] - type_as(arange(4), x)) ** 2, dim=1), dim=-1)"


def found(forward: str, **parts: Any) -> list[Finding]:
    return breaches(HALF, program(forward, **{**CODES, **parts}))


def test_codes_that_half_precision_rounds_are_told() -> None:
    (finding,) = found(QUANTIZED.format(x="x"))
    assert finding.rule.code == "LG320"
    assert finding.message.startswith("in bfloat16, ")
    assert "of `y` are others than float64 gives, as " in finding.message


def test_codes_that_are_computed_in_float32_are_the_same() -> None:
    assert not found("u = upcast(x)\n" + QUANTIZED.format(x="u"))


@pytest.mark.parametrize(
    ("forward", "output"),
    [
        ("y = argmax(x, dim=1)", {"shape": ["N"], "dtype": "int64"}),
        ("y = argsort(x, dim=1)", {"shape": ["N", "T"], "dtype": "int64"}),
        ("y = x > 0.3", {"shape": ["N", "T"], "dtype": "bool"}),
        ("y = mean(x, dim=1) > 0", {"shape": ["N"], "dtype": "bool"}),
        (NEAREST, {"shape": ["N"], "dtype": "int64"}),
        ("y = long(floor(x * 4))", {"shape": ["N", "T"], "dtype": "int64"}),
    ],
)
def test_what_lies_between_two_codes_may_be_either(forward: str, output: dict[str, Any]) -> None:
    assert not found(forward, outputs={"y": output})
