"""Learning: a slope that rounding leaves of none moves nothing, and a small one does."""

from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.learning import LEARNING

ZEROS: dict[str, Any] = {"shape": ["dim"], "init": "zeros"}
NUMBER: dict[str, Any] = {"shape": [], "init": "zeros"}
SMALL: dict[str, Any] = {"shape": ["dim"], "init": "full([dim], 1e-6)"}
MATRIX: dict[str, Any] = {"shape": ["dim", "dim"], "init": "xavier_uniform"}
SEQUENCES: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "L", "dim"]},
    "constraints": ["L >= 2", "dim >= 2"],
}

WITHOUT_EFFECT = {
    "number_before_a_softmax": ("y = softmax(x + b, dim=-1)", {"b": NUMBER}),
    "number_before_a_norm": ("y = layer_norm(x + b, [dim])", {"b": NUMBER}),
    "offset_of_a_channel": ("y = transpose(instance_norm(transpose(x + b, 1, 2)), 1, 2)", {"b": ZEROS}),
    "written_out": ("h = x + b\ny = h - mean(h, dim=-1, keepdim=True)", {"b": NUMBER}),
}
WITH_EFFECT = {
    "offsets_before_a_softmax": ("y = softmax(x + b, dim=-1)", {"b": ZEROS}),
    "number_behind_a_softmax": ("y = softmax(x, dim=-1) + b", {"b": NUMBER}),
    "offset_of_keys": (
        "k = linear(x, w, b)\ny = softmax(x @ transpose(k, 1, 2), dim=-1) @ x",
        {"w": MATRIX, "b": ZEROS},
    ),
    "small_branch_in_a_small_branch": (
        "h = s * tanh(linear(x, w, b))\ny = x + s * tanh(s * linear(h, w))",
        {"s": SMALL, "w": MATRIX, "b": ZEROS},
    ),
}


@pytest.mark.parametrize(("forward", "parameters"), WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT)
def test_what_is_taken_away_again_is_found(forward: str, parameters: dict[str, Any]) -> None:
    (finding,) = breaches(LEARNING, program(forward, parameters=parameters, **SEQUENCES))
    assert finding.message == "near its initial value, no output changes with the parameter `b`, but for rounding"


@pytest.mark.parametrize(("forward", "parameters"), WITH_EFFECT.values(), ids=WITH_EFFECT)
def test_what_moves_passes(forward: str, parameters: dict[str, Any]) -> None:
    assert not breaches(LEARNING, program(forward, parameters=parameters, **SEQUENCES))


def test_a_clamp_on_the_way_is_named_first() -> None:
    scale = {"shape": [], "init": "constant(10)"}
    (finding,) = breaches(LEARNING, program("y = x * clamp(exp(s), max=2.0)", parameters={"s": scale}, **SEQUENCES))
    assert str(finding.help).startswith("start it where `clamp(exp(s), max=2.0)` does not cut it off; or find what")
