"""Entries: slices of parameters that nothing reads are found, and those that are read somewhere are let pass."""

import re
from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.entries import ENTRIES
from layergen.resolve.program import Program

VECTOR: dict[str, Any] = {"shape": ["dim"], "init": "uniform(-1, 1)"}
SQUARE: dict[str, Any] = {"shape": ["dim", "dim"], "init": "xavier_uniform"}
WIDE: dict[str, Any] = {"shape": ["2 * dim", "dim"], "init": "xavier_uniform"}
TABLE: dict[str, Any] = {"shape": ["longest", "dim"], "init": "zeros"}
EXPERTS: dict[str, Any] = {"shape": ["count", "dim", "dim"], "init": "uniform(-1, 1)"}
ROUTER: dict[str, Any] = {"shape": ["count", "dim"], "init": "xavier_uniform"}

FEATURES: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}
SEQUENCE: dict[str, Any] = {
    "arguments": {"longest": DIM, "dim": DIM},
    "constraints": ["L <= longest"],
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "L", "dim"]},
}
ROWS: dict[str, Any] = {
    "arguments": {"longest": {**DIM, "default": 8}, "dim": DIM},
    "constraints": ["L % rows == 0", "rows < longest"],
    "inputs": {"x": ["N", "L", "dim"], "rows": DIM},
    "outputs": {"y": ["N", "L", "dim"]},
}
GRID: dict[str, Any] = {**ROWS, "constraints": ["L % rows == 0", "rows <= longest", "L // rows <= longest"]}
TILES: dict[str, Any] = {
    **ROWS,
    "constraints": ["L == rows * columns", "rows <= longest", "columns <= longest"],
    "inputs": {**ROWS["inputs"], "columns": DIM},
}
SHORTER: dict[str, Any] = {
    **FEATURES,
    "arguments": {"longest": {**DIM, "default": 11}, "count": {**DIM, "default": 4}, "dim": DIM},
    "constraints": ["count <= longest"],
}
EACH_ROW = "y = x + repeat_interleave(p[{}], L // rows, dim=0)"
ROUTED: dict[str, Any] = {**FEATURES, "arguments": {"dim": DIM, "count": DIM}}
ROUTE = """
g = softmax(linear(x, router), dim=-1)
best = argmax(g, dim=-1)
"""

FAULTY: dict[str, tuple[str, dict[str, Any], str]] = {
    "one_entry": ("y = x + p[0]", {"p": VECTOR}, "p[1:]"),
    "dropped_half": ("h, _ = chunk(linear(x, p), 2, dim=-1)\ny = relu(h)", {"p": WIDE}, "p[dim:]"),
    "half_behind_zeros": (
        "y = linear(linear(x, p)[:, dim:], q)", {"p": WIDE, "q": {"shape": ["dim", "dim"], "init": "zeros"}}, "p[:dim]"
    ),
    "even_columns": (
        "y = linear(x, p[:, ::2])",
        {"p": {"shape": ["dim", "2 * dim"], "init": "xavier_uniform"}},
        "p[:, [1, 3",
    ),
}  # fmt: skip
SOUND: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "both_halves": ("h, g = chunk(linear(x, p), 2, dim=-1)\ny = h * sigmoid(g)", {"p": WIDE}, FEATURES),
    "factor_before_zeros": (
        "y = linear(linear(x, p), q)",
        {"p": WIDE, "q": {"shape": ["dim", "2 * dim"], "init": "zeros"}},
        FEATURES,
    ),
    "dead_units": ("y = x + relu(linear(x, p) - 100)", {"p": SQUARE}, FEATURES),
    "masked_rows": ("y = x + linear(x, tril(p, -1))", {"p": SQUARE}, FEATURES),
    "masked_entries": ("y = x + where(arange(dim) > 0, p, 0.0)", {"p": VECTOR}, FEATURES),
    "product_with_a_mask": ("y = x + p * (arange(dim) > 0)", {"p": VECTOR}, FEATURES),
    "maxima": ("y = amax(reshape(linear(x, p), [N, 2, dim]), dim=1)", {"p": WIDE}, FEATURES),
    "positions": ("y = x + p[:L]", {"p": TABLE}, SEQUENCE),
    "positions_from_the_end": ("y = x + p[longest - L:]", {"p": TABLE}, SEQUENCE),
    "distances": (
        "y = x + mean(p[longest - L:longest + L - 1], dim=0)",
        {"p": {"shape": ["2 * longest - 1", "dim"], "init": "zeros"}},
        SEQUENCE,
    ),
    "looked_up_distances": (
        "i = arange(L)\ny = x + mean(p[clamp(i[:, None] - i, -longest, longest) + longest - 1], dim=0)",
        {"p": {"shape": ["2 * longest - 1", "dim"], "init": "zeros"}},
        SEQUENCE,
    ),
    "rows_of_a_call": (EACH_ROW.format(":rows"), {"p": {**TABLE, "shape": ["longest - 1", "dim"]}}, ROWS),
    "rows_of_a_call_from_the_end": (
        EACH_ROW.format("longest - rows - 1:"),
        {"p": {**TABLE, "shape": ["longest - 1", "dim"]}},
        ROWS,
    ),
    "rows_and_columns": ("y = x + flatten(p[:rows, None] + q[:L // rows], 0, 1)", {"p": TABLE, "q": TABLE}, GRID),
    "rows_and_columns_of_a_call": (
        "y = x + flatten(p[:rows, None] + q[:columns], 0, 1)",
        {"p": TABLE, "q": TABLE},
        TILES,
    ),
    "as_many_as_an_argument_says": ("y = x + sum(p[:count], dim=0)", {"p": TABLE}, SHORTER),
    "looked_up_rows": (
        "y = x + embedding(i, p)",
        {"p": {"shape": ["count", "dim"], "init": "zeros"}},
        {**ROUTED, "inputs": {"x": ["N", "dim"], "i": {"shape": ["N"], "dtype": "int64", "range": [0, "count"]}}},
    ),
    "experts": (
        f"{ROUTE}y = zeros_like(x)\nfor e in range(count):\n"
        "    y = y + where((best == e)[:, None], linear(x, p[e]), 0.0)\ny = y * amax(g, dim=-1, keepdim=True)",
        {"p": EXPERTS, "router": ROUTER},
        {**ROUTED, "arguments": {"dim": DIM, "count": {**DIM, "min": 16}}},
    ),
    "experts_by_index": (
        f"{ROUTE}y = einsum('noi,ni->no', p[best], x) * amax(g, dim=-1, keepdim=True)",
        {"p": EXPERTS, "router": ROUTER},
        ROUTED,
    ),
}


def layer(forward: str, parameters: dict[str, Any], rest: dict[str, Any] = FEATURES) -> Program:
    return program(forward.strip(), parameters=parameters, **rest)


@pytest.mark.parametrize(("forward", "parameters", "part"), FAULTY.values(), ids=FAULTY)
def test_unread_slices_are_found(forward: str, parameters: dict[str, Any], part: str) -> None:
    (finding,) = breaches(ENTRIES, layer(forward, parameters))
    assert finding.message.startswith(f"no output depends on `{part}")


@pytest.mark.parametrize(("forward", "parameters", "rest"), SOUND.values(), ids=SOUND)
def test_slices_that_are_read_somewhere_pass(forward: str, parameters: dict[str, Any], rest: dict[str, Any]) -> None:
    assert not breaches(ENTRIES, layer(forward, parameters, rest))


@pytest.mark.parametrize(
    ("forward", "rows", "index"),
    [
        ("i = arange(L)\ny = x + mean(p[clamp(i[:, None] - i, -3, 3) + longest], dim=0)", "2 * longest + 4", 0),
        ("y = x + mean(index_select(p, 0, arange(1, longest)), dim=0)", "longest", 0),
        ("y = x + embedding(arange(L), p)", "longest + 1", 4),
        ("i = arange(L)\nfor k in range(2):\n    i = clamp(i + 1, max=longest - 1)\ny = x + p[i]", "longest + 1", 0),
    ],
)
def test_rows_of_a_table_are_found_that_no_index_meets(forward: str, rows: str, index: int) -> None:
    (finding,) = breaches(ENTRIES, layer(forward, {"p": {"shape": [rows, "dim"], "init": "zeros"}}, SEQUENCE))
    assert re.match(rf"no output depends on `p\[\[?{index or '(0|:)'}", finding.message)


@pytest.mark.parametrize(("rows", "index"), [("1:rows + 1", "0"), (":rows", "7")])
def test_rows_are_found_that_no_call_can_ask_for(rows: str, index: str) -> None:
    (finding,) = breaches(ENTRIES, layer(EACH_ROW.format(rows), {"p": TABLE}, ROWS))
    assert finding.message == f"no output depends on `p[{index}]`"


@pytest.mark.parametrize(
    "index",
    [
        "argmax(x, dim=-1)",  # of values
        "randint(0, longest, [N, L])",
        "argmax(inner(x), dim=-1)",
        "arange(L) + start",  # of a value of the call
    ],
)
def test_of_tables_that_are_read_by_values_nothing_is_said(index: str) -> None:
    start = {"type": "int", "min": 0, "default": 0}
    parts: dict[str, Any] = {**SEQUENCE, "inputs": {**SEQUENCE["inputs"], "start": start}, "random": "always"}
    parts["constraints"] = ["L + start <= longest", "dim <= longest"]
    parts["modules"] = {"inner": "nn.Linear(dim, dim)"}
    forward = f"y = inner(x) + p[{index}]" + ("" if "start" in index else " * (1 + 0 * start)")
    assert not breaches(ENTRIES, layer(forward, {"p": {"shape": ["longest + 1", "dim"], "init": "zeros"}}, parts))


def test_parameters_of_one_cause_are_told_together() -> None:
    parameters = {"p": WIDE, "q": {"shape": ["2 * dim"], "init": "zeros"}}
    (finding,) = breaches(ENTRIES, layer("y = linear(x, p, q)[:, :dim]", parameters))
    assert [label.text for label in finding.labels] == ["nor on `q[dim:]`"]


def test_a_part_of_a_member_is_found() -> None:
    made = program("y = p(x)[:, :dim]", modules={"p": "nn.Linear(dim, 2 * dim)"}, **FEATURES)
    (finding,) = breaches(ENTRIES, made)
    assert finding.message.startswith("no output depends on `p.weight[")
