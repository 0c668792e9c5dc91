"""A tensor of a family by its name is looked up once at each turn of a loop."""

from typing import Any

import pytest
from small import DIM, forward_lines, program

OWNED: dict[str, Any] = {
    "arguments": {"dim": DIM, "depth": {"type": "int", "min": 2, "doc": "Number of steps."}},
    "parameters": {"w": {"each": {"k": "depth"}, "named": "w_{k}", "shape": ["dim"], "init": "ones"}},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


def written(body: str, before: str = "y = x") -> str:
    return "\n".join(forward_lines(program(f"{before}\nfor k in range(depth):\n    {body}", **OWNED)))


def test_a_tensor_that_two_statements_read_has_a_name() -> None:
    text = written("a = y * w[k]\n    y = a + w[k]")
    assert text.count("getattr(") == 1 and "    a = x * w_k\n    x = a + w_k" in text


@pytest.mark.parametrize(
    "body",
    [
        "y = y * w[k]",
        "a = y * w[k]\n    y = a + w[k - 1]",
        "a = y * w[k] if dim > 3 else y\n    y = a + w[k] if dim > 4 else a",
    ],
)
def test_what_is_read_once_or_not_at_each_turn_has_none(body: str) -> None:
    assert "w_k" not in written(body)
