"""Grids: those that are read otherwise than they were made are told."""

from textwrap import dedent
from typing import Any

import pytest
from small import FLAG, breaches, program

from layergen.contracts.corners import CORNERS

IMAGES: dict[str, Any] = {
    "arguments": {"ends": FLAG},
    "inputs": {"x": ["N", "C", "H", "W"], "theta": ["N", 2, 3]},
    "outputs": {"y": ["N", "C", "H", "W"]},
}


def told(forward: str) -> list[str]:
    return [finding.message for finding in breaches(CORNERS, program(dedent(forward), **IMAGES))]


FAULTY = [
    "g = affine_grid(theta, [N, C, H, W], align_corners=True)\ny = grid_sample(x, g, align_corners=False)",
    "g = affine_grid(theta, [N, C, H, W], align_corners=True)\ny = grid_sample(x, g)",
    "g = affine_grid(theta, [N, C, H, W], False)\ny = grid_sample(x, type_as(g + 0.1, x), align_corners=True)",
    "g = affine_grid(theta, [N, C, H, W])\ny = grid_sample(x, clamp(g, -1, 1), 'bilinear', 'zeros', True)",
]
SOUND = [
    "y = grid_sample(x, affine_grid(theta, [N, C, H, W], align_corners=True), align_corners=True)",
    "y = grid_sample(x, affine_grid(theta, [N, C, H, W], align_corners=False))",
    "y = grid_sample(x, affine_grid(theta, [N, C, H, W], align_corners=ends), align_corners=ends)",
    "y = grid_sample(x, tanh(affine_grid(theta, [N, C, H, W], align_corners=True)), align_corners=False)",
]


@pytest.mark.parametrize("forward", FAULTY)
def test_a_grid_that_is_read_otherwise_is_told(forward: str) -> None:
    assert len(told(forward)) == 1


@pytest.mark.parametrize("forward", SOUND)
def test_a_grid_that_is_read_as_it_was_made_passes(forward: str) -> None:
    assert told(forward) == []
