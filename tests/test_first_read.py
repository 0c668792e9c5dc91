"""What the code binds for itself stands where it is read first."""

import pytest

from layergen.lower.first_read import bound_where_read

BODY = """\
kind = x.kind
h = x + 1
{}
# Why it is so.
with off(kind):
    y = h
return y
"""


def test_a_name_is_bound_where_it_is_read() -> None:
    written = BODY.format("w = h * 2").splitlines()
    assert list(bound_where_read(written, "kind")) == [written[1], written[2], written[0], *written[3:]]


@pytest.mark.parametrize("line", ["x = h", "x: Tensor = h", "z, x = h", "for x in h:", "if h:\n    x = h"])
def test_it_stays_above_what_binds_what_it_reads(line: str) -> None:
    written = BODY.format(line).splitlines()
    assert list(bound_where_read(written, "kind")) == [written[1], written[0], *written[2:]]


@pytest.mark.parametrize(
    "block", ["if h:\n    y = off(kind)\nelse:\n    w = 1", "if h:\n    w = 1\nelse:\n    y = off(kind)"]
)
def test_it_stays_above_a_block_in_which_it_is_read(block: str) -> None:
    written = BODY.format(block).splitlines()
    assert list(bound_where_read(written, "kind")) == [written[1], written[0], *written[2:]]


@pytest.mark.parametrize("name", ["", "other"])
def test_what_is_not_bound_moves_nothing(name: str) -> None:
    written = BODY.format("w = h * 2").splitlines()
    assert list(bound_where_read(written, name)) == written
