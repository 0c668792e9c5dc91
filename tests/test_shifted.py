"""What float32 keeps of inputs that are far from zero."""

from typing import Any

import pytest
from small import breaches, checked, program

from layergen.contracts.shifted import SHIFTED

ROWS = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N"]}}
CENTERED = "h = upcast(x)\nm = mean(h, dim=-1, keepdim=True)\n"


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        (
            CENTERED + "v = mean(h * h, dim=-1, keepdim=True) - m * m\ny = type_as((h - m) * rsqrt(relu(v) + 1e-5), x)",
            {},
        ),
        (CENTERED + "v = mean(h * h, dim=-1) - square(m)[:, 0]\ny = type_as(sqrt(relu(v) + 1e-5), x)", ROWS),
    ],
)
def test_difference_of_what_is_large_is_a_fault(forward: str, parts: dict[str, Any]) -> None:
    assert {finding.rule.code for finding in breaches(SHIFTED, program(forward, **parts))} == {"LG354"}


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        (CENTERED + "v = mean(square(h - m), dim=-1, keepdim=True)\ny = type_as((h - m) * rsqrt(v + 1e-5), x)", {}),
        ("v, m = var_mean(upcast(x), dim=-1, keepdim=True)\ny = type_as((x - m) * rsqrt(v + 1e-5), x)", {}),
        ("y = softmax(x, dim=-1) + log_softmax(x, dim=-1)", {}),
        ("y = x - mean(x, dim=0)", {}),
        ("y = sum(x, dim=-1)", ROWS),
        ("y = mean(square(x), dim=-1)", ROWS),  # which depends on the distance from zero
        ("v = clamp(upcast(x), max=20)\ny = type_as(sum(exp(v) - v - 1, dim=-1), x)", ROWS),  # large, and as exact
        ("y = 1 - cosine_similarity(x, roll(x, 1, 0), dim=-1)", ROWS),
    ],
)
def test_what_keeps_its_digits_is_none(forward: str, parts: dict[str, Any]) -> None:
    assert list(breaches(SHIFTED, program(forward, **parts))) == []


def test_what_was_run_is_said_where_the_distance_changes_nothing() -> None:
    shown = [one.contract for one in checked(program("y = softmax(x, dim=-1)")).judgement.shown]
    assert "shifted" in shown
    assert "shifted" not in [one.contract for one in checked(program("y = x + 1")).judgement.shown]
