"""What layers give at inputs that are all zero, all equal or very large."""

from typing import Any

import pytest
from small import DIM, program, settings_of, weight

from layergen.measure.extremes import COUNTED, EQUAL, HEAVY, LENGTH, ZERO, Extreme, extremes
from layergen.run.watching import Runs

SEQUENCE: dict[str, Any] = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}


def rows_of(forward: str, **parts: Any) -> tuple[Extreme, ...]:
    layer = program(forward, **parts)
    return extremes(layer, [Runs(layer, setting, ()) for setting in settings_of(layer)])


def found(forward: str, **parts: Any) -> dict[tuple[float, float], Extreme]:
    return {(row.scale.times, row.scale.shift): row for row in rows_of(forward, **parts) if row.longer is None}


def test_what_is_sensitive_to_nothing_is_compared_at_large_inputs_alone() -> None:
    assert [*found("y = 2 * x + relu(x)")] == [(1e12, 0.0)]


def test_what_gives_nothing_is_not_compared() -> None:
    assert found("y = relu(-square(x))") == {}
    assert [*found("y = where(abs(x) < 100, x, 0)")] == [(30.0, 0.0)]


def test_what_knows_positions_is_compared_at_a_long_dimension() -> None:
    forward = "y = x * type_as(arange(L), x)"
    (row,) = (one for one in rows_of(forward, **SEQUENCE) if one.longer)
    assert row.longer is not None
    assert row.longer.setting.sizes["L"] == COUNTED[0]
    assert row.longer.trial.outputs["y"].shape[1] == COUNTED[0]
    assert not any(one.longer for one in rows_of("y = 2 * x", **SEQUENCE))


def test_what_counts_no_positions_is_not_compared_at_so_long_a_dimension() -> None:
    (row,) = (one for one in rows_of("y = where(x > 0, x, 2 * x)", **SEQUENCE) if one.longer)
    assert row.longer is not None
    assert row.longer.setting.sizes["L"] == LENGTH


def test_positions_in_a_batch_are_compared_at_a_large_one() -> None:
    forward = "y = x * type_as(arange(N), x)[:, None]"
    first = next(one for one in rows_of(forward, **SEQUENCE) if one.longer)
    assert first.longer is not None
    assert first.longer.setting.sizes["N"] == COUNTED[0]


def test_a_dimension_too_long_to_count_along_is_a_shorter_one() -> None:
    forward = "y = x * type_as(arange(L), x)"
    (row,) = (one for one in rows_of(forward, **SEQUENCE, constraints=["L < 200"]) if one.longer)
    assert row.longer is not None
    assert row.longer.setting.sizes["L"] == LENGTH


@pytest.mark.parametrize(
    ("broadcast", "run", "shapes"),
    [
        (True, ["..."], ((3, 2, 3), (2, 1))),
        ("sizes", ["..."], ((3, 2, 3), (1, 2, 1))),
        (True, ["N", "C"], ((2, 7), (1,))),
        ("sizes", ["N", "C"], ((2, 7), (1, 7))),
        ("sizes", ["N"], ((2,), (1,))),
    ],
)
def test_what_is_broadcast_is_compared_with_ones_on_either_side(
    broadcast: Any, run: list[str], shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    inputs = {"x": run, "v": {"shape": run, "broadcast": broadcast, "range": [0.5, 2]}}
    (row,) = (one for one in rows_of("y = x * v", inputs=inputs, outputs={"y": run}) if one.longer)
    assert row.longer is not None
    given = row.longer.trial.inputs
    assert tuple(facts.shape for facts in (given["x"], given["v"]) if facts is not None) == shapes


def test_an_exponential_is_compared_at_large_inputs() -> None:
    assert [*found("y = softplus(x)")] == [(1e12, 0.0)]


def test_large_inputs_are_such_that_all_is_finite() -> None:
    assert [*found("y = exp(x)")] == [(30.0, 0.0)]
    assert found("y = exp(exp(x))") == {}


def test_a_root_is_compared_at_zero_and_at_equal_numbers() -> None:
    rows = found("y = x / sqrt(mean(square(x), dim=-1, keepdim=True) + 1e-5)")
    assert [*rows] == [(0.0, 0.0), (0.0, 0.5), (1e12, 0.0)]
    assert rows[0.0, 0.0].scale == ZERO
    assert rows[0.0, 0.5].scale == EQUAL
    assert rows[0.0, 0.0].values["training"]["gradient of x"] is not None


def test_a_gradient_that_leaps_is_finite() -> None:
    row = found("y = x / (1 + abs(x)) + abs(x)")[0.0, 0.0]
    assert row.values["training"] == {"y": (0.0, 0.0, 0.0), "gradient of x": None}


def test_what_leaps_itself_is_compared_nowhere() -> None:
    assert found("y = sign(x) / (1 + square(x))").keys() == {(0.0, 0.5), (1e3, 0.0)}


def test_what_is_no_number_is_compared_nowhere() -> None:
    assert found("y = x / linalg.vector_norm(x, dim=-1, keepdim=True)").keys() == {(0.0, 0.5), (1e12, 0.0)}


def test_a_gradient_that_is_no_number_is_left_out() -> None:
    rows = found("y = sqrt(sum(square(x), dim=-1))", outputs={"y": ["N"]})
    assert rows[0.0, 0.0].values["training"].keys() == {"y"}


def test_inputs_with_a_range_have_no_extremes() -> None:
    assert found("y = log(x)", inputs={"x": {"shape": ["N", "C"], "range": [1, 2]}}) == {}


def test_members_have_a_say() -> None:
    parts = {"modules": {"act": "nn.Softplus()"}}
    assert (1e12, 0.0) in found("y = act(x)", **parts)


def test_parameters_are_ten_times_as_large() -> None:
    parts = {"arguments": {"dim": DIM}, "parameters": weight("ones", "dim"), "inputs": {"x": ["N", "dim"]}}
    rows = rows_of("y = x * clamp(weight, max=2)", **parts, outputs={"y": ["N", "dim"]})
    (heavy,) = (row for row in rows if row.scale == HEAVY)
    assert heavy.values["training"].keys() == {"y", "gradient of x", "gradients of parameters"}
    assert not any(row.scale == HEAVY for row in rows_of("y = 2 * x"))


def test_what_overflows_in_float32_alone_is_compared_in_float64_alone() -> None:
    assert found("y = logsumexp(4 * log(abs(x) + 1), dim=-1)", outputs={"y": ["N"]})[1e12, 0.0].single
    assert not found("y = log(sum(exp(4 * log(abs(x) + 1)), dim=-1))", outputs={"y": ["N"]})[1e12, 0.0].single


def test_other_numbers_are_compared_at_large_inputs() -> None:
    rate = {"rate": {"type": "float", "min": 0, "exclusive": True, "default": 2.0, "doc": "Rate."}}
    layer = program("y = softplus(rate * x)", arguments=rate)
    usual, moved, *_ = [Runs(layer, setting, ()) for setting in settings_of(layer)]
    assert [row.setting for row in extremes(layer, [usual], [moved])] == ["default", "other_values"]


def test_steps_are_many_where_a_layer_takes_them() -> None:
    forward = """\
states = []
for x_t in unbind(x, 1):
    append(states, 2 * x_t)
y = stack(states, dim=1)"""
    found = [row.longer.setting.sizes["L"] for row in rows_of(forward, **SEQUENCE) if row.longer]
    assert found == [LENGTH]
