"""Uniform draws that are 0, and what comes of them."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.edge_draws import EDGE_DRAWS


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("y = x - log(-log(rand_like(x))) if training else x", {}),
        ("y = x / rand_like(x) if training else x", {}),
        ("y = x + sqrt(-2 * log(rand([N, C])))", {"random": "always"}),
    ],
)
def test_draw_of_zero_that_gives_no_number_is_a_fault(forward: str, parts: dict[str, Any]) -> None:
    (finding,) = breaches(EDGE_DRAWS, program(forward, **parts))
    assert finding.rule.code == "LG356"


@pytest.mark.parametrize(
    "forward",
    [
        "y = x - log(-log(clamp(rand_like(x), min=1e-6))) if training else x",
        "y = x + log(1 - rand_like(x)) if training else x",  # 1 is never drawn
        "y = where(rand_like(x) >= 0.1, x / 0.9, 0) if training else x",
        "y = x - log(rand_like(x) + 0.1) if training else x",
        "y = x + log(x - x) * rand_like(x)",  # which is no number, whatever is drawn
    ],
)
def test_draw_of_zero_that_gives_numbers_is_none(forward: str) -> None:
    assert list(breaches(EDGE_DRAWS, program(forward, random="always"))) == []
