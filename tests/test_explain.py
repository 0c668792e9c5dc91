"""What a fault of a trial says, and what it says to write instead."""

from typing import Any

import pytest
from small import DIM, FLAG, fault_of, program

ARGUMENTS = {"dim": DIM, "heads": DIM}
INPUTS = {"x": ["N", "dim"]}


def help_of(forward: str, constraints: tuple[str, ...]) -> str:
    layer = program(
        forward, arguments=ARGUMENTS, inputs=INPUTS, outputs={"y": ["N", "dim"]}, constraints=list(constraints)
    )
    return fault_of(layer).help or ""


def test_missing_divisibility_is_suggested() -> None:
    assert "dim % heads == 0" in help_of("y = reshape(x, [N, heads, dim // heads])", ())


def test_divisibility_that_is_there_is_not_suggested_again() -> None:
    assert "dim % heads" not in help_of("y = reshape(x, [N, heads, dim // heads, 2])", ("dim % heads == 0",))


def test_a_dimension_that_has_to_be_a_multiple_gets_a_constraint() -> None:
    finding = fault_of(program("y = reshape(x, [N, 9, C // 9])", outputs={"y": ["N", 9, "C // 9"]}))
    assert finding.help == "if `C` has to be a multiple, add the constraint `C % 9 == 0`"


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("y = [x, x]", "output `y` is [[N, C], [N, C]], not a tensor"),
        ("y = None if training else x", "output `y` is `None`, not a tensor"),
    ],
)
def test_an_output_that_is_no_tensor_is_shown(forward: str, message: str) -> None:
    finding = fault_of(program(forward))
    assert (finding.rule.code, finding.message) == ("LG302", message)


@pytest.mark.parametrize(
    ("shape", "message"),
    [("k", "expected a list of sizes: write `[k]`"), (["p"], "a size is an int, got `0.5`"),
     (["f"], "a size is an int, got `True`"), (["k - 2"], "a size cannot be negative, got -1")],
)  # fmt: skip
def test_what_is_no_size_is_said_where_it_stands(shape: object, message: str) -> None:
    arguments = {
        "k": {"type": "int", "min": 1, "max": 1, "doc": "One."},
        "p": {"type": "float", "min": 0, "max": 1, "doc": "Half."},
        "f": FLAG,
    }
    used = {name: part for name, part in arguments.items() if name in str(shape)}
    finding = fault_of(program("y = x * sum(w)", arguments=used, parameters={"w": {"shape": shape, "init": "ones"}}))
    assert (finding.rule.code, finding.message) == ("LG303", message)


CONV: dict[str, Any] = {
    "arguments": {"dim": DIM, "out": DIM},
    "parameters": {
        "w": {"shape": ["out", "dim", 1], "init": "xavier_uniform"},
        "bias": {"shape": ["out"], "init": "ones"},
    },
    "inputs": {"x": ["N", "dim", "L"]},
    "outputs": {"y": ["N", "out", "L"]},
}


@pytest.mark.parametrize(
    ("call", "repaired"),
    [
        ("conv1d(x, w)", ", or hand it to the op: `conv1d(x, w, bias)`"),
        ("conv1d(x, w, stride=1)", ", or hand it to the op: `conv1d(x, w, bias, stride=1)`"),
        ("conv1d(input=x, weight=w)", ", or hand it to the op: `conv1d(bias=bias, input=x, weight=w)`"),
        ("conv1d(x, w, None)", ""),
        ("conv1d(x, w, bias=None)", ""),
        ("relu(conv1d(x, w))", ""),
    ],
)
def test_a_tensor_is_handed_to_the_op_that_takes_it(call: str, repaired: str) -> None:
    finding = fault_of(program(f"y = {call} + bias", **CONV))
    assert (finding.rule.code, finding.help) == ("LG301", f"write `bias[:, None]`{repaired}")


def test_a_buffer_that_is_not_there_cannot_be_assigned() -> None:
    buffers = {"total": {"shape": ["C"], "init": "zeros", "when": "flag"}}
    finding = fault_of(program("total = total + 1\ny = x * 2", arguments={"C": DIM, "flag": FLAG}, buffers=buffers))
    assert finding.message == "`total` is None here"
    finding = fault_of(program("total = sum(x, 0)\ny = x * 2", arguments={"C": DIM, "flag": FLAG}, buffers=buffers))
    assert finding.message == "the buffer `total` does not exist here"
