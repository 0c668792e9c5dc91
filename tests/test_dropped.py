"""What training drops at random, and whether the rest makes good for it."""

from typing import Any

import pytest
from small import program

from layergen.check import check
from layergen.contracts.dropped import DROPPED
from layergen.diagnostics import Finding
from layergen.probe.ways import Ways
from layergen.run.watching import Runs
from layergen.settings.choice import settings

SHARE = {
    "p": {"type": "float", "min": 0, "max": 1, "exclusive": "max", "default": 0.1, "doc": "Share that is dropped."}
}
IMAGE: dict[str, Any] = {"inputs": {"x": ["N", "C", "H", "W"]}, "outputs": {"y": ["N", "C", "H", "W"]}}


def found(forward: str, **parts: Any) -> list[Finding]:
    layer = program(forward, arguments=SHARE, **parts)
    return list(DROPPED.judge(Ways(layer, tuple(Runs(layer, at, DROPPED.watches) for at in settings(layer)))))


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = where(rand_like(x) < p, x / (1 - p), 0) if training else x", "`1 - p`, as where `rand_like(…) >= p`"),
        ("y = where(rand_like(x) >= p, x / max(p, 0.01), 0) if training else x", "by `1 - p`, the share that is kept"),
        ("y = where(rand_like(x) >= p, x * 3, 0) if training else x", "the share that is kept, here 0.9"),
        ("h = relu(x)\ny = where(rand_like(x) >= p, h / (1 - p)**4, 0) if training else h", "is kept, here 0.9"),
    ],
)
def test_what_is_not_made_good_for_is_a_fault(forward: str, help: str) -> None:
    (finding,) = found(forward)
    assert finding.rule.code == "LG355"
    assert help in str(finding.help)


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("y = where(rand_like(x) >= p, x / (1 - p), 0) if training else x", {}),
        ("y = where(rand_like(x) >= p, x, 0) if training else x", {}),  # which only hides some of it
        ("y = where(rand_like(x) >= p, x, 0) if training else (1 - p) * x", {}),
        ("y = dropout(dropout(x, p, training), p, training)", {}),
        ("y = alpha_dropout(x, p, training)", {}),
        ("y = x + p * randn_like(x) if training else x", {}),
        ("y = relu(x) * (rand([N, C, 1, 1]) >= p) / (1 - p) if training else relu(x)", IMAGE),
    ],
)
def test_what_is_made_good_for_or_only_hidden_is_none(forward: str, parts: dict[str, Any]) -> None:
    assert found(forward, **parts) == []
    assert check(program(forward, arguments=SHARE, **parts))
