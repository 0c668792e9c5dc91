"""Buffers that no state dict has: what is learned or drawn is told, what is computed again is not."""

from textwrap import dedent
from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.unsaved import UNSAVED

TOTAL: dict[str, Any] = {"shape": [], "init": "zeros", "persistent": False}
TABLE: dict[str, Any] = {"shape": [3], "init": "arange(3) / 3", "persistent": False}
DRAWN: dict[str, Any] = {"shape": [3], "init": "randn(3)", "persistent": False}
WEIGHT: dict[str, Any] = {"shape": [3], "init": "normal(0, 1)"}
COUNTED = "y = x * b\nif training:\n    b = b + 1"
IN_TRAINING = "y = x\nif training:\n    y = x * b\n    b = b + 1"
BEHIND_ANOTHER = "y = x\nif training:\n    y = x * t\n    t = t + b\n    b = b + 1"


def told(forward: str, **tensors: dict[str, Any]) -> list[str]:
    """The buffers of which it is told that they are lost; those with a `persistent` are buffers, others parameters."""
    sections: dict[str, dict[str, Any]] = {"buffers": {}, "parameters": {}}
    for name, tensor in tensors.items():
        sections["buffers" if "persistent" in tensor else "parameters"][name] = tensor
    layer = program(dedent(forward), inputs={"x": ["N", 3]}, outputs={"y": ["N", 3]}, **sections)
    return [str(finding.place.path[1]) for finding in breaches(UNSAVED, layer)]


@pytest.mark.parametrize(
    ("forward", "tensors"),
    [
        (COUNTED, {"b": TOTAL}),
        (IN_TRAINING, {"b": TOTAL}),
        ("y = x * b", {"b": DRAWN}),
        ("y = x * b * w", {"b": {**TABLE, "init": "w + 1"}, "w": WEIGHT}),
        (
            "y = x\nif training:\n    y = x * t\n    t = t + b\n    b = b + 1",
            {"b": TOTAL, "t": {**TABLE, "persistent": True}},
        ),
    ],
)
def test_what_is_learned_or_drawn_is_told(forward: str, tensors: dict[str, dict[str, Any]]) -> None:
    assert told(forward, **tensors) == ["b"]


@pytest.mark.parametrize(
    ("forward", "tensors"),
    [
        (COUNTED, {"b": {**TOTAL, "persistent": True}}),
        ("y = x * b", {"b": TABLE}),
        ("y = x * b * w", {"b": {**TABLE, "init": "zeros_like(w)"}, "w": {**WEIGHT, "init": "ones"}}),
        ("y = x\nif training:\n    b = sum(x, dim=0)\n    y = x - b", {"b": DRAWN}),
        ("y = x\nif training:\n    b = type_as(sum(x, dim=0), b)\n    y = x - b", {"b": DRAWN}),
        ("y = x\nif training:\n    b = b + 1", {"b": TOTAL}),
        ("y = x * b\nb = b + 1", {"b": TOTAL}),
        ("y = x * b\nif not training:\n    b = b + 1", {"b": TOTAL}),
    ],
)
def test_what_is_computed_again_passes(forward: str, tensors: dict[str, dict[str, Any]]) -> None:
    assert told(forward, **tensors) == []
