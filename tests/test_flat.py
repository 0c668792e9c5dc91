"""Gradients that are zero wherever one looks are found, and a factor of zero alone makes nothing so."""

from typing import Any

import pytest
from small import DIM, MATRIX, checked, fault_of, program, weight


@pytest.mark.parametrize("forward", ["y = x - x % 1", "y = lerp(x, round(x), 1.0)", "y = clamp(x * 1e9, 0, 1)"])
def test_an_input_whose_gradient_is_zero_wherever_it_is_computed_is_found(forward: str) -> None:
    finding = fault_of(program(forward))
    assert (finding.rule.code, finding.place.path) == ("LG309", ("inputs", "x"))
    assert finding.message == "the input `x` gets no gradient: it is zero at each draw, though outputs change with it"
    silent = {"x": {"shape": ["N", "C"], "gradient": False}}
    assert checked(program(forward, inputs=silent)).cases


def test_a_parameter_whose_gradient_is_zero_wherever_it_is_computed_is_found() -> None:
    parts = {**MATRIX, "outputs": {"y": ["N", "dim"]}, "arguments": {"dim": DIM}}
    parameter = weight("normal(0, 3)", "dim")
    finding = fault_of(program("y = x * (weight - weight % 1)", parameters=parameter, **parts))
    assert (finding.rule.code, finding.place.path) == ("LG309", ("parameters", "weight"))
    assert checked(program("y = x * (weight % 1)", parameters=parameter, **parts)).cases


def test_a_factor_that_is_zero_by_default_makes_nothing_flat_constant_or_stuck() -> None:
    number = {"type": "float", "default": 0.0, "doc": "Factor."}
    assert checked(program("y = floor(x) + alpha * x", arguments={"alpha": number})).cases
    outputs = {"y": ["N", "C"], "aux": []}
    assert checked(program("y = x\naux = alpha * mean(x)", arguments={"alpha": number}, outputs=outputs)).cases
    parts: dict[str, Any] = {"mixes": {"N": "training"}, "constraints": ["N >= 1"]}
    arguments = {"C": DIM, "alpha": {**number, "min": 0, "max": 1}}
    buffers = {"m": {"shape": ["C"], "init": "zeros"}}
    forward = "s = mean(x, dim=0)\ny = x - (s if training else m)\nif training:\n"
    forward += "  m = lerp(m, type_as(s, m), alpha)"
    assert checked(program(forward, arguments=arguments, buffers=buffers, **parts)).cases


def test_members_whose_gradient_is_zero_wherever_it_is_computed_are_found() -> None:
    parts = {**MATRIX, "outputs": {"y": ["N", "dim"]}, "arguments": {"dim": DIM}}
    inner = {"inner": "nn.Linear(dim, dim)"}
    finding = fault_of(program("h = inner(x)\ny = x + (h - h % 1)", modules=inner, **parts))
    assert (finding.rule.code, finding.place.path) == ("LG309", ("modules", "inner"))
    assert "`inner.weight` gets no gradient" in finding.message
    # A gradient that is not zero at the initial values, or at ordinary inputs, alone.
    assert checked(program("y = relu(inner(x) - 9) + x", modules=inner, **parts)).cases
