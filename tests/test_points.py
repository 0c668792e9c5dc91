"""The inputs at which something is seen are named as they are: those with a range lie in it."""

from typing import Any

import pytest
from small import breaches, checked, faults_of, program

from layergen.contracts.finite import FINITE
from layergen.probe.values import HUGE, ORDINARY, ZERO, Point

BOUNDED: dict[str, Any] = {"shape": ["N"], "range": [-1, 1]}
ANGLE: dict[str, Any] = {"inputs": {"x": BOUNDED}, "outputs": {"y": ["N"]}}


@pytest.mark.parametrize(
    ("point", "inputs", "words"),
    [
        (ZERO, {"x": ["N"]}, "that are all zero"),
        (ZERO, {"x": BOUNDED}, "at the low end of their range"),
        (ZERO, {"x": ["N"], "z": BOUNDED}, "that are all zero, or at the low end of their range"),
        (HUGE, {"x": BOUNDED}, "at the ends of their range"),
        (ORDINARY, {"x": BOUNDED}, "drawn at random"),
        (ZERO, {"x": ["N"], "i": {"shape": ["N"], "dtype": "int64", "range": [0, 5]}}, "that are all zero"),
    ],
)
def test_points_in_words(point: Point, inputs: dict[str, Any], words: str) -> None:
    assert point.said(program(inputs=inputs, outputs={"y": ["N"]})) == words


def test_a_gradient_that_is_lost_at_an_end_of_a_range_is_said_to_be() -> None:
    layer = program("y = type_as(acos(clamp(upcast(x), -1 + 1e-8, 1 - 1e-8)), x)", **ANGLE)
    finding = breaches(FINITE, layer)[0]
    said = "the gradient of `x` is infinite for inputs at the low end of their range, though the outputs are numbers"
    assert (finding.rule.code, finding.message) == ("LG322", said)
    assert checked(program("y = type_as(acos(clamp(upcast(x), -1 + 1e-3, 1 - 1e-3)), x)", **ANGLE)).cases


def test_an_output_that_is_a_product_of_many_numbers_is_not_constant() -> None:
    inputs = {"x": {"shape": ["N", "L", "D"], "range": [0.2, 0.7]}}
    assert checked(program("y = prod(x)", inputs=inputs, outputs={"y": []})).cases
    tiny = program("y = sum(softmax(x, dim=1)[:, :, 0] * 0) + 1e-30", inputs=inputs, outputs={"y": []})
    assert "constant-output" in {finding.rule.name for finding in faults_of(tiny)}
