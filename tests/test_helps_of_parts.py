"""What is said of names and shapes of parts: of tensors that are taken apart, and of buffers that are updated."""

from typing import Any

import pytest
from name_findings import findings
from small import DIM, checked, faults_of, program

PARTS = "a, b, c = {}\ny = a + b + {}"
QUEUE: dict[str, Any] = {
    "arguments": {"size": DIM, "dim": DIM},
    "buffers": {"queue": {"shape": ["size", "dim"], "init": "randn(size, dim)", "doc": "It."}},
    "inputs": {"q": ["N", "dim"]},
    "outputs": {"y": ["N", "size"]},
}
SCORES = "y = linear(q, queue)\nif training:\n    {} = cat([queue[N:], detach(q)], dim=0){}"


@pytest.mark.parametrize(
    ("call", "help"),
    [
        (
            "chunk(x, 4, dim=1)",
            "`chunk` gives 4 parts for 3 names, from `a` on: give `d` one of them, or assign it before",
        ),
        (
            "split(x, [1, 1, 1, 1], dim=1)",
            "`split` gives 4 parts for 3 names, from `a` on: give `d` one of them, or assign it before",
        ),
        ("chunk(x, 3, dim=1)", "declare it, or assign it before"),
    ],
)
def test_a_part_without_a_name(call: str, help: str) -> None:
    (finding,) = (found for found in findings(PARTS.format(call, "d * c")) if found.rule.code == "LG201")
    assert finding.message == "`d` is not defined"
    assert finding.help == help or (help.startswith("declare") and "gives" not in str(finding.help))


def test_a_name_that_is_nearly_that_of_a_buffer() -> None:
    (finding,) = findings(SCORES.format("queues", "[-size:]"), **QUEUE)
    assert finding.message == "`queues` is assigned but never read"
    assert finding.help == "write `queue` where the buffer is to be updated, or delete it"


def test_a_name_that_is_not_is_to_be_deleted() -> None:
    (finding,) = findings(SCORES.format("later", "[-size:]"), **QUEUE)
    assert finding.help == "delete it, or assign to `_`"


def test_a_queue_that_grows_keeps_its_last_entries() -> None:
    finding, *_ = faults_of(program(SCORES.format("queue", ""), **QUEUE))
    assert finding.rule.code == "LG306" and any("size=" in note for note in finding.notes)
    written = "queue = cat([queue[N:], detach(q)], dim=0)[-size:]"
    assert finding.help == f"for the last entries, which are as many, write `{written}`"
    assert checked(program(SCORES.format("queue", "[-size:]"), **QUEUE)).cases


def test_a_buffer_of_another_shape() -> None:
    finding, *_ = faults_of(program("y = linear(q, queue)\nif training:\n    queue = mean(queue, dim=1)", **QUEUE))
    assert finding.rule.code == "LG306"
    assert finding.help == "a buffer keeps its shape: assign a tensor that has it"


def test_a_buffer_that_is_too_small_is_to_be_declared_as_it_comes_to_be() -> None:
    forward = "y = x * type_as(spread, x)\nif training:\n"
    forward += "    spread = lerp(spread, type_as(detach(mean(square(upcast(x)), dim=0)), spread), 0.1)"
    parts: dict[str, Any] = {"arguments": {"C": DIM}, "constraints": ["N >= 1"]}
    small = {"spread": {"shape": [1], "init": "ones", "doc": "Spread."}}
    finding, *_ = faults_of(program(forward, buffers=small, **parts))
    assert finding.message == "the buffer `spread` has shape [1], but is assigned [C]"
    assert finding.help == "declare the shape that it comes to have, `shape: [C]`, or assign one of its own"
    assert checked(program(forward, buffers={"spread": {**small["spread"], "shape": ["C"]}}, **parts)).cases
