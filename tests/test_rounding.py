"""How closely layers keep to their values in half precision, as the build sees it."""

from typing import Any

import pytest
from small import DIM, checked, program

from layergen.measure.rounding import Rounding
from layergen.resolve.program import Program

LABELED: dict[str, Any] = {
    "inputs": {"x": ["N", 4], "labels": {"shape": ["N"], "dtype": "int64", "range": [0, 4]}},
    "outputs": {"loss": []},
}
DISAGREEMENT = """
p = softmax(upcast(x), dim=1)
grades = upcast(arange(4))
apart = abs(grades[:, None] - grades)
chance = sum(apart * outer(mean(type_as(one_hot(labels, 4), p), dim=0), sum(p, dim=0)))
loss = loss_as(log(sum(apart[labels] * p) / (chance + 1e-7) + 1e-7), x)
"""
NORM = "h = {}\ny = type_as(h * rsqrt(mean(square(h), dim=-1, keepdim=True) + 0.1), x)"


def seen(layer: Program) -> Rounding:
    return checked(layer).measured.rounding


def test_what_is_computed_wide_is_rounded_once() -> None:
    assert seen(program(NORM.format("upcast(x)"))) is Rounding.ONCE_THROUGHOUT


def test_a_function_that_float32_computes_badly_of_large_numbers_is_not_held_to_it_there() -> None:
    assert seen(program("y = type_as(sin(upcast(x) * 1.1) + 2, x)")) is Rounding.ONCE
    assert seen(program("y = type_as(upcast(x) ** 2 + 1, x)")) is Rounding.ONCE_THROUGHOUT


@pytest.mark.parametrize(
    ("scaled", "kept"), [("upcast(x)", Rounding.ONCE_THROUGHOUT), ("upcast(x * 1.1)", Rounding.ONCE)]
)
def test_numbers_too_small_for_half_precision_may_become_zero(scaled: str, kept: Rounding) -> None:
    layer = program(f"y = type_as(softmax({scaled}, dim=1), x)", inputs={"x": ["N", "C"]}, outputs={"y": ["N", "C"]})
    assert seen(layer) is kept


@pytest.mark.parametrize("forward", [NORM.format("x * 3"), "y = tanh(exp(x * 0.5) - 1)"])
def test_what_is_computed_in_half_precision_is_near(forward: str) -> None:
    assert seen(program(forward)) is Rounding.NEAR


@pytest.mark.parametrize(
    "parts",
    [
        {"forward": "y = x + one_hot(argmax(x, dim=1), C)"},  # which leaps
        {"forward": "y = dropout(x, 0.5)", "random": "always"},  # which draws other numbers
    ],
)
def test_of_what_leaps_or_draws_nothing_is_told(parts: dict[str, Any]) -> None:
    assert seen(program(**parts)) is Rounding.UNTOLD


TRAINED = """\
if training:
    square = {}
    running = type_as(square, running)
else:
    square = type_as(running, upcast(x))
y = type_as(upcast(x) * rsqrt(square + 0.1), x)
"""


@pytest.mark.parametrize(
    ("square", "held"), [("mean(square(upcast(x)), dim=0)", True), ("upcast(mean(square(x), dim=0))", False)]
)
def test_what_training_rounds_more_often_is_held_to_in_evaluation_alone(square: str, held: bool) -> None:
    running = {"running": {"shape": ["dim"], "init": "ones"}}
    layer = program(
        TRAINED.format(square),
        arguments={"dim": DIM},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
        buffers=running,
        mixes={"N": "training"},
    )
    found = checked(layer)
    assert found.measured.rounding is Rounding.ONCE_THROUGHOUT
    assert found.measured.rounds_in_training == held


@pytest.mark.parametrize(
    ("forward", "held"),
    [
        ("y = square(relu(x))", True),
        ("y = square(relu(x) * 4) / 16", False),
        ("y = x * clamp(x + 3, 0, 6) / 6", False),
        ("y = hardswish(x)", True),
        ("y = x / sqrt(mean(square(x), dim=1, keepdim=True) + 1)", False),
    ],
)
def test_what_overflows_in_between_is_told(forward: str, held: bool) -> None:
    assert checked(program(forward)).measured.any_size == held


@pytest.mark.parametrize(
    ("forward", "handed"),
    [
        ("y = relu(x)", {"x": ("y",)}),
        ("y = where(x > 0, x, 0 * x)", {"x": ("y",)}),
        ("y = where(x > 0, x, zeros_like(x))", {}),
        ("y = x[:, :1] + where(x > 0, x, zeros_like(x))", {"x": ("y",)}),
    ],
)
def test_outputs_are_nan_where_inputs_are(forward: str, handed: dict[str, tuple[str, ...]]) -> None:
    assert checked(program(forward)).measured.unknown == handed


def test_what_is_random_in_training_is_held_to_in_evaluation_alone() -> None:
    assert not checked(program("y = dropout(x, 0.5, training)")).measured.rounds_in_training


def test_a_loss_of_which_nothing_is_left_where_labels_are_alike_is_held_to_nothing() -> None:
    assert seen(program(DISAGREEMENT, **LABELED)) is Rounding.UNTOLD
    plain = "loss = loss_as(mean(square(upcast(x)) + labels[:, None]), x)"
    assert seen(program(plain, **LABELED)) in (Rounding.ONCE, Rounding.ONCE_THROUGHOUT)
