"""Numbers that usual sizes never reach: bounds of positions, and what counts of calls are compared with."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program

from layergen.resolve.program import Program

STEPS = {"type": "int", "min": 1, "default": 100, "doc": "Number of calls."}


def weighed(distance: str, bound: str, **parts: Any) -> Program:
    return program(
        f"d = type_as({distance}, x)\ny = exp(-0.01 * d) @ x",
        definition=f"y[n, i, c] = sum[j < L](exp(-0.01 * {bound}) * x[n, j, c])",
        inputs={"x": ["N", "L", "C"]},
        outputs={"y": ["N", "L", "C"]},
        **parts,
    )


@pytest.mark.parametrize(
    ("distance", "bound"),
    [
        ("clamp(abs(arange(L)[:, None] - arange(L)), max=63)", "min(abs(i - j), 63)"),
        ("where(arange(L)[:, None] < arange(L) + 40, 1, 0)", "(1 if i < j + 40 else 0)"),
        ("clamp(arange(L)[:, None] + arange(L), max=300)", "min(i + j, 300)"),
    ],
)
def test_a_bound_that_both_have_is_kept_where_it_acts(distance: str, bound: str) -> None:
    assert checked(weighed(distance, bound)).defined.plain


@pytest.mark.parametrize(
    ("distance", "bound"),
    [
        ("clamp(abs(arange(L)[:, None] - arange(L)), max=63)", "min(abs(i - j), 64)"),
        ("clamp(abs(arange(L)[:, None] - arange(L)), max=63)", "abs(i - j)"),
        ("abs(arange(L)[:, None] - arange(L))", "min(abs(i - j), 200)"),
        ("where(arange(L)[:, None] < arange(L) + 40, 1, 0)", "(1 if i < j + 41 else 0)"),
    ],
)
def test_another_bound_is_found_at_a_size_beyond_it(distance: str, bound: str) -> None:
    found = fault_of(weighed(distance, bound))
    assert found.rule.code == "LG408" and "setting: N=1, L=" in " ".join(found.notes)


def test_a_size_that_a_constraint_rules_out_is_not_tried() -> None:
    distance = "clamp(abs(arange(L)[:, None] - arange(L)), max=63)"
    assert checked(weighed(distance, "min(abs(i - j), 64)", constraints=["L <= 60"])).defined.plain


def counting(forward: str, definition: str) -> Program:
    return program(
        f"if training:\n    count = count + 1\ny = x * {forward}",
        definition=f"c = count + (1 if training else 0)\ncount = c\ny[n, i] = x[n, i] * {definition}",
        arguments={"dim": DIM, "steps": STEPS},
        buffers={"count": {"shape": [], "dtype": "int64", "init": "zeros"}},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
    )


def test_counts_are_compared_where_many_calls_have_been_made() -> None:
    assert checked(counting("clamp(double(count) / steps, max=1)", "min(c / steps, 1)")).defined.trained


@pytest.mark.parametrize("forward", ["clamp(double(count) / steps, max=2)", "(double(count) / steps)"])
def test_what_counts_come_to_late_is_found(forward: str) -> None:
    found = fault_of(counting(forward, "min(c / steps, 1)"))
    assert found.rule.code == "LG408" and any(note.startswith("calls before: ") for note in found.notes)
