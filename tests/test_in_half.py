"""Layers that draw in a wider dtype on purpose: whether half precision draws by the same law."""

from typing import Any

import pytest
from small import program, setting_of

from layergen.compare.in_half import RARE, alike_in_half

RATE = {"type": "float", "min": 0, "max": 1, "default": 0.25, "doc": "Share."}
SHAPES = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}


def alike(forward: str) -> Any:
    layer = program(forward, arguments={"p": RATE}, **SHAPES)
    return alike_in_half(layer, setting_of(layer), training=True)


@pytest.mark.parametrize("drawn", ["rand_like(x, dtype=float32)", "rand_like(upcast(x))"])
def test_a_wider_draw_is_compared_in_a_large_batch_where_little_is_drawn(drawn: str) -> None:
    found = alike(f"y = x * type_as({drawn} >= p, x) if training else x")
    assert found.setting.values["p"] == RARE
    assert found.trial.outputs["y"].shape[0] == 1000


def test_a_draw_on_the_grid_of_half_precision_is_not_compared() -> None:
    assert alike("y = x * type_as(upcast(rand_like(x)) >= p, x) if training else x") is None


def test_what_nothing_widens_is_not_compared() -> None:
    assert alike("y = x * type_as(rand_like(x) >= p, x) if training else x") is None
