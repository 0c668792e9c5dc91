"""Padding: rows of tables that are not zero though they stand for nothing, where outputs show them."""

from typing import Any

import pytest
from small import DIM, program, settings_of

from layergen.advice.padded import padding_not_zero

TOKENS: dict[str, Any] = {
    "arguments": {"rows": {**DIM, "min": 2}, "dim": DIM},
    "inputs": {"x": {"shape": ["N", "L"], "dtype": "int64", "range": [0, "rows"]}},
    "outputs": {"y": ["N", "L", "dim"]},
}
ZERO = "randn(rows, dim) * (arange(rows) != 0)[:, None]"


def told(forward: str, init: str, padding: str = "0") -> int:
    """How many look-ups are told, of a table of the layer's own and of a member."""
    own = {"table": {"shape": ["rows", "dim"], "init": init, "gradient": False}}
    member = {"embed": {"module": f"nn.Embedding(rows, dim, padding_idx={padding})", "init": {"weight": init}}}
    parts = {"modules": member} if "embed(" in forward else {"parameters": own}
    layer = program(forward, **{**TOKENS, **parts})
    return len(list(padding_not_zero(layer, settings_of(layer))))


@pytest.mark.parametrize(
    "forward", ["y = embedding(x, table, padding_idx=0)", "y = embedding(x, table, -1)", "y = embed(x)"]
)
def test_a_row_that_is_not_zero_is_told(forward: str) -> None:
    assert told(forward, "normal") == 1


def test_an_index_from_the_end_is_told() -> None:
    assert told("y = embed(x)", ZERO, padding="-1") == 1


@pytest.mark.parametrize(
    ("forward", "init", "padding"),
    [
        ("y = embedding(x, table, padding_idx=0)", ZERO, ""),
        ("y = embed(x)", ZERO, "0"),
        ("y = embed(x)", ZERO, "-rows"),
        ("y = embed(x)", "normal", "None"),
        ("y = embedding(x, table)", "normal", ""),
        ("y = embedding(x, table, padding_idx=0) * (x != 0)[:, :, None]", "normal", ""),
    ],
)
def test_a_row_that_is_zero_or_masked_passes(forward: str, init: str, padding: str) -> None:
    assert told(forward, init, padding) == 0
