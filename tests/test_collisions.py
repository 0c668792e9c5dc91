"""Ops that overwrite, and indices that are equal."""

from typing import Any

import pytest
from small import breaches, checked, fault_of, program

from layergen.contracts.collisions import COLLISIONS
from layergen.diagnostics import Finding

DIM = {"type": "int", "min": 1, "doc": "Size."}
INDEX = {"shape": ["N", "L"], "dtype": "int64", "range": [0, "size"]}


def found(forward: str, **index: Any) -> list[Finding]:
    layer = {
        "arguments": {"size": DIM},
        "inputs": {"x": ["N", "L"], "i": {**INDEX, **index}},
        "outputs": {"y": ["N", "size"]},
        "constraints": ["L <= size"],
    }
    return breaches(COLLISIONS, program(forward, **layer))


@pytest.mark.parametrize(
    ("forward", "instead"),
    [
        ("y = scatter(zeros(N, size), 1, i, x)", "`scatter_add`"),
        ("y = scatter(zeros(N, size), dim=1, index=i, src=x)", "`scatter_add`"),
        ("y = index_copy(zeros(N, size), 1, i[0], x)", "`index_add`"),
        ("y = index_put(zeros(N, size), [arange(N)[:, None], i], x)", "`index_put(…, accumulate=True)`"),
        ("y = put(zeros(N, size), i, x)", "`put(…, accumulate=True)`"),
    ],
)
def test_entry_that_is_overwritten_is_a_fault(forward: str, instead: str) -> None:
    (finding,) = found(forward)
    assert finding.rule.code == "LG424"
    assert finding.help == f"add them up, {instead}, or say that no two of `i` are equal: `distinct: L`"
    assert found(forward, distinct="L") == [] or "put" in forward  # `put` counts through all rows


@pytest.mark.parametrize(
    "forward",
    [
        "y = scatter_add(zeros(N, size), 1, i, x)",
        "y = scatter(zeros(N, size), 1, i, ones(N, L)) + sum(x)",
        "y = scatter(zeros(N, size), 1, i, 1.0) + sum(x)",
        'y = scatter_reduce(zeros(N, size), 1, i, x, reduce="amax")',
        "y = index_put(zeros(N, size), [arange(N)[:, None], i], x, accumulate=True)",
        "y = scatter(zeros(N, size), 1, argsort(x, dim=1), x) + sum(i)",
        "y = cat([scatter(zeros(N, L), 1, topk(x, 1, dim=1)[1], x), zeros(N, size - L)], dim=1) + sum(i)",
        "y = type_as(sum(one_hot(i, size), dim=1), x) + sum(x)",
    ],
)
def test_entries_that_add_up_or_are_distinct_or_equal_are_none(forward: str) -> None:
    assert found(forward) == []


def test_the_call_that_collides_is_told() -> None:
    forward = "h = scatter(zeros(N, size), 1, argsort(x, dim=1), x)\ny = scatter(h, 1, i, x)"
    (finding,) = found(forward)
    assert finding.place.span == (forward.rindex("scatter"), len(forward))


def test_what_overwrites_is_told_and_not_the_gradient_that_is_another_for_it() -> None:
    forward = """
top = detach(scatter_reduce(full([size], -inf), 0, i, x, "amax"))
w = exp(x - top[i])
total = index_add(zeros(size), 0, i, w)
y = {}(zeros(size), 0, i, w * x) / clamp(total, min=1e-3)
"""
    parts: dict[str, Any] = {
        "arguments": {"size": DIM},
        "inputs": {"x": ["E"], "i": {"shape": ["E"], "dtype": "int64", "range": [0, "size"]}},
        "outputs": {"y": ["size"]},
        "mixes": ["E"],
    }
    assert fault_of(program(forward.format("index_copy"), **parts)).rule.code == "LG424"
    del parts["mixes"]
    assert checked(program(forward.format("index_add"), **parts)).cases
