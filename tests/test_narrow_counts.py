"""Positions that are counted in half precision by name are told where they become others, and a layer shows it."""

from typing import Any

import pytest
from small import breaches, checked, fault_of, program

from layergen.contracts.narrow_counts import NARROW_COUNTS

STEPS: dict[str, Any] = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
SHIFTED = (
    "y = x\nif training:\n    t = arange(L, dtype={}) + floor(4 * rand([]))\n    y = type_as(sin(upcast(t)), x) * x"
)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_positions_are_held_to_wide_ones_in_training_though_numbers_are_drawn(dtype: str) -> None:
    finding = fault_of(program(SHIFTED.format(dtype), **STEPS))
    assert finding.rule.code == "LG320" and finding.message.startswith(f"`arange` counts in {dtype}")
    assert finding.help == "count in float32: `arange(L, dtype=float32)`"
    assert checked(program(SHIFTED.format("float32"), **STEPS)).cases


@pytest.mark.parametrize(
    ("forward", "constraints"),
    [
        ("y = x * type_as(arange(L, dtype=bfloat16), x)", ["L <= 256"]),
        ("y = x * type_as(arange(L, dtype=bfloat16) / L, x)", []),
    ],
)
def test_positions_that_half_precision_holds_or_that_are_meant_roughly_are_sound(
    forward: str, constraints: list[str]
) -> None:
    assert not breaches(NARROW_COUNTS, program(forward, constraints=constraints, **STEPS))
