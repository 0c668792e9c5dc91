"""Sizes that one branch alone reads are read there."""

import pytest

from layergen.lower.late import bound_late

ONE = """\
if x.dim() != 3:
    raise ValueError("expected x")
*_, H, W = x.shape
y = x
if size is not None:
    if size[0] > H:
        raise ValueError("expected size[0]")
    y = y[:H, :W]
return y
"""


def test_sizes_that_one_branch_reads_get_their_names_there() -> None:
    assert list(bound_late(ONE.splitlines())) == [
        "if x.dim() != 3:",
        '    raise ValueError("expected x")',
        "y = x",
        "if size is not None:",
        "    *_, H, W = x.shape",
        "    if size[0] > H:",
        '        raise ValueError("expected size[0]")',
        "    y = y[:H, :W]",
        "return y",
    ]


def test_one_size_goes_into_another_way_than_the_first() -> None:
    written = "L = x.shape[-1]\nif cache is None:\n    y = x\nelse:\n    y = x / L\nreturn y"
    assert list(bound_late(written.splitlines())) == [
        *("if cache is None:", "    y = x", "else:", "    L = x.shape[-1]", "    y = x / L", "return y"),
    ]


def test_sizes_of_several_inputs_go_there_in_their_order() -> None:
    written = "N = x.shape[0]\nC = z.shape[0]\nif flag:\n    y = x * N / C\nreturn y"
    assert bound_late(written.splitlines())[:3] == ("if flag:", "    N = x.shape[0]", "    C = z.shape[0]")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return y", "return y / W"),  # read behind it, too
        ("y = x", "y = x / H"),  # and before
        ("if size is not None:", "if size is not None and H > 2:"),  # by the condition itself
        ("return y", "else:\n    y = y / W\nreturn y"),  # on the other way
        ("y = x", "x = relu(x)"),  # then it is another input
        ("y = x", "y, x = x, y"),
        ("y = x", "for x in x:\n    y = x"),
        ("y = x", "y = abs(x := -x)"),
        ("if size is not None:", "for part in size:"),  # which reads them at each turn
        ("if size is not None:", "with torch.no_grad():"),
        ("H, W = x.shape", "H, W = sizes"),
    ],
)
def test_all_else_stays(before: str, after: str) -> None:
    written = ONE.replace(before, after).splitlines()
    assert list(bound_late(written)) == written


def test_an_input_may_be_compared_before() -> None:
    written = ONE.replace("y = x", "same = x.shape == z.shape\nz = fold(x, x=2)").splitlines()
    assert "    *_, H, W = x.shape" in bound_late(written)
