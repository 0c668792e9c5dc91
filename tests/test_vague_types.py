"""What a type checker cannot know of members is said, and no more than that."""

from typing import Any

import pytest
from small import DIM, forward_lines, program

from layergen.definition.loops import definition_lines
from layergen.lower.initial import own_lines

SQUARE: dict[str, Any] = {
    "arguments": {"dim": DIM, "flag": {"type": "bool", "default": True, "doc": "Whether."}},
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "L", "dim"]},
}


@pytest.mark.parametrize(
    ("module", "tensor", "line"),
    [
        ("nn.Conv1d(dim, dim, 1)", "bias", "init.zeros_(cast(Tensor, self.m.bias))"),  # `Tensor | None` in torch
        ("nn.Conv1d(dim, dim, 1)", "weight", "init.zeros_(self.m.weight)"),
        ("nn.Conv1d(dim, dim, 1, bias=flag)", "bias", "if self.m.bias is not None:"),
        ("nn.Linear(dim, dim)", "bias", "init.zeros_(self.m.bias)"),
        ("nn.GRUCell(dim, dim)", "weight_hh", "init.zeros_(self.m.weight_hh)"),
        ("nn.GRU(dim, dim)", "weight_hh_l0", "init.zeros_(cast(Tensor, self.m.weight_hh_l0))"),
    ],
)
def test_a_tensor_of_a_member_is_cast_where_torch_does_not_say_that_it_is_there(
    module: str, tensor: str, line: str
) -> None:
    members = {"m": {"module": module, "init": {tensor: "zeros"}}}
    lines = own_lines(program(modules=members, **SQUARE))
    assert line in [part.strip() for part in lines]


@pytest.mark.parametrize("convert", ["upcast(m(x))", "loss_as(m(x), x)"])
def test_what_a_member_gives_has_no_type_when_it_is_converted(convert: str) -> None:
    lines = forward_lines(
        program(f"h = {convert}\ny = type_as(2 * h, x)", modules={"m": "nn.Linear(dim, dim)"}, **SQUARE)
    )
    assert any(line.startswith("h: Tensor = ") for line in lines)


def test_sizes_that_are_left_out_of_what_a_member_is_given_are_not_read() -> None:
    text = "s[t, n, i] = x[n, t, i]\ny[n, t, i] = m(s[t])[n, i]"
    made = program("y = m(x)", modules={"m": "nn.Linear(dim, dim)"}, definition=text, **SQUARE)
    assert made.definition is not None
    lines = definition_lines(made.definition)
    assert 'N = given["N"]' in lines and 'L = given["L"]' not in lines
