"""Sizes that follow the values of tensors, which an author may accept."""

import pytest
from small import checked, faults_of, program

ROWS = "rows = where(x[:, 0] > 0)[0]"
GIVEN = "y = index_add(zeros_like(x), 0, rows, x[rows])"
ACCEPTED = {"size-of-values": "Only some rows are looked at."}


@pytest.mark.parametrize(
    "forward",
    [
        f"{ROWS}\n{GIVEN}",
        f"if training:\n    y = x\nelse:\n    {ROWS}\n    {GIVEN}",
        f"if training:\n    {ROWS}\n    {GIVEN}\nelse:\n    y = x",
    ],
)
def test_they_are_refused_unless_they_are_accepted(forward: str) -> None:
    (finding,) = faults_of(program(forward))
    assert finding.rule.code == "LG216" and "accept: {size-of-values: …}" in str(finding.help)
    layer = checked(program(forward, accept=ACCEPTED))
    assert layer.for_data and not layer.proven


def test_what_follows_no_values_is_accepted_for_nothing() -> None:
    (finding,) = faults_of(program("y = 2 * x", accept=ACCEPTED))
    assert finding.rule.code == "LG332"
