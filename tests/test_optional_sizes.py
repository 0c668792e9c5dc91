"""Sizes that depend on whether an input is there, and constraints on values of a call."""

from typing import Any

import pytest
import torch
from shipped import layer_class
from small import DIM, checked, faults_of, forward_lines, program

from layergen.resolve.program import Program

CACHE: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "C"], "past": {"shape": ["N", "P", "C"], "optional": True}},
    "outputs": {"y": ["N", "P + L if past is not None else L", "C"]},
}
JOINED = "y = cat([past, x], dim=1) if past is not None else x"


def joined(text: str = JOINED, **parts: Any) -> Program:
    return program(text, **{**CACHE, **parts})


def test_shapes_are_proven_with_the_input_and_without() -> None:
    assert checked(joined()).proven


@pytest.mark.parametrize(
    "size", ["P + L if past is not None else 2 * L", "L if past is not None else L", "L + P if past is None else L"]
)
def test_wrong_sizes_are_found_on_either_way(size: str) -> None:
    assert faults_of(joined(outputs={"y": ["N", size, "C"]}))


@pytest.mark.parametrize(
    ("constraint", "line"),
    [
        (
            "(P if past is not None else 0) + L <= 64",
            "if (past.shape[1] if past is not None else 0) + x.shape[1] > 64:",
        ),
        ("P + L <= 64", "if past is not None and past.shape[1] + x.shape[1] > 64:"),
        ("past is None or P <= 9", "if past is not None and past.shape[1] > 9:"),
    ],
)
def test_constraints_ask_for_an_input(constraint: str, line: str) -> None:
    lines = forward_lines(joined(constraints=[constraint]))
    length = {"L = x.shape[1]"} & set(lines)
    assert (line.replace("x.shape[1]", "L") if length else line) in lines


def test_constraints_read_values_of_a_call() -> None:
    layer = program(
        "y = x + table[offset:offset + L]",
        arguments={"dim": DIM},
        parameters={"table": {"shape": [64, "dim"], "init": "normal"}},
        inputs={"x": ["N", "L", "dim"], "offset": {"type": "int", "min": 0, "default": 0}},
        outputs={"y": ["N", "L", "dim"]},
        constraints=["offset + L <= 64"],
    )
    (limit,) = checked(layer).size_limits
    kept, broken = limit.kept.setting, limit.broken[0]
    assert kept.names["offset"] + kept.sizes["L"] == 64
    assert broken.names["offset"] + broken.sizes["L"] == 65
    assert "if offset + L > 64:" in forward_lines(layer)


def test_a_cache_gives_what_one_call_gives() -> None:
    layer = layer_class("cached_attention")(8, 2)
    x = torch.randn(3, 7, 8)
    whole, _ = layer(x)
    first, cache = layer(x[:, :4])
    second, cache = layer(x[:, 4:6], cache)
    third, (keys, _) = layer(x[:, 6:], cache)
    torch.testing.assert_close(torch.cat([first, second, third], dim=1), whole)
    assert keys.shape == (3, 2, 7, 4)
