"""What several refusals in a row ask first is asked once."""

import pytest

from layergen.lower.merged import asked_once

TWO = """\
if state is not None and (state[0].dim() != 2 or state[0].shape[0] != N):
    raise ValueError("expected state[0]")
if state is not None and state[1].shape != (N, 3):
    raise ValueError("expected state[1]")
y = x
"""


def test_refusals_of_what_need_not_be_given_stand_together() -> None:
    assert list(asked_once(TWO.splitlines())) == [
        "if state is not None:",
        "    if state[0].dim() != 2 or state[0].shape[0] != N:",
        '        raise ValueError("expected state[0]")',
        "    if state[1].shape != (N, 3):",
        '        raise ValueError("expected state[1]")',
        "y = x",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if state is not None and state[1]", "if cell is not None and state[1]"),
        ("if state is not None and state[1]", "N = x.shape[0]\nif state is not None and state[1]"),
        ('raise ValueError("expected state[1]")', "state = (x, x)"),
        ("if state is not None and state[1].shape", "if state is not None and N > 2 or state[1].shape"),
        ("if state is not None and state[1]", "elif state is not None and state[1]"),
    ],
)
def test_all_else_stays(before: str, after: str) -> None:
    written = TWO.replace(before, after).splitlines()
    assert list(asked_once(written)) == written


def test_parentheses_stay_that_are_not_around_all_of_a_condition() -> None:
    written = TWO.replace("(state[0].dim() != 2 or state[0].shape[0] != N)", "(a or b) and (c or d)").splitlines()
    assert "    if (a or b) and (c or d):" in list(asked_once(written))
