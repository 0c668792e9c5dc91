"""Labels that do not count: rows beside them that have a share in a loss are told, where rows are by themselves."""

from textwrap import dedent
from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.ignored import IGNORED

ARGUMENT: dict[str, Any] = {"type": "int", "default": -100, "doc": "Label."}
SAFE = "there = labels != ignore_index\nsafe = where(there, labels, 0)\n"
EACH = "each = cross_entropy(x, labels, ignore_index=ignore_index, reduction='none')\n"
EVEN = "even = logsumexp(x, dim=1) - mean(x, dim=1)\n"


def told(
    forward: str,
    rows: tuple[str, ...] = ("N", "C"),
    labels: tuple[str, ...] = ("N",),
    argument: str = "ignore_index",
    doc: str = "Label.",
) -> list[str]:
    """The inputs of which it is told that rows count."""
    also = {"shape": list(labels), "dtype": "int64", "range": [0, "C"], "also": [argument]}
    parts: dict[str, Any] = {
        "arguments": {argument: {**ARGUMENT, "doc": doc}},
        "inputs": {"x": list(rows), "labels": also},
        "outputs": {"y": []},
    }
    return [finding.message.split("`")[1] for finding in breaches(IGNORED, program(dedent(forward), **parts))]


def test_rows_that_count_are_told() -> None:
    assert told(f"{EACH}{EVEN}y = mean(each + 0.1 * even)") == ["x"]


def test_a_mean_of_all_is_told_where_classes_stand_between() -> None:
    assert told(f"{EACH}{EVEN}y = mean(each + 0.1 * even)", ("N", "C", "L"), ("N", "L")) == ["x"]


def test_a_label_that_is_taken_for_another_is_told() -> None:
    assert told(f"{SAFE}y = cross_entropy(x, safe)") == ["x"]


def test_the_doc_tells_too() -> None:
    forward = "y = cross_entropy(x, where(labels == void, 0, labels))"
    assert told(forward, argument="void", doc="Label that counts for nothing.") == ["x"]
    assert told(forward, argument="void", doc="Label of the background.") == []


@pytest.mark.parametrize(
    "forward",
    [
        "y = cross_entropy(x, labels, ignore_index=ignore_index)",
        f"{EACH}{EVEN}y = mean(each + 0.1 * where(labels == ignore_index, 0.0, even))",
        f"{SAFE}p = softmax(x @ transpose(x, 0, 1), dim=1)\ny = mean(where(there, -log(p[:, 0]), 0.0))",
    ],
)
def test_rows_that_do_not_count_and_rows_that_are_compared_pass(forward: str) -> None:
    assert told(forward) == []
