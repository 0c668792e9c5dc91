"""Frozen parameters: no gradient is asked of them, and the generated code says so."""

import pytest
from small import FLAG, checked, faults_of, forward_lines, program

from layergen.contract import contract_of
from layergen.resolve.program import Program


def frozen(condition: object, forward: str = "y = x + round(p)") -> Program:
    """A layer with a parameter that no gradient reaches."""
    parameters = {"p": {"shape": ["dim"], "init": "zeros", "requires_grad": condition}}
    dim = {"type": "int", "min": 1, "doc": "Size."}
    return program(
        forward, arguments={"dim": dim, "learn": FLAG}, parameters=parameters, inputs={"x": "[N, dim]"},
        outputs={"y": ["N", "dim"]},
    )  # fmt: skip


def test_frozen_parameter_needs_no_gradient() -> None:
    layer = checked(frozen(False))
    assert [case.learned for case in layer.cases] == [{"p": False}] * len(layer.cases)
    assert contract_of(layer).state[0].requires_grad == "False"


@pytest.mark.parametrize("condition", [True, "learn", "not learn"])
def test_parameter_that_is_learned_somewhere_needs_one(condition: object) -> None:
    assert [finding.rule.name for finding in faults_of(frozen(condition))] == ["no-gradient"]


def test_frozen_parameter_may_stay_where_it_is() -> None:
    forward = "y = x + p * p"  # whose slope is zero at zero
    assert [finding.rule.name for finding in faults_of(frozen(True, forward))] == ["never-learns"]
    assert checked(frozen(False, forward))


def test_forward_reads_it_as_any_other() -> None:
    assert forward_lines(frozen("learn"))[-1] == "return x + torch.round(self.p)"
