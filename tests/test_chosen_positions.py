"""Layers that take one position, which a mask or a length chooses: any of them may be the one."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.influence import INFLUENCE

MASKED: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "D"], "mask": {"shape": ["N", "L"], "dtype": "bool"}},
    "outputs": {"y": ["N", "D"]},
}
MEASURED: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "D"], "length": {"shape": ["N"], "dtype": "int64", "range": [1, "L + 1"]}},
    "outputs": {"y": ["N", "D"]},
}
MARKED = "h = where(mask[:, :, None], x, 0.0)\n"
LAST = f"place = amax(where(mask, arange(L), -1), dim=1)\n{MARKED}"
FIRST = f"place = argmax(int64(mask), dim=1)\n{MARKED}"


def told(forward: str, parts: dict[str, Any]) -> list[str]:
    return [finding.message for finding in breaches(INFLUENCE, program(forward, **parts))]


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        (f"{LAST}y = h[arange(N), clamp(place, min=0)]", MASKED),
        (f"{FIRST}y = h[arange(N), place]", MASKED),
        ("y = x[arange(N), length - 1]", MEASURED),
    ],
)
def test_a_position_that_is_chosen_may_be_any(forward: str, parts: dict[str, Any]) -> None:
    assert told(forward, parts) == []


@pytest.mark.parametrize(
    ("forward", "parts", "part"),
    [
        (f"{LAST}y = h[arange(N), clamp(place, min=L // 2)]", MASKED, "x[:, :4]"),
        ("y = x[arange(N), clamp(length - 1, max=3)]", MEASURED, "x[:, -3:]"),
    ],
)
def test_what_no_choice_reaches_is_told(forward: str, parts: dict[str, Any], part: str) -> None:
    assert told(forward, parts) == [f"no output depends on `{part}`"]
