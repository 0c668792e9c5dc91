"""Loops over a dimension: what one turn at symbols says of all turns, held against what many turns do."""

from textwrap import dedent
from typing import Any

import pytest
import sympy
from shipped import CheckedFiles, parameters
from small import DIM, Sized, fault_of, program, sized, spec

from layergen.checked import CheckedLayer
from layergen.prove.cost import Meter
from layergen.prove.formula import shown, symbol, value
from layergen.prove.hints import numbers
from layergen.prove.proven import Proof, Tried
from layergen.prove.turns import Turn, holds_at_every_turn
from layergen.resolve import resolve
from layergen.rules.loops import ChangingState
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import instance_of

LOOPS = ("ind_rnn", "mgu", "qrnn", "diagonal_ssm", "selective_ssm")
SEQUENCE: dict[str, Any] = {
    "parameters": {"w": {"shape": [3], "init": "constant(0.5)"}},
    "inputs": {"x": ["N", "L", 3]},
    "outputs": {"y": ["N", "L", 3]},
}


def layer(forward: str, **parts: Any) -> Sized:
    return sized(resolve(spec(dedent(forward), **{**SEQUENCE, **parts})))


def hold(found: CheckedLayer | Sized) -> Proof:
    """The first proof of a layer, whose formulas are those of a run at numbers: of its outputs, and of its costs."""
    proof = found.proofs[0]
    assert isinstance(proof, Proof), proof.reason
    setting = found.cases[0].setting
    at = numbers(found.program, setting).names
    run = Instance(found.program, setting).run(proof.training)
    for name, formulas in proof.outputs.items():
        assert tuple(value(formula, at) for formula in formulas) == tuple(run.outputs[name].shape)
    meter = Meter(instance_of(found.program, setting, Placement(gradients=True), on_data=False))
    with meter():
        meter.instance.run(training=True)
    assert {name: value(formula, at) for name, formula in proof.amounts.items()} == meter.amounts()
    return proof


@pytest.mark.parametrize("name", parameters(LOOPS))
def test_shipped_loops_cost_what_their_turns_cost(shipped: CheckedFiles, name: str) -> None:
    assert hold(shipped[name]).counts == ("L",)


PROVEN = {
    "a state and a list": """
        h = zeros_like(x[:, 0])
        ys = []
        for t, x_t in enumerate(unbind(x, 1)):
            h = tanh(x_t + w * h) / (t + 1)
            append(ys, h)
        y = stack(ys, dim=1)
    """,
    "an index": """
        h = zeros(N, 3)
        ys = []
        for t in range(L):
            h = tanh(x[:, t] * w + h)
            append(ys, h)
        y = stack(ys, 1)
    """,
    "the other way round": """
        h = zeros(N, 3)
        ys = []
        for x_t in reversed(unbind(x, 1)):
            h = tanh(x_t * w + h)
            append(ys, h)
        y = flip(stack(ys, -2), [1])
    """,
    "two lists at once": """
        ys = []
        for a, b in zip(unbind(x, 1), unbind(tanh(x), 1)):
            append(ys, a * w + b)
        y = stack(ys, 1)
    """,
    "a list that begins with something": """
        ys = [x[:, :1] * w]
        for x_t in unbind(x[:, 1:], 1):
            append(ys, x_t[:, None])
        y = cat(ys, 1)
    """,
    "a loop in a loop": """
        ys = []
        for x_n in unbind(x, 0):
            h = zeros(3)
            zs = []
            for x_t in unbind(x_n, 0):
                h = tanh(x_t * w + h)
                append(zs, h)
            append(ys, stack(zs))
        y = stack(ys)
    """,
    "one list of two loops": """
        ys = []
        for x_n in unbind(x, 0):
            for x_t in unbind(x_n, 0):
                append(ys, x_t * w)
        y = reshape(stack(ys), [N, L, 3])
    """,
    "what was joined is run over": """
        ys = []
        for x_t in unbind(x, 1):
            append(ys, x_t * w)
        zs = []
        for t, y_t in enumerate(ys):
            append(zs, y_t + ys[-1] + t)
        y = stack(zs, 1) / len(ys)
    """,
    "a range from one to another": """
        ys = [x[:, 0] * w]
        for t in range(1, L):
            append(ys, x[:, t] - x[:, t - 1])
        y = stack(ys, 1)
    """,
}


@pytest.mark.parametrize("forward", PROVEN.values(), ids=PROVEN)
def test_a_turn_stands_for_all(forward: str) -> None:
    found = layer(forward)
    assert found.proven and hold(found).counts


def test_an_argument_may_say_how_often() -> None:
    times = {"times": {"type": "int", "min": 1, "doc": "Times."}}
    found = layer("h = x\nfor _ in range(times):\n    h = tanh(h * w)\ny = h", arguments=times)
    assert hold(found).counts == ("times",)


TRIED = {
    "the condition `t > 0` depends on the turn of the loop": """
        h = x[:, 0]
        for t, x_t in enumerate(unbind(x, 1)):
            if t > 0:
                h = tanh(x_t * w + h)
        y = x + h[:, None]
    """,
    "`k` is another number at each turn of the loop": """
        k = 1
        h = x[:, 0]
        for x_t in unbind(x, 1):
            k = 2 * k % 7
            h = h + x_t * w * k
        y = x + h[:, None]
    """,
    "a list is read while it grows": """
        ys = [x[:, 0]]
        for x_t in unbind(x, 1):
            append(ys, ys[-1] * w + x_t)
        y = stack(ys, 1)[:, 1:]
    """,
    "a part is taken of a list whose length is a dimension": """
        ys = []
        for x_t in unbind(x, 1):
            append(ys, x_t * w)
        y = stack(ys[:1], 1) + x
    """,
    "the list `ys`, which grows in a loop, has another name too": """
        ys = []
        zs = ys
        for x_t in unbind(x, 1):
            append(ys, x_t * w)
        y = stack(zs, 1)
    """,
}


@pytest.mark.parametrize("reason", TRIED)
def test_turns_that_differ_are_tried(reason: str) -> None:
    (found,) = layer(TRIED[reason]).proofs
    assert isinstance(found, Tried) and found.reason == reason


def test_a_state_keeps_its_shape() -> None:
    forward = "h = zeros(3)\nfor x_t in unbind(x, 1):\n    h = tanh(x_t * w + h)\ny = x + h[:, None]"
    finding = fault_of(program(forward, **SEQUENCE))
    assert finding.rule is ChangingState
    assert finding.message == "`h` is [3] before the loop, and [N, 3] after a turn of it"


def test_a_shape_of_one_turn_is_not_taken_for_that_of_all() -> None:
    """At the last turn, a dimension is 1 that is longer at others, and torch writes the shape otherwise."""
    shape = ["N", "2 ** depth"]
    parts = {"arguments": {"depth": {**DIM, "max": 4}}, "inputs": {"x": shape}, "outputs": {"y": shape}}
    forward = """
        h = x
        for k in range(depth):
            h = reshape(h, [N, 2 ** k, 2, 2 ** (depth - k - 1)])
            h = stack([h[:, :, 0] + h[:, :, 1], h[:, :, 0] - h[:, :, 1]], dim=2)
            h = reshape(h, [N, 2 ** depth])
        y = h
    """
    found = sized(resolve(spec(dedent(forward), **parts))).proofs
    assert all(isinstance(proof, Tried) and "of the loop" in proof.reason for proof in found)


def test_an_index_past_the_end_is_found() -> None:
    forward = "ys = []\nfor t in range(L):\n    append(ys, x[:, t + 1] * w)\ny = stack(ys, 1)"
    assert "out of bounds" in fault_of(program(forward, **SEQUENCE)).message


def test_lists_of_two_lengths_do_not_go_together() -> None:
    parts = {**SEQUENCE, "inputs": {"x": ["N", "L", 3], "z": ["N", "M", 3]}}
    forward = "ys = []\nfor a, b in zip(unbind(x, 1), unbind(z, 1)):\n    append(ys, a * w + b)\ny = stack(ys, 1)"
    assert fault_of(program(forward, **parts)).message == "`zip` fails: the lists have L and M items"


N, T = symbol("N"), sympy.Symbol("t", integer=True, nonnegative=True)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (sympy.Lt(T, N), True), (sympy.Le(T + 1, N), True), (sympy.Lt(T + 1, N), False), (sympy.Ge(T, 0), True),
        (sympy.Ge(T, 1), False), (sympy.Ne(T + 1, 0), True), (sympy.Ne(T, 0), False), (sympy.Eq(T, 0), False),
        (sympy.And(T >= 0, T <= N), True), (sympy.Or(T >= 1, T <= N), True), (sympy.Lt(T * T, N), False),
        (sympy.Ge(N * T, T), True),
    ],
)  # fmt: skip
def test_what_holds_at_every_turn(condition: Any, holds: bool) -> None:
    assert holds_at_every_turn(condition, [Turn(T, N)]) is holds, shown(condition)


TAKEN_APART = {"arguments": {"dim": {**DIM, "min": 2}}, "constraints": ["dim % 2 == 0"]}


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("a, b = unbind(x, 1)\ny = a * b", {"constraints": ["L == 2"], "inputs": {"x": ["N", "L", 3]}}),
        ("a, b = unbind(unflatten(x, -1, [-1, 2]), -1)\ny = a * b", {**TAKEN_APART, "inputs": {"x": ["N", "dim"]}}),
    ],
)
def test_a_list_of_as_many_items_as_there_are_names_is_taken_apart(forward: str, parts: dict[str, Any]) -> None:
    outputs = {"y": ["N", 3] if "arguments" not in parts else ["N", "dim // 2"]}
    assert sized(program(forward, **{**parts, "outputs": outputs})).cases


@pytest.mark.parametrize(
    ("forward", "names"),
    [("a, b = unbind(x, 1)\ny = a * b", "L"), ("a, b = unbind(unflatten(x, -1, [3, -1]), 1)\ny = a * b", "3")],
)
def test_a_list_of_another_length_than_there_are_names_is_a_fault(forward: str, names: str) -> None:
    found = fault_of(program(forward, inputs={"x": ["N", "L"]}, outputs={"y": ["N"]}, constraints=["L % 3 == 0"]))
    assert f"2 names for {names} values" in found.message.replace("`", "")


def test_a_list_is_not_taken_apart_while_it_grows() -> None:
    forward = (
        "ys = []\nfor x_t in unbind(x, 1):\n    append(ys, x_t)\n    a, b = ys\ny = stack(ys, 1) + (a * b)[:, None]"
    )
    assert fault_of(program(forward, **SEQUENCE)).message == "2 names for 1 values"
