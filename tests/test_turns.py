"""How often loops turn, inner ones at each turn of the outer: too many turns are not tried at a long dimension."""

from dataclasses import replace

import pytest
from small import program, setting_of

from layergen.probe.lengths import TURNS, is_small
from layergen.probe.turns import turns

SHAPES = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
ONCE = "y = x\nfor i in range(1, L):\n    y = y + x * i"
NESTED = "y = x\nfor i in range(1, L):\n    for j in range(L):\n        y = y + x * i * j"


@pytest.mark.parametrize(
    ("forward", "count"),
    [
        ("y = relu(x)", 0),
        (ONCE, 9),
        (NESTED, 90),
        ("y = x\nfor i in range(L):\n    y = y + i\nfor j in range(L):\n    y = y + j", 20),
        ("y = x\nfor i in range(L):\n    if i % 2 == 0:\n        for j in range(2):\n            y = y + j", 20),
        ("y = x\nfor h in unbind(x, dim=1):\n    y = y + h[:, None]", 1),
        ("y = x\nfor i in range(L, 1):\n    y = y + i", 0),
    ],
)
def test_turns_of_nested_loops_are_multiplied(forward: str, count: int) -> None:
    layer = program(forward, **SHAPES)
    setting = setting_of(layer)
    assert turns(layer, replace(setting, sizes={**setting.sizes, "L": 10})) == count


@pytest.mark.parametrize(("forward", "small"), [(ONCE, True), (NESTED, False)])
def test_a_long_dimension_is_tried_where_loops_take_few_turns(forward: str, small: bool) -> None:
    layer = program(forward, **SHAPES)
    setting = setting_of(layer)
    longer = replace(setting, sizes={"N": 1, "L": 100})
    assert 100 < TURNS < 100 * 99
    assert is_small(layer, longer, training=False) is small
