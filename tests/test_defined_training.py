"""Definitions of what a layer does in training: its values there, and what its buffers become."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program

from layergen.definition.loops import definition_lines
from layergen.diagnostics import Finding

MOMENTUM = {"type": "float", "min": 0, "max": 1, "default": 0.1, "doc": "Weight of a batch."}
RATE = {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Share."}
FORWARD = """
if training:
    center = mean(x, dim=0)
    old = lerp(old, detach(type_as(center, old)), momentum)
else:
    center = old
y = x - center
"""
OUTPUT = "y[n, c] = x[n, c] - (batch[c] if training else old[c])"
UPDATE = "old[c] = (1 - momentum) * old[c] + momentum * batch[c]"
DEFINITION = f"batch[c] = mean[n](x[n, c])\n{OUTPUT}\n{UPDATE}\n"


def layer(definition: str = DEFINITION, forward: str = FORWARD, **parts: Any) -> Any:
    buffers = {"old": {"shape": ["C"], "init": "zeros", "doc": "Mean."}}
    own: dict[str, Any] = {
        "arguments": {"C": DIM, "momentum": MOMENTUM},
        "buffers": buffers,
        "mixes": {"N": "training"},
    }
    shapes = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
    return program(forward, definition=definition, **{**own, **shapes, **parts})


def fault(*given: Any, **parts: Any) -> Finding:
    return fault_of(layer(*given, **parts))


def test_training_is_compared_where_the_definition_speaks_of_it() -> None:
    found = checked(layer()).defined
    assert found.trained == found.plain and found.trained


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (UPDATE, UPDATE.replace("(1 - momentum)", "momentum", 1), "`old[0]` becomes "),
        (UPDATE, "old[c] = momentum * old[c] + (1 - momentum) * batch[c]", "`old[0]` becomes "),
        (UPDATE, "old[c] = old[c] + 0 * momentum", "`old[0]` becomes "),
        (OUTPUT, "y[n, c] = x[n, c] - old[c]", "`y[0, 0]` is "),
        (OUTPUT, "y[n, c] = x[n, c] - (batch[0] if training else old[c])", "`y[0, 1]` is "),
    ],
)
def test_what_differs_in_training_alone_is_found(right: str, wrong: str, message: str) -> None:
    found = fault(DEFINITION.replace(right, wrong))
    assert found.rule.code == "LG408" and found.message.startswith(message) and found.message.endswith("in training")


def test_a_variance_by_the_other_count_is_found() -> None:
    forward = FORWARD.replace("mean(x, dim=0)", "var(x, dim=0, correction=0)")
    text = f"middle[c] = mean[n](x[n, c])\n{DEFINITION.replace('(x[n, c])', '((x[n, c] - middle[c]) ** 2)')}"
    assert checked(layer(text, forward)).defined.trained
    found = fault(text.replace("momentum * batch[c]", "momentum * batch[c] * N / (N - 1)"), forward)
    assert found.rule.code == "LG408" and found.message.startswith("`old[0]` becomes ")


def test_what_the_definition_leaves_out_of_training_is_said() -> None:
    evaluated = "y[n, c] = x[n, c] - old[c] + 0 * momentum"
    found = fault(evaluated)
    assert found.rule.code == "LG423" and "what training makes of `old`" in found.message
    assert "`old[c] = …`" in str(found.help)
    unchanged = (
        FORWARD.replace("    old = lerp(old, detach(type_as(center, old)), momentum)\n", "") + "y = y * momentum"
    )
    found = fault("y[n, c] = (x[n, c] - old[c]) * momentum", unchanged)
    assert found.rule.code == "LG423" and "in training and" in found.message


def test_what_is_left_out_may_be_accepted() -> None:
    reason = {"untold-training": "Its means are those of another page."}
    found = checked(layer("y[n, c] = x[n, c] - old[c]", accept=reason)).defined
    assert found.plain and not found.trained


def test_nothing_is_asked_of_what_is_drawn_at_random() -> None:
    parts: dict[str, Any] = {"arguments": {"p": RATE}, "buffers": {}, "mixes": []}
    found = checked(layer("y[n, c] = x[n, c]", "y = dropout(x, p, training)", **parts)).defined
    assert found.plain and not found.trained


def test_where_nothing_is_drawn_training_is_compared() -> None:
    arguments = {"C": DIM, "momentum": MOMENTUM, "p": {**RATE, "default": 0.0}}
    found = checked(layer(forward=f"{FORWARD}y = dropout(y, p, training)", arguments=arguments)).defined
    assert found.trained and set(found.trained) < set(found.plain)


def test_members_are_asked_in_the_mode_of_their_owner() -> None:
    parts: dict[str, Any] = {"arguments": {"C": DIM}, "buffers": {}, "modules": {"m": "nn.BatchNorm1d(C)"}}
    parts |= {"inputs": {"x": ["N", "C", "L"]}, "outputs": {"y": ["N", "C", "L"]}}
    assert checked(layer("y[n, c, l] = 2 * m(x)[n, c, l]", "y = 2 * m(x)", **parts)).defined.trained


def test_of_a_member_no_update_is_printed() -> None:
    definition = layer().definition
    own, inside = ("\n".join(definition_lines(definition, inside)) for inside in (False, True))
    assert "def old_(" in own and '"old": old_' in own
    assert "def batch(" in inside and "old_" not in inside
