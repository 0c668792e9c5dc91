"""How far layers are off in narrower dtypes, at inputs at which slips of their casts are found."""

from typing import Any

import pytest
import torch
from small import DIM, program, settings_of, weight

from layergen.lang import expression as ex
from layergen.measure.narrowed import (
    FAR,
    FLOOR_IN_FLOAT32,
    FLOOR_OF_PRODUCTS,
    FLOOR_ON_AVERAGE,
    LOW,
    ONCE,
    WIDE,
    Narrowed,
    narrowed,
)
from layergen.measure.slips import slips
from layergen.probe.digits import mean_off, units_off
from layergen.run.watching import Runs

NUMBER: dict[str, Any] = {"outputs": {"y": ["N"]}}
LINEAR: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "parameters": weight("normal", "dim", "dim"),
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


def rows_of(forward: str, **parts: Any) -> tuple[Narrowed, ...]:
    layer = program(forward, **parts)
    return narrowed(layer, [Runs(layer, setting, ()) for setting in settings_of(layer)])


def found(forward: str, **parts: Any) -> list[Narrowed]:
    """The rows in half precision, in which slips are found."""
    return [row for row in rows_of(forward, **parts) if row.dtype is not torch.float32]


def test_a_cast_that_is_left_out_is_found() -> None:
    (row,) = found("y = type_as(log1p(exp(upcast(x))), x)")
    assert row.units == {"y": ONCE}


def test_a_cast_that_makes_no_difference_needs_no_row() -> None:
    assert found("y = type_as(2 * upcast(x), x)") == []


def test_what_casts_nothing_has_no_row_in_half_precision() -> None:
    assert found("y = sum(x * x, dim=-1)", **NUMBER) == []


def test_the_slips_of_a_penalty_are_found() -> None:
    penalty = "sum(square(matmul(upcast(weight), transpose(upcast(weight), 0, 1)) - eye(dim)))"
    layer = program("y = linear(x, weight)", penalty=penalty, **LINEAR)
    assert len(list(slips(layer))) == 3  # each cast, and both
    assert any("penalty()" in row.units for row in found("y = linear(x, weight)", penalty=penalty, **LINEAR))


def test_autocast_that_is_let_in_is_found() -> None:
    forward = "y = type_as(linear(upcast(x), upcast(weight)), x)"
    assert len(list(slips(program(forward, **LINEAR)))) == 5
    assert any(row.lowered and row.units["y"] < 1 for row in rows_of(forward, **LINEAR))


def test_autocast_that_is_let_into_a_loop_is_found() -> None:
    loop = "h = upcast(x)\nfor _ in range(3):\n    h = tanh(linear(h, upcast(weight)))\ny = type_as(h, x)"
    (kept,) = (slip for slip in slips(program(loop, **LINEAR)) if slip.lowers)
    assert isinstance(kept.places[0], ex.Assign)
    assert any(row.lowered and row.units["y"] < 1 for row in rows_of(loop, **LINEAR))


DISTANT: dict[str, Any] = {
    **LINEAR,
    "arguments": {"dim": DIM, "count": DIM},
    "parameters": weight("uniform(2, 3)", "count", "dim"),
    "cases": [{"dim": 3, "count": 32, "N": 100}],
}
NEAREST = "d = sum(square({}[:, None] - {}), dim=-1)\ny = index_select(weight, 0, argmin(d, dim=1))"


def test_casts_that_make_up_for_each_other_are_left_out_together() -> None:
    """Of a difference, one operand in float32 is enough."""
    both, neither = (NEAREST.format(*names) for names in (("upcast(x)", "upcast(weight)"), ("x", "weight")))
    each = list(slips(program(both, **DISTANT)))
    assert [len(slip.places) for slip in each] == [1, 1, 2]
    assert any("y" in row.units for row in found(both, **DISTANT))
    assert not any(row.units for row in rows_of(neither, **DISTANT) if row.dtype is not torch.float32)


def test_an_output_is_held_on_average_where_its_numbers_round_more_than_once() -> None:
    loop = "h = linear(x, weight)\ny = type_as(tanh(upcast(h)) @ upcast(weight), x)"
    parts = {**LINEAR, "cases": [{"dim": 7, "N": 9}]}
    means = [row.means["y"] for row in rows_of(loop, **parts) if "y" in row.means]
    assert means and all(FLOOR_ON_AVERAGE <= mean < FLOOR_OF_PRODUCTS / 2 for mean in means)
    assert not any(row.means for row in rows_of("y = type_as(tanh(upcast(x)), x)"))


def test_what_is_off_on_average_is_so_beside_the_size_of_all_numbers() -> None:
    exact = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert mean_off(exact + torch.tensor([0.3, 0.4]), exact, torch.float16) == pytest.approx(0.1 * 1024, rel=1e-6)
    assert mean_off(exact, exact, torch.float16) == 0
    assert mean_off(exact * torch.nan, exact, torch.float16) == torch.inf


def test_each_layer_runs_under_autocast() -> None:
    (row,) = rows_of("y = linear(x, weight)", **LINEAR)
    assert row.lowered
    assert row.units["y"] >= FLOOR_OF_PRODUCTS


def test_what_is_random_is_held_to_its_dtype_alone() -> None:
    (row,) = rows_of("y = x + randn_like(x)")
    assert (row.lowered, row.units) == (True, {})


def test_buffers_are_held_to_what_they_become() -> None:
    parts: dict[str, Any] = {"buffers": {"size": {"shape": [], "init": "ones"}}, "mixes": {"N": "training"}}
    rows = rows_of("if training:\n    size = lerp(size, type_as(mean(abs(x)), size), 0.1)\ny = x * size", **parts)
    assert any("size" in row.units for row in rows if row.training)


def test_differences_are_compared_far_from_zero() -> None:
    rows = rows_of("y = x - mean(x, dim=-1, keepdim=True)")
    assert [row.scale.shift for row in rows if row.scale.shift] == [FAR]
    assert not any(row.scale.shift for row in rows_of("y = tanh(x)"))


def test_what_comes_out_in_a_wider_dtype_is_held_to_its_digits() -> None:
    (row,) = rows_of("y = tanh(x)")
    assert row.units == {"y": 2 * WIDE}


def test_digits_are_compared_near_to_zero_where_an_op_keeps_them() -> None:
    assert any(row.scale.times == 1e-6 for row in rows_of("y = log1p(square(x) + abs(x))"))
    assert not any(row.scale.times == 1e-6 for row in rows_of("y = log(square(x) + 1)"))


def test_numbers_that_a_dtype_does_not_hold_are_left_out() -> None:
    exact = torch.tensor([1e6, 1.0], dtype=torch.float64)
    found = torch.tensor([torch.inf, 1.0], dtype=torch.float16)
    assert units_off(found, exact, torch.float16, 0.01) == 0
    assert units_off(found[1:] * 0, exact[1:], torch.float16, 0.01) == 1 / torch.finfo(torch.float16).eps
    assert units_off(found[1:] * torch.nan, exact[1:], torch.float16, 0.01) > 1e6


def test_what_exponentials_of_parameters_leave_is_held_in_float32_where_these_are_low() -> None:
    rate = {"rate": {"shape": ["dim"], "init": "zeros", "doc": "Rate."}}
    parts: dict[str, Any] = {**LINEAR, "parameters": rate}
    (row,) = (row for row in rows_of("y = x * expm1(exp(rate))", **parts) if row.weights)
    assert (row.dtype, row.weights) == (torch.float32, LOW)
    assert row.units["y"] >= FLOOR_IN_FLOAT32
    assert not any(row.weights for row in rows_of("y = x * exp(rate)", **parts))
    assert not any(row.weights for row in rows_of("y = log1p(exp(x))"))
