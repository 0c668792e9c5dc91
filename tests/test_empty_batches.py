"""Batches without a sample in training: what they leave in buffers."""

from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.nothing import NOTHING

CENTERED: dict[str, Any] = {
    "arguments": {"C": DIM},
    "buffers": {"center": {"shape": ["C"], "init": "zeros"}},
    "mixes": {"N": "training"},
}


def test_running_mean_is_lost() -> None:
    (finding,) = breaches(NOTHING, program("y = x - center\nif training:\n  center = mean(x, dim=0)", **CENTERED))
    assert (finding.rule.name, finding.help) == (
        "lost-statistics",
        "refuse such a batch: add `N >= 1` under `constraints`",
    )


@pytest.mark.parametrize(
    ("update", "constraints"),
    [
        ("mean(x, dim=0)", ["N >= 1"]),
        ("sum(x, dim=0)", []),
        ("amax(x, dim=0)", []),  # which torch refuses
        ("center + 1", []),
    ],
)
def test_what_stays_a_number_or_is_refused_is_no_fault(update: str, constraints: list[str]) -> None:
    forward = f"y = x - center\nif training:\n  center = {update}"
    assert breaches(NOTHING, program(forward, **CENTERED, constraints=constraints)) == []
