"""What is asked alike of each tensor of a tuple is asked in a loop."""

import pytest

from layergen.lang.tuples import TensorTuple
from layergen.lower.in_turn import in_turn

TUPLES = {"state": TensorTuple(("state[0]", "state[1]"), ("h", "c"))}
ALIKE = """\
if state is not None:
    if state[0].shape != (N, 3):
        raise ValueError(f"expected state[0] of shape (N, 3) with N={N}, " f"got {tuple(state[0].shape)}")
    if state[1].shape != (N, 3):
        raise ValueError(f"expected state[1] of shape (N, 3) with N={N}, " f"got {tuple(state[1].shape)}")
y = x
"""


def test_refusals_that_are_alike_are_one_in_a_loop() -> None:
    assert list(in_turn(ALIKE.splitlines(), TUPLES, lambda name: f"{name}_")) == [
        "if state is not None:",
        "    for index_, part_ in enumerate(state):",
        "        if part_.shape != (N, 3):",
        "            raise ValueError("
        'f"expected state[{index_}] of shape (N, 3) with N={N}, " f"got {tuple(part_.shape)}")',
        "y = x",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("state[1].shape != (N, 3)", "state[1].shape != (N, 4)"),
        ("state[0]", "other[0]"),
        ("    if state[1]", "    N = x.shape[0]\n    if state[1]"),
        ('raise ValueError(f"expected', 'raise ValueError("expected'),
        ("state[1].shape != (N, 3)", "state[0].shape != (N, 3)"),
    ],
)
def test_all_else_stays(before: str, after: str) -> None:
    written = ALIKE.replace(before, after).splitlines()
    assert list(in_turn(written, TUPLES, str)) == written


def test_the_last_refusal_of_several_need_not_be_there() -> None:
    written = ALIKE.splitlines()[:3]
    assert list(in_turn(written, TUPLES, str)) == written
