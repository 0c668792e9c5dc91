"""Shapes with lists and any dimensions in them: where each size can be read."""

import pytest
from small import forward_lines, program

from layergen.lang import expression as ex
from layergen.lang.parser import parse_entry
from layergen.resolve.program import Program
from layergen.resolve.signature import Sizes

RUNS = {
    ("[...]", 0): "x.shape",
    ("[..., C]", 0): "x.shape[:-1]",
    ("[N, ..., C, D]", 1): "x.shape[1:-2]",
    ("[N, s...]", 1): "x.shape[1:]",
    ("[s...]", 0): "x.shape",
    ("[..., s...]", 0): "x.shape[:x.dim() - len(s)]",
    ("[..., s...]", 1): "x.shape[x.dim() - len(s):]",
    ("[N, ..., s..., C]", 1): "x.shape[1:x.dim() - 1 - len(s)]",
    ("[N, ..., s..., C]", 2): "x.shape[x.dim() - 1 - len(s):-1]",
    ("[N, s..., ..., C]", 1): "x.shape[1:1 + len(s)]",
    ("[N, s..., ..., C]", 2): "x.shape[1 + len(s):-1]",
}


@pytest.mark.parametrize(("shape", "position"), RUNS)
def test_run_is_read_where_it_stands(shape: str, position: int) -> None:
    node = parse_entry(shape)
    assert isinstance(node, ex.Sequence)
    sizes = Sizes(node.items)
    assert sizes.run("x", position) == RUNS[shape, position]


def layer(forward: str, shape: object, output: object) -> Program:
    """A layer of fields."""
    sizes = {"shape": {"type": "ints", "min": 1, "doc": "Size."}}
    return program(forward, arguments=sizes, inputs={"x": {"shape": shape}}, outputs={"y": {"shape": output}})


def test_list_is_compared_as_it_is() -> None:
    lines = forward_lines(layer("y = x * 2", ["N", "shape...", "T"], ["N", "shape...", "T"]), with_checks=True)
    condition = "if x.dim() != 2 + len(self.shape) or x.shape[1:-1] != self.shape:"
    assert lines[0] == condition


@pytest.mark.parametrize("shape", ["[N] + shape + [T]", ["N", "shape...", "T"]])
def test_lists_that_are_added_bind_as_those_that_are_put_in(shape: object) -> None:
    assert list(layer("y = x", shape, shape).dimensions) == ["N", "T"]


def test_run_has_its_name_in_code() -> None:
    lines = forward_lines(layer("y = reshape(x * len(shape), [prod(S), C])", ["S...", "C"], ["prod(S)", "C"]))
    assert lines == [
        "C = x.shape[-1]",
        "S = x.shape[:-1]",
        "return (x * len(self.shape)).reshape(math.prod(S), C)",
    ]


def test_list_in_a_forward_is_spread() -> None:
    lines = forward_lines(layer("y = reshape(x, [N, 1, shape...])", ["N", "shape..."], ["N", 1, "shape..."]))
    assert lines[-1] == "return x.reshape(N, 1, *self.shape)"
