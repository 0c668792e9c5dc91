"""Inputs of which one is large, or that have opposite signs: no difference cancels out."""

import pytest
from small import breaches, program

from layergen.contracts.one_large import ONE_LARGE
from layergen.resolve.program import Program

MIXTURE = {"inputs": {"x": ["N", "C"], "mu": ["N", "C"]}, "outputs": {"loss": []}}
LOSS = "z = square(upcast(x) - upcast(mu)) / 2\nloss = loss_as(-mean({}), x)"


def mixture(likelihood: str) -> Program:
    return program(LOSS.format(likelihood), **MIXTURE)


@pytest.mark.parametrize(
    "likelihood",
    ["log(mean(exp(-z), dim=1))", "log(sum(exp(-z), dim=1))", "log(sigmoid(4 - z))"],
)
def test_exponential_that_rounds_to_zero_where_inputs_differ_is_a_fault(likelihood: str) -> None:
    (finding,) = breaches(ONE_LARGE, mixture(likelihood))
    assert finding.rule.code == "LG321"
    assert "`loss` is infinite for inputs of which `x` alone is 20 and -20" in finding.message


def test_exponential_that_overflows_where_signs_are_opposite_is_a_fault() -> None:
    forward = "h = exp(upcast(x) - upcast(mu))\ny = type_as(h / (1 + h), x)"
    (finding,) = breaches(ONE_LARGE, program(forward, **{**MIXTURE, "outputs": {"y": ["N", "C"]}}))
    assert finding.rule.code == "LG321"


@pytest.mark.parametrize("likelihood", ["logsumexp(-z, dim=1)", "log_softmax(-z, dim=1)", "log(exp(-z) + 1e-6)"])
def test_logarithm_of_what_stays_a_number_is_none(likelihood: str) -> None:
    assert breaches(ONE_LARGE, mixture(likelihood)) == []


def test_one_input_is_not_tried_alone() -> None:
    assert breaches(ONE_LARGE, program("y = log(mean(exp(-square(x)), dim=1, keepdim=True)) + x")) == []
