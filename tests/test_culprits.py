"""Where faults are said to be: at the statement that makes them, not at one that sound layers have, too."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program

from layergen.diagnostics import Finding

SEQUENCE: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}
TWO_WAYS: dict[str, Any] = {
    **SEQUENCE,
    "outputs": {"y": ["N", "2 * dim"]},
    "modules": {"rnn": "nn.GRU(dim, dim, batch_first=True, bidirectional=True)"},
}
ORDERED = "order = argsort(lengths, descending=True)\nh = mean(x[order], dim=1) / lengths[order][:, None]\ny = h[{}]"
LENGTHS: dict[str, Any] = {
    **SEQUENCE,
    "inputs": {"x": ["N", "L", "dim"], "lengths": {"shape": ["N"], "dtype": "int64", "range": [1, "L + 1"]}},
}


def at(forward: str, finding: Finding) -> int:
    """The line of a forward that a finding points at."""
    assert finding.place.span is not None
    return forward[: finding.place.span[0]].count("\n")


def test_a_number_that_is_that_of_samples_by_chance_is_no_culprit() -> None:
    forward = "_, h = rnn(x)\ny = reshape(h, [N, 2 * dim])"
    found = fault_of(program(forward, **TWO_WAYS))
    assert (found.rule.code, at(forward, found)) == ("LG327", 1)
    assert "`mixes: [N]`" in (found.help or "")  # in evaluation, too
    assert checked(program(forward.replace("h, [", "transpose(h, 0, 1), ["), **TWO_WAYS)).cases


def test_samples_in_another_order_are_at_fault_where_they_are_not_brought_back() -> None:
    forward = ORDERED.format("order")
    found = fault_of(program(forward, **LENGTHS))
    assert (found.rule.code, at(forward, found)) == ("LG327", 2)
    assert checked(program(ORDERED.format("argsort(order)"), **LENGTHS)).cases


def test_samples_that_meet_before_the_end_are_at_fault_where_they_meet() -> None:
    forward = "h = x - mean(x, dim=0)\ny = mean(h, dim=1)"
    assert at(forward, fault_of(program(forward, **SEQUENCE))) == 0


SCAN: dict[str, Any] = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}


@pytest.mark.parametrize(
    ("forward", "message", "help"),
    [
        (
            "u = upcast(x)\np = cumprod(0.6 + 0.1 * sigmoid(u), dim=1)\ny = type_as(p * cumsum(u / p, dim=1), x)",
            "in float32, `/` overflows where L == 2100",
            "compute such that no value on the way grows with `L`",
        ),
        ("y = x * cos(type_as(arange(L), x))", "in bfloat16, `y` is ", "count in float32: `arange(L, dtype=float32)`"),
    ],
)
def test_what_fails_at_a_long_dimension_is_told_from_what_counts_wrong(forward: str, message: str, help: str) -> None:
    found = fault_of(program(forward, **SCAN))
    assert found.rule.code == "LG320"
    assert found.message.startswith(message)
    assert (found.help or "").startswith(help)


def test_a_mean_of_no_label_is_no_index_outside_of_a_table() -> None:
    labels = {"shape": ["N"], "dtype": "int64", "range": [0, "C"], "also": ["ignored"]}
    parts: dict[str, Any] = {
        "arguments": {"ignored": {"type": "int", "default": -100, "doc": "Label that does not count."}},
        "inputs": {"x": ["N", "C"], "labels": labels},
        "outputs": {"y": []},
    }
    found = fault_of(program("y = cross_entropy(x, labels, ignore_index=ignored)", **parts))
    assert (found.help or "").startswith("sum, and divide by a count that is 1 at least")


def test_a_size_has_no_name_that_another_dimension_has_by_chance() -> None:
    pair: dict[str, Any] = {"inputs": {"x": ["N", "W"]}, "outputs": {"y": ["N", "W"]}, "constraints": ["W >= 1"]}
    found = fault_of(program("y = x[:, :int(W * 0.7 / 0.7)] * 2", **pair))
    assert found.message == "dimension 1 of output `y` is declared as `W = 3`, but is `2`"


def test_a_difference_of_rounding_is_told_as_such() -> None:
    parts: dict[str, Any] = {
        "inputs": {"x": ["N", "C"], "place": {"shape": ["N"], "dtype": "int64", "range": [0, 4096]}},
        "buffers": {"rates": {"shape": [3], "dtype": "float32", "init": "rand(3)"}},
        "definition": "y[n, c] = x[n, c] * cos(place[n] * rates[0])",
    }
    forward = "angle = place * rates[0]\ny = type_as(upcast(x) * cos(angle)[:, None], x)"
    found = fault_of(program(forward, **parts))
    assert found.rule.code == "LG408"
    assert found.help == "`angle` is float32, and may be rounded there: compute it of what is wide, as of `upcast(…)`"
    assert checked(program(forward.replace("place * rates[0]", "upcast(place) * upcast(rates[0])"), **parts)).cases
    wrong = fault_of(program(forward.replace("* rates[0]", "* rates[1]"), **parts))
    assert "float32" not in (wrong.help or "")
