"""Equations of one name that hold at one entry, or that depend on a case, and what stands for an index or a number."""

from functools import cache
from typing import Any

import pytest
from small import DIM, FLAG
from test_definition import X, defined, messages

from layergen.definition.evaluate import Evaluation
from layergen.definition.loops import definition_lines
from layergen.definition.numbers import Entries, Held, IndexFault

NUMBERS = {"N": 2, "C": 3, "flag": True}
PARTS: dict[str, Any] = {"arguments": {"flag": FLAG, "dim": DIM}}
ALONE = {"scale": {"shape": [], "init": "ones", "when": "flag"}}
FAMILY = {"weight": {"shape": ["C"], "each": {"k": 2}, "init": "ones"}}
RANGE = "an index has another range in this equation of `h`"
LEADING: dict[str, Any] = {"inputs": {"x": ["...", "C"]}, "outputs": {"y": ["...", "C"]}}


def evaluation(text: str, flag: bool = True, **parts: Any) -> Evaluation:
    tensors: dict[str, Held] = {"x": X, "weight": (Entries((3,), [1.0, 2.0, 3.0]),) * 2, "scale": None}
    return Evaluation(defined(text, **PARTS, **parts), {**NUMBERS, "flag": flag}, tensors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h[n < N, i < C] = 1\nh[n < N, i < C] = 2", "nothing is left for this equation of `h`"),
        ("h[n < N, 0] = 1\nh[m < N, 0] = 2\nh[n < N, i < C] = 3", "nothing is left for this equation of `h`"),
        ("h[n < N, i < C] = 1\nif flag:\n    h[n < N, i < C] = 2", "nothing is left for this equation of `h`"),
        ("h[n < N, i < 2] = 1\nh[n < N, i < C] = 2", RANGE),
        ("h[0, i < 2] = 1\nh[n < N, i < C] = 2", RANGE),
        (
            "if flag:\n    h[n < N, i < 2] = 1\nh[n < N, i < C] = 2",
            "an index has another range in this equation of `h`",
        ),
        ("h = 1\nh[n < N, i < C] = h", "this may hold beside an equation with other indices of `h`"),
        ("if flag:\n    h = 1\nh[n < N, i < C] = 2", "this may hold beside an equation with other indices of `h`"),
    ],
)
def test_two_equations_of_an_entry_are_told(text: str, message: str) -> None:
    assert messages(f"{text}\ny[n, i] = h[n, i] + x[n, i]", **PARTS) == [message]


@pytest.mark.parametrize(
    "text",
    [
        "h[n < N, -1] = 0\nh[n < N, i < C] = h[n, i - 1]",
        "h[-1, n < N, i < dim] = 0\nh[k < 2, n < N, i < C] = h[k - 1, n, 0]\ny[n, i] = h[1, n, i] + x[n, i]",
        "h[0, i < C] = 1\nh[n < N, 0] = 2\nh[n < N, i < C] = 3",
        "h[n < N, 0] = 1\nh[n < N, C - 1] = 2\nh[n < N, i < C] = 3",
        "h[0, 0] = 1\nh[0, 1] = 2\nh[n < N, i < C] = 3",
        "if flag:\n    h[n < N, i < C] = 1\nh[n < N, i < C] = 2",
        "if flag:\n    h[n < N, i < C] = 1\nelse:\n    h[n < N, i < C] = 2",
        "if dim == 1:\n    h[n < N, i < C] = 1\nif dim == 2:\n    h[n < N, i < C] = 2",
        "if dim < 2:\n    h[n < N, i < C] = 1\nif dim >= 2:\n    h[n < N, i < 2 * C] = 2",
        "if flag:\n    h[n < N, i < 2 * C] = 1\nelse:\n    h[n < N, i < C] = 2",
        "if flag:\n    h[n < N, i < C] = 1\nelse:\n    h = 2\ny[n, i] = x[n, i] + (h[n, i] if flag else h)",
    ],
)
def test_those_that_hold_by_turns_are_not(text: str) -> None:
    assert messages(text if "y[" in text else f"{text}\ny[n, i] = h[n, i] + x[n, i]", **PARTS) == []


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("sizes", ["C, 2 * C", "2 * C, C"])
@pytest.mark.parametrize("read", ["padded(h)[n, i + 1]", "sum[j](h[n, j])"])
def test_ranges_are_those_of_the_case(read: str, sizes: str, flag: bool) -> None:
    first, second = sizes.split(", ")
    text = f"if flag:\n    h[n < N, i < {first}] = i + 1\nelse:\n    h[n < N, i < {second}] = 10 + i\ny[n, i] = {read}"
    found = evaluation(text, flag)
    scope: dict[str, Any] = {"Any": Any, "cache": cache, "Entries": Readable}
    exec("def definition(given):\n    " + "\n    ".join(definition_lines(found.definition)), scope)  # noqa: S102 (ours)
    wide = 6 if (first if flag else second) == "2 * C" else 3
    entries = [i + (1 if flag else 10) for i in range(wide)]
    expected = sum(entries) if "sum" in read else [*entries, 0][3]
    assert found.entry("y", (0, 2)) == scope["definition"]({**NUMBERS, "flag": flag})["y"](0, 2) == expected


class Readable:
    """Entries of a name, as a generated test reads them."""

    def __init__(self, shape: tuple[int, ...], read: Any) -> None:
        self.shape = shape
        self.read = read

    def padded(self, *index: int) -> Any:
        return self.read(*index) if all(0 <= one < size for one, size in zip(index, self.shape, strict=True)) else 0


@pytest.mark.parametrize("base", ["C", "C + 1", "5"])
def test_zeros_do_not_hide_what_an_equation_tells_outside(base: str) -> None:
    text = f"h[n < N, {base}] = 7\nh[n < N, i < C] = x[n, i]\ny[n, i] = padded(h)[n, i + 1] + h[n, {base}]"
    found = evaluation(text)
    with pytest.raises(IndexFault, match="zero outside, though an equation says what `h` is at") as raised:
        found.entry("y", (0, 2))
    assert raised.value.help == "write `h[n, i + 1]`, which reads that equation"
    inside = evaluation("h[n < N, C - 1] = 7\nh[n < N, i < C] = x[n, i]\ny[n, i] = padded(h)[n, i + 1]")
    assert [inside.entry("y", (0, i)) for i in range(3)] == [2.0, 7, 0]


@pytest.mark.parametrize(
    "text",
    [
        "x[n, i / 2]",
        "x[0, i] - x[n / 1, i]",
        "weight[n / 2][i]",
        "h[n, i / 2]",
        "sum[k < 3](x[0, k / 1])",
        "x[n, scale]",
    ],
)
def test_an_index_is_an_integer(text: str) -> None:
    found = evaluation(f"h[n < N, i < C] = 2 * i\ny[n, i] = {text} + h[n, i]", parameters={**FAMILY, **ALONE})
    found.ahead("y", [(n, i) for n in range(2) for i in range(3)])
    with pytest.raises(IndexFault, match="an index is an integer, and") as raised:
        found.entry("y", (0, 0))
    assert (raised.value.help is None) == ("/" not in text)


def test_so_is_one_at_which_an_equation_is_fixed() -> None:
    with pytest.raises(IndexFault, match=r"an index is an integer, and `C / 2` is 1\.5"):
        evaluation("h[n < N, C / 2] = 0\nh[n < N, i < C] = 1\ny[n, i] = h[n, i]").entry("y", (0, 0))


@pytest.mark.parametrize("text", ["h[n, j < C / 2] = 1\ny[n, i] = sum[j](h[n, j])", "y[n, i] = sum[j < C / 2](1)"])
def test_a_range_ends_at_an_integer(text: str) -> None:
    with pytest.raises(IndexFault, match="a range ends at an integer, not at"):
        evaluation(text.replace("h[n,", "h[n < N,", 1), parameters=ALONE).entry("y", (0, 0))


@pytest.mark.parametrize("word", ["-", "sum[k < 3]", "max[k < 3]", "mean[k < 3]", "logsumexp[k < 3]", "argmin[k < 3]"])
def test_what_is_not_there_is_no_number(word: str) -> None:
    found = evaluation(f"y[n, i] = {word}(scale)", parameters=ALONE)
    with pytest.raises(IndexFault, match=r"goes (with|over) numbers"):
        found.entry("y", (0, 0))


@pytest.mark.parametrize(
    ("text", "limited"),
    [
        ("0.0 ** -1", True),
        ("(i - 8) ** 0.5", True),
        ("sin(inf)", True),
        ("mean[k < 2](-inf if k == 0 else inf)", True),
        ("mean[k < 3](1e308)", True),
        ("2 ** inf", False),
        ("mean[k < 2](inf)", False),
        ("mean[k < 2](k) + sin(0) + 2 ** -1", False),
    ],
)
def test_what_plain_python_does_not_compute_is_noted(text: str, limited: bool) -> None:
    alone, several = (evaluation(f"y[n, i] = {text}") for _ in range(2))
    alone.entry("y", (0, 0))
    several.ahead("y", [(0, i) for i in range(3)])
    assert alone.account.limited is several.account.limited is limited


def test_an_index_is_not_taken_for_a_run_of_its_name() -> None:
    made = defined("y[..., i] = sum[j < C](x[..., j]) + sum[j...](x[j..., i] * len(j))", **LEADING)
    found = Evaluation(made, {"C": 3}, {"x": X}, (2,))
    assert found.entry("y", (0, 0)) == 11.0


def test_what_speaks_of_shapes_is_no_function_of_a_definition() -> None:
    assert messages("y[n, i] = x[n, i] + broadcastable([1], [2])") == ["`broadcastable` is no function of numbers"]
