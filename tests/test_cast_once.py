"""A tensor that several statements read in a wide dtype is cast once."""

from typing import Any

import pytest
from small import DIM, forward_lines, program

OWNED: dict[str, Any] = {
    "arguments": {"dim": DIM, "flag": {"type": "bool", "default": True, "doc": "Whether."}},
    "parameters": {"w": {"shape": ["dim"], "init": "ones"}, "v": {"shape": ["dim"], "init": "ones", "when": "flag"}},
    "buffers": {"m": {"shape": ["dim"], "init": "zeros", "doc": "It."}},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}
CAST = "self.w.float() if self.w.dtype.itemsize < 4 else self.w"


def written(forward: str) -> str:
    return "\n".join(forward_lines(program(forward, **OWNED)))


def test_casts_of_a_parameter_share_a_name() -> None:
    text = written("a = upcast(w) + 1\nb = 2 * upcast(w)\ny = type_as(x * a * b, x)")
    assert text.count(".float()") == 1
    assert f"wide_w = {CAST}\na = wide_w + 1\nb = 2 * wide_w" in text


def test_a_name_that_a_cast_has_already_is_shared() -> None:
    text = written("h = upcast(x)\ny = type_as(h * mean(upcast(x), dim=1, keepdim=True), x)")
    assert text.count(".float()") == 1 and "h.mean(" in text


def test_a_branch_reads_what_was_cast_before() -> None:
    text = written("a = upcast(w) + 1\nif training:\n    a = a * upcast(w)\ny = type_as(x * a, x)")
    assert text.count(".float()") == 1 and "a = a * wide_w" in text


def test_casts_inside_of_a_branch_share_a_name_there() -> None:
    text = written("y = x\nif training:\n    a = upcast(w) + 1\n    y = type_as(x * a * upcast(w), x)")
    assert text.count(".float()") == 1 and f"    wide_w = {CAST}\n    a = wide_w + 1" in text


def test_each_branch_makes_the_cast_that_it_shares() -> None:
    branch = "    a = upcast(w) + 1\n    y = type_as(x {} a * upcast(w), x)\n"
    text = written(f"if training:\n{branch.format('*')}else:\n{branch.format('+')}")
    assert text.count("wide_w = ") == 2 == text.count(".float()")


@pytest.mark.parametrize(
    "forward",
    [
        "y = type_as(x * upcast(w), x)",
        "y = x\nif training:\n    y = type_as(y * upcast(w), x)\nif dim > 3:\n    y = type_as(y + upcast(w), x)",
        "if training:\n    x = type_as(x * upcast(w), x)\nelse:\n    x = type_as(x / upcast(w), x)\ny = x",
        "a = upcast(w) if training else 1\nb = upcast(w) if dim > 3 else 1\ny = type_as(x * a * b, x)",
        "h = upcast(x)\nx = x + 1\ny = type_as(h * upcast(x), x)",
        "a = upcast(m)\nif training:\n    m = m + 1\ny = type_as(x + a + upcast(m), x)",
        "r = type_as(arange(dim), upcast(x))\ny = type_as(x + type_as(r, upcast(x)), x)",
        "h = upcast(x)\nh = h + 1\ny = type_as(h * upcast(x), x)",
    ],
)
def test_casts_that_are_not_the_same_or_not_always_made_stay(forward: str) -> None:
    assert "wide_" not in written(forward)
