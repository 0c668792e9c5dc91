"""Batches without a sample in training: what they leave in buffers."""

from typing import Any

import pytest
from small import DIM, program

from layergen.advice.lost import lost_statistics
from layergen.resolve.program import Program
from layergen.settings.choice import settings

CENTERED: dict[str, Any] = {
    "arguments": {"C": DIM},
    "buffers": {"center": {"shape": ["C"], "init": "zeros"}},
    "mixes": {"N": "training"},
}


def lost(program: Program) -> list[str | None]:
    """The help that is given about buffers that an empty batch makes no numbers."""
    return [finding.help for finding in lost_statistics(program, settings(program))]


def test_running_mean_is_lost() -> None:
    layer = program("y = x - center\nif training:\n  center = lerp(center, mean(x, dim=0), 0.1)", **CENTERED)
    assert lost(layer) == ["`N >= 1` under `constraints` refuses such a batch"]


@pytest.mark.parametrize(
    ("update", "constraints"),
    [
        ("lerp(center, mean(x, dim=0), 0.1)", ["N >= 1"]),
        ("mean(x, dim=0)", []),  # which the next batch replaces
        ("sum(x, dim=0)", []),
        ("amax(x, dim=0)", []),  # which torch refuses
        ("center + 1", []),
    ],
)
def test_what_stays_a_number_or_is_refused_is_not_told(update: str, constraints: list[str]) -> None:
    forward = f"y = x - center\nif training:\n  center = {update}"
    assert lost(program(forward, **CENTERED, constraints=constraints)) == []
