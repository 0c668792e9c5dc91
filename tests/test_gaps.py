"""Entries between others that have no effect."""

from typing import Any

import pytest
import torch
from small import breaches, program

from layergen.contracts.gaps import Gaps, shown
from layergen.contracts.influence import INFLUENCE

PIXELS: dict[str, Any] = {
    "inputs": {"x": ["N", "H", "W"]},
    "outputs": {"y": ["N", "H // 2", "W // 2"]},
    "constraints": ["H % 2 == 0", "W % 2 == 0"],
}
FOUR = "y = x[:, ::2, ::2] + tanh(x[:, {}]) * x[:, 1::2, ::2] + x[:, 1::2, 1::2]"


def test_slice_that_stands_in_the_place_of_another_is_a_fault() -> None:
    (finding,) = breaches(INFLUENCE, program(FOUR.format("1::2, ::2"), **PIXELS))
    assert finding.rule.code == "LG331"
    assert finding.message == "no output depends on `x[:, ::2, 1::2]`"


@pytest.mark.parametrize(
    "forward",
    [
        FOUR.format("::2, 1::2"),
        "y = x[:, ::2, ::2]",  # a stride of 2
        "y = x[:, ::2, ::2] + x[:, ::2, 1::2]",  # and a window that is wide along one dimension alone
        "y = x[:, ::2, ::2] + tanh(x[:, 1::2, 1::2])",  # two strides, of which one starts later
    ],
)
def test_slices_that_leave_out_no_quarter_or_more_than_one_are_none(forward: str) -> None:
    assert breaches(INFLUENCE, program(forward, **PIXELS)) == []


def test_one_of_eight_parts_is_told() -> None:
    gaps = Gaps()
    for size in (4, 6):
        entries = torch.zeros(2, size, size, size, dtype=torch.bool)
        entries[:, 1::2, ::2, 1::2] = True
        gaps.add(entries)
    assert gaps.part is not None
    assert shown(gaps.part, 4) == ":, 1::2, ::2, 1::2"
    gaps.add(torch.zeros(2, 4, 4, 4, dtype=torch.bool))
    assert gaps.part is None
