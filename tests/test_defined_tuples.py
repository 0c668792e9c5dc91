"""Tuples of tensors in definitions: read and told by the names of their tensors."""

from typing import Any

import pytest
from small import DIM, FLAG, spec

from layergen.definition.evaluate import Evaluation
from layergen.definition.latex import latex, left_out
from layergen.definition.numbers import Entries
from layergen.definition.reading import check_definition, definition_of

STATE = {"tuple": {"h": ["N", "C"], "c": ["N", "C"]}}
PARTS: dict[str, Any] = {
    "inputs": {"x": ["N", "C"], "state": {**STATE, "optional": True}},
    "outputs": {"y": ["N", "C"], "state": STATE},
    "forward": "y = x\nstate = (x, x)",
}
TOLD = "\nstate.h[n, i] = x[n, i]\nstate.c[n, i] = x[n, i]"


def messages(text: str, **parts: Any) -> list[str]:
    return [finding.message for finding in check_definition(spec(definition=text, **{**PARTS, **parts}))]


def test_a_tensor_of_a_tuple_is_read_by_its_name() -> None:
    made = spec(definition=f"y[n, i] = x[n, i] + (state.c[n, i] if state is not None else 0){TOLD}", **PARTS)
    assert list(check_definition(made)) == []
    found = definition_of(made)
    assert found is not None
    x = Entries((1, 2), [1.0, 2.0])
    tensors = {"x": x, "state[0]": x, "state[1]": Entries((1, 2), [10.0, 20.0])}
    numbers = {"N": 1, "C": 2}
    assert Evaluation(found, numbers, tensors).entry("y", (0, 1)) == 22.0
    assert Evaluation(found, numbers, {"x": x, "state[0]": None, "state[1]": None}).entry("y", (0, 1)) == 2.0
    assert Evaluation(found, numbers, tensors).entry("state[1]", (0, 0)) == 1.0
    assert next(iter(latex(found))) == r"y_{n, i} = x_{n, i} + \mathrm{state.c}_{n, i}"
    assert left_out(found) == ("state",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"y[n, i] = state[n, i]{TOLD}", "`state` is a tuple of tensors"),
        (f"y[n, i] = state{TOLD}", "`state` is a tuple of tensors"),
        (f"y[n, i] = state.k[n, i]{TOLD}", "`state` has no `k`"),
        (f"y[n, i] = state.c{TOLD}", "`state[1]` has dimensions and no index"),
        ("y[n, i] = 1\nstate.h[n, i] = 1", "no equation says what the output `state.c` is"),
        (f"y[n, i] = 1\nstate.k[n, i] = 1{TOLD}", "`state.k` is no output"),
        (f"y[n, i] = 1\nstate[n, i] = 1{TOLD}", "`state` has a meaning already, and is no output or buffer"),
        (f"y[n, i] = 1\nother.h[n, i] = 1{TOLD}", "`other.h` is no output"),
    ],
)
def test_a_slip_is_said(text: str, message: str) -> None:
    assert message in messages(text, arguments={"dim": DIM, "flag": FLAG})
