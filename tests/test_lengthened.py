"""Long dimensions: which a layer steps or counts along, and how far half precision is off there."""

from typing import Any

import pytest
from small import DIM, program, settings_of

from layergen.measure.lengthened import LENGTH, Lengthened, lengthened, stepped
from layergen.run.trial import SHAPES
from layergen.run.watching import Runs

SCAN = """\
fade = exp(-exp({rate}))
state = type_as(zeros(N, dim), fade)
states = []
for x_t in unbind({x}, 1):
    state = fade * state + x_t
    append(states, state)
y = type_as(stack(states, dim=1), x)"""
SEQUENCE: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "parameters": {"rate": {"shape": ["dim"], "init": "constant(-4)"}},
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "L", "dim"]},
}


def found(forward: str, **parts: Any) -> tuple[Lengthened, ...]:
    layer = program(forward, **parts)
    return lengthened(layer, [Runs(layer, setting, (SHAPES,)) for setting in settings_of(layer)])


def test_a_layer_that_steps_is_tried_at_a_long_sequence() -> None:
    (longer,) = found(SCAN.format(rate="upcast(rate)", x="x"), **SEQUENCE)
    assert (longer.dimension, longer.setting.sizes["L"]) == ("L", LENGTH)
    assert 0.3 <= longer.units["y"] <= 0.5


def test_of_what_computes_in_half_precision_anyway_only_slopes_are_measured_there() -> None:
    (longer,) = found(SCAN.format(rate="rate", x="x"), **SEQUENCE)
    assert (longer.dimension, longer.setting.sizes["L"], longer.units) == ("L", LENGTH, {})


def test_what_neither_steps_nor_counts_is_tried_at_no_long_dimension() -> None:
    assert found("y = x", **SEQUENCE) == ()


def test_of_what_is_far_off_at_a_long_sequence_only_slopes_are_measured_there() -> None:
    bad = SCAN.format(rate="rate", x="x").replace(
        "y = type_as(stack(states, dim=1), x)", "h = upcast(x)\ny = type_as(stack(states, dim=1) + 0 * h, x)"
    )
    assert [longer.units for longer in found(bad, **SEQUENCE)] == [{}]


def test_a_single_number_tells_too_little() -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": []}}
    assert found("h = upcast(x)\ny = type_as(sum(h * cos(type_as(arange(L), h) / 4)), x)", **parts) == ()


def test_a_layer_that_counts_positions_is_tried_at_many() -> None:
    pair: dict[str, Any] = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
    counts = "h = upcast(x)\ny = type_as(h * cos(type_as(arange(L), h) / 4), x)"
    (longer,) = found(counts, **pair)
    assert longer.dimension == "L"
    assert found("h = upcast(x)\ny = type_as(h * cos(h), x)", **pair) == ()


def test_each_dimension_along_which_positions_are_counted_is_tried() -> None:
    image: dict[str, Any] = {"inputs": {"x": ["N", "H", "W"]}, "outputs": {"y": ["N", "H", "W"]}}
    forward = "h = upcast(x)\ny = type_as(h + type_as(arange(H), h)[:, None] / H + type_as(arange(W), h) / W, x)"
    assert [longer.dimension for longer in found(forward, **image)] == ["H", "W"]


def test_an_output_is_held_though_another_one_is_far_off() -> None:
    wide = SCAN.format(rate="upcast(rate)", x="x")
    narrow = SCAN.format(rate="rate", x="x").replace("y =", "z =")
    (longer,) = found(f"{wide}\n{narrow}", **{**SEQUENCE, "outputs": {"y": ["N", "L", "dim"], "z": ["N", "L", "dim"]}})
    assert list(longer.units) == ["y"]


def test_an_average_that_hangs_on_a_few_numbers_tells_nothing() -> None:
    few = "h = upcast(x)\np = type_as(arange(L), h)\ny = type_as(h * exp(-p), x)"
    assert found(few, inputs={"x": ["L"]}, outputs={"y": ["L"]}) == ()


@pytest.mark.parametrize(
    ("turns", "along"), [("unbind(x, 1)", ["L"]), ("unbind(x, 2)", ["dim_along"]), ("split(x, 1, dim=1)", ["L"])]
)
def test_steps_are_told_from_how_many_there_are(turns: str, along: list[str]) -> None:
    layer = program(
        f"h = x * 0\nfor part in {turns}:\n    h = h + sum(part)\ny = h",
        inputs={"x": ["N", "L", "dim_along"]},
        outputs={"y": ["N", "L", "dim_along"]},
    )
    assert list(stepped(layer, settings_of(layer)[0])) == along


def test_steps_of_a_fixed_number_are_along_no_dimension() -> None:
    layer = program("h = x\nfor turn in range(3):\n    h = tanh(h)\ny = h")
    assert not list(stepped(layer, settings_of(layer)[0]))
