"""Indices below 0 that read from the end: of all ops that take them, and where a mask makes them."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.wrapped import WRAPPED
from layergen.diagnostics import Finding

MASK = {"shape": ["N", "L"], "dtype": "bool"}
LAST: dict[str, Any] = {"outputs": {"y": ["N", "D"]}, "constraints": ["L >= 1"]}
COUNT = "i = sum(type_as(mask, arange(L)), dim=1) - 1\n"


def by_lengths(forward: str, low: int = 0) -> list[Finding]:
    lengths = {"shape": ["N"], "dtype": "int64", "range": [low, "L + 1"]}
    return breaches(WRAPPED, program(forward, inputs={"x": ["N", "L", "D"], "lengths": lengths}, **LAST))


def by_mask(forward: str, **parts: Any) -> list[Finding]:
    return breaches(WRAPPED, program(forward, inputs={"x": ["N", "L", "D"], "mask": {**MASK, **parts}}, **LAST))


@pytest.mark.parametrize(
    "forward",
    [
        "y = take_along_dim(x, (lengths - 1)[:, None, None], dim=1)[:, 0]",
        "y = take_along_dim(x, indices=(lengths - 1)[:, None, None], dim=1)[:, 0]",
        "y = x[arange(N), lengths - 1]",
        "y = x[:, 0] + take(flatten(x), lengths - 1)[:, None]",
    ],
)
def test_op_that_reads_from_the_end_at_a_length_of_zero_is_a_fault(forward: str) -> None:
    (finding,) = by_lengths(forward)
    assert finding.rule.code == "LG363"
    assert " is below 0 where `lengths` is at the low end" in finding.message
    assert by_lengths(forward, low=1) == []


@pytest.mark.parametrize(
    "forward",
    [
        "y = take_along_dim(x, clamp(lengths - 1, min=0)[:, None, None], dim=1)[:, 0]",
        "y = take_along_dim(x, (0 * lengths - 1)[:, None, None], dim=1)[:, 0]",  # the last one is meant
        "y = where((lengths > 0)[:, None], take_along_dim(x, (lengths - 1)[:, None, None], dim=1)[:, 0], 0)",
    ],
)
def test_index_that_is_kept_in_the_table_or_makes_no_difference_is_none(forward: str) -> None:
    assert by_lengths(forward) == []


def test_mask_that_marks_nothing_is_a_low_end() -> None:
    (finding,) = by_mask(f"{COUNT}y = x[arange(N), i]")
    assert " is below 0 where `mask` is all false" in finding.message
    assert "`range`" not in str(finding.help)
    (finding,) = by_mask(f"{COUNT.replace('(mask', '(~mask')}y = x[arange(N), i]")
    assert " is below 0 where `mask` is all true" in finding.message


def test_mask_whose_index_is_kept_in_the_table_is_none() -> None:
    assert by_mask(f"{COUNT}y = x[arange(N), clamp(i, min=0)]") == []
    assert by_mask("y = x[:, -1] * any(mask, dim=1, keepdim=True)") == []


def test_positions_that_a_mask_does_not_mark_do_not_count() -> None:
    forward = "p = cumsum(type_as(mask, arange(L)), dim=1) - 1\ny = x + arange(L)[p][:, :, None]"
    layer: dict[str, Any] = {"inputs": {"x": ["N", "L", "D"], "mask": MASK}, "outputs": {"y": ["N", "L", "D"]}}
    assert len(breaches(WRAPPED, program(forward, **layer))) == 1
    layer["inputs"]["mask"] = {**MASK, "marks": "x", "dim": "L"}
    assert breaches(WRAPPED, program(forward, **layer)) == []
