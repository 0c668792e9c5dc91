"""What float16 does not hold on the way to what it does: squares, and scores that are scaled too late."""

from typing import Any

import pytest
from small import program, settings_of

from layergen.advice.overflows import half_overflows

SCORES: dict[str, Any] = {"inputs": {"q": ["N", "L", "D"], "k": ["N", "L", "D"]}, "outputs": {"y": ["N", "L", "L"]}}
ROWS: dict[str, Any] = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N"]}}


def messages(forward: str, **parts: Any) -> list[str]:
    layer = program(forward, **parts)
    return [finding.message for finding in half_overflows(layer, settings_of(layer))]


@pytest.mark.parametrize(
    ("forward", "op", "parts"),
    [
        ("y = sqrt(mean(square(x), dim=1))", "square", ROWS),
        ("y = sqrt(mean(x * x, dim=1))", "*", ROWS),
        ("y = mean(abs(x) ** 3, dim=1) ** (1 / 3)", "**", ROWS),
        ("y = sqrt(var(x, dim=1, correction=0))", "var", ROWS),
        ("y = softmax(q @ transpose(k, 1, 2) / D, dim=-1)", "@", SCORES),
    ],
)
def test_what_float16_does_not_hold_on_the_way_is_told(forward: str, op: str, parts: dict[str, Any]) -> None:
    (message,) = messages(forward, **parts)
    assert message.startswith(f"in float16, `{op}` overflows for inputs of ")


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("y = type_as(sqrt(mean(square(upcast(x)), dim=1)), x)", ROWS),
        ("y = mean(square(x), dim=1)", ROWS),  # which is large itself
        ("y = mean(x, dim=1)", ROWS),
        ("y = softmax((q / D) @ transpose(k, 1, 2), dim=-1)", SCORES),
        ("y = softmax(q @ transpose(k, 1, 2), dim=-1)", SCORES),  # how large these are is the caller's to say
    ],
)
def test_what_is_wide_or_large_itself_is_not(forward: str, parts: dict[str, Any]) -> None:
    assert messages(forward, **parts) == []
