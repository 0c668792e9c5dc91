"""Fans: a tensor is scaled by the fan that fits how it is used."""

import pytest
from small import DIM, MATRIX, checked, fault_of, program, weight

from layergen.resolve.program import Program

pytestmark = pytest.mark.filterwarnings("ignore")  # what torch warns of in a trial


def with_bias(forward: str, init: str, *shape: object) -> Program:
    """A product with a weight of some shape and a bias that starts at random."""
    bias = {"bias": {"shape": ["out"], "init": init}}
    return program(forward, parameters={**weight("xavier_uniform", *shape), **bias}, **MATRIX)


@pytest.mark.parametrize(
    ("forward", "shape", "init", "help"),
    [
        ("y = linear(x, weight, bias)", ("out", "dim"), "fan_out(weight)", "write `fan_in(weight)`"),
        ("y = x @ weight + bias", ("dim", "out"), "fan_in(weight)", "write `fan_out(weight)`"),
        ("y = matmul(x, weight) + bias", ("dim", "out"), "fan_in(weight)", "write `fan_out(weight)`"),
    ],
)
def test_a_bias_that_is_scaled_by_the_other_fan_is_found(
    forward: str, shape: tuple[str, str], init: str, help: str
) -> None:
    finding = fault_of(with_bias(forward, f"uniform(-1 / sqrt({init}), 1 / sqrt({init}))", *shape))
    assert (finding.rule.code, finding.help) == ("LG312", help)
    assert finding.place.path == ("parameters", "bias", "init")


@pytest.mark.parametrize("equation", ["ni,oi->n", "ni,oi->noi"])
def test_a_weight_that_no_single_dimension_of_is_summed_has_no_fan_to_mistake(equation: str) -> None:
    result = {"n": ["N"], "noi": ["N", "out", "dim"]}[equation.partition("->")[2]]
    parts = {**MATRIX, "outputs": {"y": result}}
    layer = program(f"y = einsum('{equation}', x, weight)", parameters=weight("kaiming_uniform", "out", "dim"), **parts)
    assert checked(layer).cases


def test_a_vector_has_no_fan() -> None:
    bias = {"bias": {"shape": ["C"], "init": "constant(fan_in(weight))"}}
    finding = fault_of(
        program("y = x * weight + bias", arguments={"C": DIM}, parameters={**weight("ones", "C"), **bias})
    )
    assert finding.rule.code == "LG307"
    assert finding.message == "`fan_in(weight)` needs a parameter with two dimensions or more"
