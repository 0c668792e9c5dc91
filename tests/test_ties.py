"""Ties: a layer is not held to its definition where values that it puts in order are equal, and it is elsewhere."""

import pytest
from small import DIM, checked, fault_of, program

from layergen.resolve.program import Program

GATE = """\
p = softmax(x, dim=-1)
_, index = topk(p, k, dim=1)
y = scatter(zeros_like(p), 1, index, 1.0) * p
"""
DEFINITION = """\
p[n, l, e < experts] = exp(x[n, l, e]) / sum[f](exp(x[n, l, f]))
rank[n, l < L, e < experts] = sum[m < L](1 if p[n, m, e] > p[n, l, e] or (p[n, m, e] == p[n, l, e] and m < l) else 0)
y[n, l, e] = p[n, l, e] if rank[n, l, e] {less} k else 0
"""


def gate(less: str = "<", **experts: object) -> Program:
    """The greatest weights of a softmax, all of which are 1 where there is one expert."""
    shape = ["N", "L", "experts"]
    return program(
        GATE,
        arguments={"experts": {**DIM, **experts}, "k": DIM},
        constraints=["k <= L"],
        inputs={"x": shape},
        outputs={"y": shape},
        definition=DEFINITION.format(less=less),
    )


def test_which_of_equal_values_is_taken_is_no_fault() -> None:
    compared = checked(gate()).defined
    assert compared.at


def test_another_formula_is_told_all_the_same() -> None:
    finding = fault_of(gate("<="))
    assert finding.rule.code == "LG408"
    assert not any("equal values" in note for note in finding.notes)


def test_what_is_tied_at_all_settings_is_told_with_the_reason() -> None:
    forward = "order = argsort(x * 0, dim=1)\ny = x * order"
    finding = fault_of(program(forward, definition="y[n, c] = x[n, c] * (C - 1 - c)"))
    assert finding.rule.code == "LG408"
    assert any("`argsort` meets equal values" in note for note in finding.notes)


@pytest.mark.parametrize("order", ["argsort(x, dim=1)", "sort(x, dim=1)[1]"])
def test_what_is_not_equal_is_put_in_order(order: str) -> None:
    definition = "y[n, c] = x[n, c] * sum[d < C](1 if x[n, d] < x[n, c] else 0)"
    assert checked(program(f"order = {order}\ny = x * argsort(order, dim=1)", definition=definition)).defined.at
