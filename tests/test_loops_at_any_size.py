"""What is moved out of loops gives what the spec gives at all sizes and ranks: no turn, one, as many as rows, more."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from lowered_alike import DOUBLE, attributes, generated, hold_closely
from small import DIM, FLAG, checked, forward_lines, program, setting_of

from layergen.lower.loops import arranged
from layergen.run.instance import Instance
from layergen.run.on_data import drawn, fill

MATRIX = {"shape": [3, 3], "init": "kaiming_uniform(a=1)"}
VECTOR = {"shape": [3], "init": "uniform(0.5, 1)"}
ROWS = {"shape": [2, 3], "init": "uniform(0.5, 1)"}
SIZES = {"equal": 2, "more": 5, "one": 1}


def collected(turn: str, value: str = "h") -> str:
    return f"h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n  {turn}\n  append(ys, {value})\ny = stack(ys, 1)"


def summed(turn: str) -> str:
    return f"h = zeros(N, 3)\nfor x_t in unbind(x, 1):\n  {turn}\ny = h[:, None] + 0 * sum(x, 1, keepdim=True)"


def compare(forward: str, sizes: dict[str, int], **more: Any) -> None:
    """Hold the generated code to the interpreter at sizes, outputs and gradients, in float64."""
    layer = program(forward, **{"inputs": {"x": ["N", "L", 3]}, "outputs": {"y": ["N", "K", 3]}, **more})
    base = setting_of(layer)
    with drawn():
        instance = Instance(layer, replace(base, sizes={name: sizes[name] for name in base.sizes}), DOUBLE)
        fill(instance)
    hold_closely(partial(generated(layer, with_checks=True), attributes(instance, training=True)), instance)


# What meets the dimensions of a step

BIASES = {
    "of each row, before": (collected("h = tanh(linear(x_t, w, rows) + h)"), ROWS),
    "of each row, by its word": (collected("h = tanh(linear(x_t, w, bias=rows) + h)"), ROWS),
    "of each row, behind": (collected("h = h + x_t", "linear(h, w, rows)"), ROWS),
    "of all rows": (collected("h = h + x_t", "tanh(linear(h, w, rows))"), {**ROWS, "shape": [1, 3]}),
}


@pytest.mark.parametrize("steps", SIZES)
@pytest.mark.parametrize("name", BIASES)
def test_a_bias_of_several_dimensions_stays_in_the_turn(name: str, steps: str) -> None:
    forward, bias = BIASES[name]
    parts = {
        "parameters": {"w": MATRIX, "rows": bias},
        "inputs": {"x": [2, "L", 3]},
        "outputs": {"y": [2, "L", 3]},
    }
    forward = forward.replace("N", "2")
    assert arranged(program(forward, **parts)).moved == ()
    compare(forward, {"N": 2, "L": SIZES[steps]}, **parts)


@pytest.mark.parametrize(
    ("forward", "line"),
    [
        (collected("h = tanh(linear(x_t, w, b) + h)"), "projected = F.linear(x, self.w, self.b)"),
        (
            collected("h = tanh(linear(x_t, bias=b, weight=w) + h)"),
            "projected = F.linear(x, bias=self.b, weight=self.w)",
        ),
        (collected("h = h + x_t", "linear(h, w, b)"), "return F.linear(all_h, self.w, self.b)"),
    ],
)
def test_a_bias_of_one_dimension_leaves_it(forward: str, line: str) -> None:
    parts = {"parameters": {"w": MATRIX, "b": VECTOR}, "outputs": {"y": ["N", "L", 3]}}
    assert line in forward_lines(program(forward, **{"inputs": {"x": ["N", "L", 3]}, **parts}))
    compare(forward, {"N": 2, "L": 2}, **parts)


def test_maps_of_a_family_leave_it() -> None:
    forward = collected("h = tanh(linear(x_t, ws[0], bs[1]) + h)")
    family = {name: {**part, "each": {"k": 2}} for name, part in {"ws": MATRIX, "bs": VECTOR}.items()}
    written = forward_lines(
        program(forward, parameters=family, inputs={"x": ["N", "L", 3]}, outputs={"y": ["N", "L", 3]})
    )
    assert "projected = F.linear(x, self.ws[0], self.bs[1])" in written


def test_what_has_any_number_of_dimensions_is_left_where_it_is() -> None:
    forward = (
        "h = 0 * x[0]\nys = []\nfor x_t in unbind(x, 0):\n  h = tanh(h + 2 * x_t)\n  append(ys, exp(h))\ny = stack(ys)"
    )
    sizes = {"inputs": {"x": ["S..."]}, "outputs": {"y": ["S..."]}}
    assert arranged(program(forward, **sizes)).moved == ()


def test_steps_without_dimensions_keep_the_dtype_that_they_have_with_another_number() -> None:
    """Of float32 and a number in float64, both without dimensions, comes float64; of a vector and it float32."""
    forward = "h = zeros([], dtype=float64)\nfor x_t in unbind(x, 0):\n  h = h + {}\ny = h + 0 * sum(x)"
    parts = {
        "inputs": {"x": ["L"]},
        "outputs": {"y": {"shape": [], "dtype": "float64"}},
        "buffers": {"c": {"shape": [], "init": "ones", "dtype": "float64"}},
    }
    assert arranged(program(forward.format("x_t * c"), **parts)).moved == ()
    assert arranged(program(forward.format("x_t * 2"), **parts)).moved


# No turn

FAILING = {
    "a reduction": "h = tanh(h + x_t - amax(x, dim=1))",
    "an entry": "h = h + x_t * softmax(x[:, 0], dim=1)",
    "an entry by its op": "h = h + x_t * softmax(select(x, 1, 0), dim=1)",
    "a pool": "h = h + x_t * max_pool1d(transpose(x, 1, 2), 1)[:, :, 0]",
    "a quotient": "h = h + x_t * sum(exp(w * (1 / L)), 0)",
    "a quotient with a step": "h = h + x_t * (1 / L)",
    "a weight of a map": "h = h + linear(x_t, w * (1 / L))",
    "a factory": "h = h + x_t * sum(exp(zeros(N, L - 1, 3)), 1)",
}
HARMLESS = {
    "a sum": "h = tanh(h + x_t - sum(x, dim=1))",
    "a map": "h = tanh(linear(x_t, w) + h)",
    "a function": "h = h * sum(exp(w[None, :, :]), 1) + x_t",
    "a product": "h = h @ transpose(w, 0, 1) + 2 * x_t",
}
OWNED = {"parameters": {"w": MATRIX}, "outputs": {"y": ["N", 1, 3]}}


def alone(forward: str, **more: Any) -> tuple[str, ...]:
    return arranged(program(forward, **{"inputs": {"x": ["N", "L", 3]}, **OWNED, **more})).moved


def with_weights(turn: str) -> dict[str, Any]:
    return OWNED if "w" in turn else {"outputs": OWNED["outputs"]}


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_without_steps_stays_in_a_loop_that_may_take_no_turn(name: str) -> None:
    turn = FAILING[name]
    for steps in (0, 3):
        compare(summed(turn), {"N": 2, "L": steps}, **with_weights(turn))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_cannot_fail_is_moved(name: str) -> None:
    turn = HARMLESS[name]
    assert alone(summed(turn))
    for steps in (0, 3):
        compare(summed(turn), {"N": 2, "L": steps}, **with_weights(turn))


@pytest.mark.parametrize("name", ["a reduction", "an entry", "a quotient", "a quotient with a step"])
def test_all_is_moved_out_of_a_loop_that_surely_turns(name: str) -> None:
    turn = FAILING[name]
    assert alone(summed(turn)) == ()
    assert alone(summed(turn), constraints=["L >= 1"])
    assert alone(summed(turn), constraints=["L % 2 == 0"]) == ()
    assert alone(collected(turn), outputs={"y": ["N", "L", 3]})  # a list without items is none to join


def test_a_count_that_is_at_least_one_is_a_turn() -> None:
    forward = summed("h = h + amax(x, dim=1)").replace("x_t in unbind(x, 1)", "_ in range({})")
    arguments = {"n": DIM, "m": {**DIM, "min": 0}}
    moved = {count: bool(alone(forward.format(count), arguments=arguments)) for count in ("n", "m", "2", "L")}
    assert moved == {"n": True, "m": False, "2": True, "L": False}


def test_a_list_that_is_joined_on_a_condition_may_be_empty() -> None:
    joint = "y = sum(stack(ys, 1), 1, keepdim=True) if joined else 3 * sum(x, 1, keepdim=True)"
    forward = collected("h = h + x_t", "exp(h)").replace("y = stack(ys, 1)", joint)
    parts = {"outputs": {"y": ["N", 1, 3]}, "arguments": {"joined": {**FLAG, "default": False}}}
    assert alone(forward, **parts) == ()
    for steps in (0, 3):
        compare(forward, {"N": 2, "L": steps}, **parts)


# Settings at which no turn is taken


def bounds(forward: str, **more: Any) -> list[str]:
    layer = checked(program(forward, **{"inputs": {"x": ["N", "L", 3]}, "outputs": {"y": ["N", 1, 3]}, **more}))
    return [case.setting.name for case in layer.bounds]


def test_a_loop_is_tried_without_a_turn() -> None:
    assert "without_a_turn" in bounds(summed("h = tanh(h + x_t - amax(x, dim=1))"))


@pytest.mark.parametrize(
    ("definition", "tried"),
    [
        ("h[-1, n, i] = 0\nh[t, n, i] = tanh(h[t - 1, n, i] + x[n, t, i])\ny[n, k, i] = h[L - 1, n, i]", True),
        # Of the state before the first step this says nothing.
        (
            "h[0, n, i] = tanh(x[n, 0, i])\nh[t, n, i] = tanh(h[t - 1, n, i] + x[n, t, i])\n"
            "y[n, k, i] = h[L - 1, n, i]",
            False,
        ),
    ],
)
def test_a_definition_need_not_speak_of_no_step(definition: str, tried: bool) -> None:
    assert ("without_a_turn" in bounds(summed("h = tanh(h + x_t)"), definition=definition)) == tried


def test_a_loop_that_asks_for_a_turn_is_not() -> None:
    assert "without_a_turn" not in bounds(collected("h = tanh(h + x_t)"), outputs={"y": ["N", "L", 3]})
    assert "without_a_turn" not in bounds(summed("h = tanh(h + x_t)"), constraints=["L >= 1"])
