"""Gradients that torch cannot compute, though the graph is connected."""

import pytest
from small import breaches, fault_of, program

from layergen.contracts.ways_back import WAYS_BACK

POWERS = {"inputs": {"x": ["N"]}, "outputs": {"y": ["N", 4]}}


def test_op_that_writes_to_what_its_gradient_needs_is_a_fault() -> None:
    finding = fault_of(program("y = vander(x, 4)", **POWERS))
    assert finding.rule.code == "LG309"
    assert finding.message == "the gradient of `vander` cannot be computed: what it needs has been written to in place"
    assert str(finding.help).startswith("see whether `linalg.vander` gives what is wanted; else ")


def test_forward_that_writes_to_what_a_gradient_needs_is_a_fault() -> None:
    (finding,) = breaches(WAYS_BACK, program("h = exp(x)\ng = h * 1\nh = add_(h, 1)\ny = g + h"))
    assert "cannot be computed: what it needs has been written to in place" in finding.message


@pytest.mark.parametrize("forward", ["y = type_as(linalg.vander(upcast(x), N=4), x)", "y = stack([x, x, x, x], 1)"])
def test_gradient_that_torch_computes_is_none(forward: str) -> None:
    assert breaches(WAYS_BACK, program(forward, **POWERS)) == []


def test_input_without_a_gradient_needs_none() -> None:
    inputs = {"x": {"shape": ["N"], "gradient": False}}
    assert breaches(WAYS_BACK, program("y = vander(x, 4)", **{**POWERS, "inputs": inputs})) == []
