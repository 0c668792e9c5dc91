"""Values that meet entry by entry along an axis that was made of two others: in the same order, or in another one."""

from textwrap import dedent
from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.met import MET

IMAGES: dict[str, Any] = {
    "arguments": {"height": DIM, "width": DIM},
    "inputs": {"x": ["N", "C", "height", "width"]},
    "outputs": {"y": ["N", "C", "height * width"]},
    "parameters": {
        "rows": {"shape": ["height"], "init": "normal"},
        "columns": {"shape": ["width"], "init": "normal"},
        "table": {"shape": ["width", "height"], "init": "normal"},
    },
}


def told(forward: str) -> int:
    used = {name: part for name, part in IMAGES["parameters"].items() if name in forward}
    return len(breaches(MET, program(dedent(forward), **{**IMAGES, "parameters": used})))


FAULTY = [
    "y = flatten(x, 2) + flatten(columns[:, None] + rows)",
    "p = softmax(flatten(x, 2), dim=-1)\ny = (p[:, :, None] * (flatten(columns[:, None] + rows) * 2))[:, :, 0]",
    "y = flatten(x, 2) * flatten(relu(transpose(x, 2, 3)), 2)",
    "a, b = meshgrid(arange(height), arange(width), indexing='xy')\ny = flatten(x, 2) * type_as(flatten(a + b), x)",
]
SOUND = [
    "y = flatten(x, 2) + flatten(rows[:, None] + columns)",
    "y = flatten(x, 2) + flatten(table)",
    "h = flatten(transpose(x, 2, 3), 2) * flatten(columns[:, None] + rows)\n"
    "y = flatten(transpose(unflatten(h, 2, [width, height]), 2, 3), 2)",
    "a, b = meshgrid(arange(height), arange(width), indexing='ij')\ny = flatten(x, 2) * type_as(flatten(a + b), x)",
]


@pytest.mark.parametrize("forward", FAULTY)
def test_axes_in_another_order_are_told(forward: str) -> None:
    assert told(forward) == 1


@pytest.mark.parametrize("forward", SOUND)
def test_axes_in_the_same_order_pass(forward: str) -> None:
    assert told(forward) == 0
