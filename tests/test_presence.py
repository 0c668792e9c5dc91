"""Constraints of inputs that need not be there: with arguments, with numbers, and with each other."""

from typing import Any

import pytest
import torch
from shipped import ROOT
from small import DIM, checked, faults_of, forward_lines, program, settings_of

import layergen
from layergen.lang import expression as ex
from layergen.resolve.conditions import settled
from layergen.resolve.program import Program

CASES = ROOT / "tests" / "cases"
FEATURES = {"type": "int", "min": 1, "optional": True, "default": None, "doc": "Features of the condition."}
LAYER: dict[str, Any] = {
    "arguments": {"dim": DIM, "features": FEATURES},
    "parameters": {"weight": {"shape": ["dim", "features"], "when": "features is not None", "init": "normal(0, 0.02)"}},
    "inputs": {"x": ["N", "dim"], "c": {"shape": ["N", "features"], "optional": True}},
    "outputs": {"y": ["N", "dim"]},
}
CONDITIONED = "if c is not None:\n    y = x * (1 + linear(c, weight))\nelse:\n    y = x"


def conditioned(*constraints: str, **parts: Any) -> Program:
    return program(CONDITIONED, **{**LAYER, "constraints": list(constraints), **parts})


def ways(layer: Program) -> set[tuple[bool, bool]]:
    """Whether there are features and whether there is an input, at the settings of a layer."""
    return {(setting.values["features"] is not None, not setting.absent) for setting in settings_of(layer)}


@pytest.mark.parametrize(
    "constraint",
    [
        "features is not None or c is None",
        "c is None or features is not None",
        "not (c is not None and features is None)",
        "not (features is None and c is not None)",
        "c is None or features is not None and features % 2 == 0",
        "c is None or features is not None and (dim > 2 or features > 3)",
    ],
)
def test_an_input_may_ask_for_an_argument(constraint: str) -> None:
    layer = conditioned(constraint)
    assert ways(layer) == {(True, True), (True, False), (False, False)}
    assert checked(layer).proven


def test_an_argument_may_ask_for_an_input() -> None:
    layer = conditioned("features is not None or c is None", "features is None or c is not None")
    assert ways(layer) == {(True, True), (False, False)}
    assert checked(layer).proven


def test_a_default_may_ask_for_an_input() -> None:
    features = {**FEATURES, "default": 3}
    layer = conditioned("features is not None or c is None", arguments={"dim": DIM, "features": features})
    assert ways(layer) == {(True, True), (True, False), (False, False)}


def test_a_case_without_the_argument_is_one_without_the_input() -> None:
    layer = conditioned("features is not None or c is None", cases=[{"dim": 4}])
    default, *_ = settings_of(layer)
    assert default.absent == {"c"}
    assert (True, True) in ways(layer)


def test_a_flag_may_be_what_an_input_asks_for() -> None:
    flag = {"type": "bool", "default": False, "doc": "Whether there is a condition."}
    layer = program(
        CONDITIONED,
        **{
            **LAYER,
            "arguments": {"dim": DIM, "features": DIM, "conditional": flag},
            "parameters": {"weight": {"shape": ["dim", "features"], "when": "conditional", "init": "normal(0, 0.02)"}},
            "constraints": ["conditional or c is None"],
        },
    )
    found = {(setting.values["conditional"], not setting.absent) for setting in settings_of(layer)}
    assert found == {(True, True), (True, False), (False, False)}
    assert checked(layer).proven


def test_two_inputs_may_come_together() -> None:
    layer = program(
        "if a is not None and b is not None:\n    y = x + a * b\nelse:\n    y = x",
        inputs={"x": ["N", "C"], **{name: {"shape": ["N", "C"], "optional": True} for name in "ab"}},
        constraints=["(a is None) == (b is None)"],
    )
    assert {setting.absent for setting in settings_of(layer)} == {frozenset(), frozenset("ab")}


def test_inputs_alone_have_no_value_to_show() -> None:
    layer = program(
        "y = x if a is None else x + a\ny = y if b is None else y * b",
        inputs={"x": ["N", "C"], **{name: {"shape": ["N", "C"], "optional": True} for name in "ab"}},
        constraints=["a is None or b is not None"],
    )
    assert '    raise ValueError("expected a is None or b is not None")' in forward_lines(layer)


def test_constraints_that_no_setting_keeps_are_still_found() -> None:
    [finding] = faults_of(conditioned("features is None", "features is not None"))
    assert finding.rule.name == "unsatisfiable"
    [finding] = faults_of(conditioned("c is None and features is None", "c is not None or features is not None"))
    assert finding.rule.name == "unsatisfiable"


def test_a_missing_constraint_is_still_found() -> None:
    assert faults_of(conditioned("dim > 1 or c is None"))
    assert faults_of(conditioned("features is None or c is not None", cases=[{"features": 3}, {"dim": 4}]))


def test_checks_ask_for_numbers_before_they_read_them() -> None:
    lines = forward_lines(conditioned("c is None or features % 2 == 0"))
    assert "if c is not None and not (self.features is not None and self.features % 2 == 0):" in lines


def test_what_takes_the_place_of_an_argument_is_not_asked_for() -> None:
    layer = conditioned(
        "c is None or features % 2 == 0", derived={"features": "features if features is not None else 4"}
    )
    assert "if c is not None and self.features % 2 != 0:" in forward_lines(layer)


def test_branches_ask_for_what_a_constraint_promises() -> None:
    lines = forward_lines(conditioned("features is not None or c is None"))
    assert "if c is not None and weight is not None:" in lines
    flipped = "if c is None:\n    y = x\nelse:\n    y = x * (1 + linear(c, weight))"
    lines = forward_lines(program(flipped, **LAYER, constraints=["features is not None or c is None"]))
    assert "if c is None or weight is None:" in lines


def test_branches_ask_for_a_number_that_a_constraint_promises() -> None:
    scale = {"type": "float", "optional": True, "default": None, "doc": "Factor."}
    layer: dict[str, Any] = {
        "arguments": {"scale": scale},
        "inputs": {"x": ["N", "C"], "c": {"shape": ["N", "C"], "optional": True}},
        "constraints": ["c is None or scale is not None"],
    }
    asked = "if c is not None and self.scale is not None:"
    for question in ("c is not None", "c is not None and scale is not None"):
        assert asked in forward_lines(program(f"y = x\nif {question}:\n    y = y + scale * c", **layer))
    inside = "y = x\nif scale is not None:\n    y = y + scale\n    if c is not None:\n        y = y + scale * c"
    assert "    if c is not None:" in forward_lines(program(inside, **layer))


def test_what_no_constraint_promises_is_not_asked_for() -> None:
    parameters = {"weight": {"shape": ["dim", "features"], "init": "normal(0, 0.02)"}}
    arguments = {"dim": DIM, "features": DIM}
    lines = forward_lines(conditioned("c is None or features % 2 == 0", parameters=parameters, arguments=arguments))
    assert "if c is not None:" in lines
    assert "if c is not None and self.features % 2 != 0:" in lines


def test_the_layer_refuses_an_input_without_its_argument() -> None:
    layer = layergen.load(CASES / "whole_layer_with_conditional_norm" / "conditional_norm.yaml")
    x, c = torch.randn(2, 4), torch.randn(2, 6)
    assert layer(4, 6)(x, c).shape == (2, 4)
    assert layer(4, 3)(x).shape == (2, 4)
    with pytest.raises(ValueError, match="cond_channels is not None or c is None, got cond_channels=None"):
        layer(4)(x, c)
    with pytest.raises(ValueError, match="cond_channels % 2 == 0, got cond_channels=3"):
        layer(4, 3)(x, c[:, :3])


@pytest.mark.parametrize(
    ("constraint", "left"),
    [
        ("c is None or a > 2", "a > 2"),
        ("not (c is not None and a > 2)", "not a > 2"),
        ("c is not None and (a > 1 or c is None)", "a > 1"),
        ("c is not None or a > 2", "True"),
        ("c is None", "False"),
    ],
)
def test_conditions_of_a_value_that_is_there(constraint: str, left: str) -> None:
    node = conditioned(constraint.replace("a >", "dim >")).constraints[0]
    assert ex.show(settled(node, "c")) == left.replace("a >", "dim >")
