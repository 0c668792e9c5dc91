"""Masks: what stands at positions that do not count, where nothing of a sample does, or what does is far below zero."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.masks import MASKS
from layergen.diagnostics import Finding

LAYER: dict[str, Any] = {
    "inputs": {
        "s": ["N", "L"],
        "v": ["N", "L", "D"],
        "mask": {"shape": ["N", "L"], "dtype": "bool", "marks": "v", "dim": "L"},
    },
    "outputs": {"y": ["N", "D"]},
    "constraints": ["L >= 1"],
}
POOL = "y = sum(({})[:, :, None] * v, dim=1)"
WEIGHTS = {**LAYER, "outputs": {"y": ["N", "L"]}}
WEIGHTS["inputs"] = {"s": ["N", "L"], "mask": {**LAYER["inputs"]["mask"], "marks": "s"}}
BY_ZERO = "m = type_as(mask, s)\ny = softmax(s * m, dim=1) * m\ny = y / clamp(sum(y, dim=1, keepdim=True), min={})"


def pooled(weights: str) -> list[Finding]:
    return breaches(MASKS, program(POOL.format(weights), **LAYER))


@pytest.mark.parametrize(
    "weights",
    [
        "softmax(s + (1 - type_as(mask, s)) * -10000.0, dim=1)",
        "softmax(masked_fill(s, ~mask, -1e9), dim=1)",
        "type_as(mask, s) / clamp(sum(mask, dim=1, keepdim=True), min=1) + ~any(mask, dim=1, keepdim=True)",
    ],
)
def test_mean_of_what_does_not_count_is_a_fault(weights: str) -> None:
    (finding,) = pooled(weights)
    assert finding.rule.code == "LG330"
    assert finding.message == "`y` is made of positions of `v` where `mask` marks nothing"


@pytest.mark.parametrize(
    "weights",
    [
        "nan_to_num(softmax(masked_fill(s, ~mask, -inf), dim=1))",
        "softmax(masked_fill(s, ~mask, -1e9), dim=1) * mask",
        "type_as(mask, s) / clamp(sum(mask, dim=1, keepdim=True), min=1)",
    ],
)
def test_zeros_of_what_does_not_count_are_none(weights: str) -> None:
    assert pooled(weights) == []


def test_result_of_nothing_that_no_content_makes_is_none() -> None:
    forward = "y = where(any(mask, dim=1, keepdim=True), sum(where(mask[:, :, None], v, 0), dim=1), 1.0) + 0 * s[:, :1]"
    assert breaches(MASKS, program(forward, **LAYER)) == []


@pytest.mark.parametrize("least", ["1e-7", "1e-4"])
def test_zeros_that_outdo_what_counts_are_a_fault(least: str) -> None:
    (finding,) = breaches(MASKS, program(BY_ZERO.format(least), **WEIGHTS))
    assert finding.rule.code == "LG330"
    assert finding.message.startswith("`y` changes with more positions of `s` that `mask` does not mark")


def test_softmax_of_what_counts_alone_is_none() -> None:
    assert breaches(MASKS, program("y = nan_to_num(softmax(masked_fill(s, ~mask, -inf), dim=1))", **WEIGHTS)) == []
