"""What evaluation gives once training has come to rest."""

from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.apart import APART
from layergen.resolve.program import Program


def norm(update: str, applied: str, mixes: bool = True, of: str = "var(upcast(x), dim=0, correction=0)") -> Program:
    """A layer that divides by what it computes of a batch, or by what it has gathered."""
    forward = (
        f"if training:\n    v = {of}\n    kept = type_as({update}, kept)\n    y = type_as(x * rsqrt(v + 0.001), x)\n"
    )
    forward += f"else:\n    v = upcast(kept)\n    y = type_as({applied}, x)"
    parts: dict[str, Any] = {"mixes": {"N": "training"}} if mixes else {}
    parts |= {"arguments": {"dim": DIM}, "buffers": {"kept": {"shape": ["dim"], "init": "ones"}}}
    return program(forward, inputs={"x": ["N", "dim"]}, outputs={"y": ["N", "dim"]}, **parts)


SAME = "x * rsqrt(v + 0.001)"
AVERAGED = "0.8 * kept + 0.2 * v"


@pytest.mark.parametrize(
    ("update", "applied"),
    [
        (AVERAGED, "x / (v + 0.001)"),
        ("0.8 * kept + 0.4 * v", SAME),
        ("0.8 * kept + 0.2 * sqrt(v)", SAME),
        (AVERAGED, "x * rsqrt(4 * v + 0.001)"),
    ],
)
def test_what_evaluation_takes_for_something_else_is_a_fault(update: str, applied: str) -> None:
    (finding,) = breaches(APART, norm(update, applied))
    assert finding.rule.code == "LG357"


@pytest.mark.parametrize(
    ("update", "of"),
    [
        (AVERAGED, "var(upcast(x), dim=0, correction=0)"),
        (AVERAGED, "var(upcast(x), dim=0)"),  # which is counted otherwise in many a norm
        ("v", "var(upcast(x), dim=0, correction=0)"),
        ("kept * 1", "var(upcast(x), dim=0, correction=0)"),  # which never moves, as is told elsewhere
        ("0.999999 * kept + 0.000001 * v", "var(upcast(x), dim=0, correction=0)"),  # too slow to be told
        ("kept + 0.1", "var(upcast(x), dim=0, correction=0)"),  # which goes on for ever
    ],
)
def test_what_is_the_same_or_does_not_come_to_rest_is_none(update: str, of: str) -> None:
    assert breaches(APART, norm(update, SAME, of=of)) == []


def test_layer_whose_samples_are_apart_in_training_may_do_something_else_in_evaluation() -> None:
    assert breaches(APART, norm(AVERAGED, "x - v", mixes=False)) == []
