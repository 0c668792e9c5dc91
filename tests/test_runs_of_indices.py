"""Runs of indices in definitions, ``...`` and ``s...``: what they read, how far they go, and how they are shown."""

import itertools
import math
from functools import cache
from statistics import fmean
from typing import Any

import pytest
from small import spec

from layergen.definition.evaluate import Evaluation
from layergen.definition.latex import bold_runs, latex
from layergen.definition.layout import Layout, Runs
from layergen.definition.loops import definition_lines
from layergen.definition.numbers import Entries, IndexFault, TooLongError
from layergen.definition.reading import check_definition, definition_of
from layergen.definition.scene import Definition
from layergen.lang import expression as ex
from layergen.lang.parser import parse_entry, parse_expression

X = Entries((2, 3, 2), [float(number) for number in range(12)])
SAMPLES = {"inputs": {"x": ["N", "C", "..."]}, "outputs": {"y": ["N", "C", "..."]}}
LEADING = {"inputs": {"x": ["...", "C"]}, "outputs": {"y": ["...", "C"]}}
ALONE = {"inputs": {"x": ["..."]}, "outputs": {"y": []}}
NAMED = {"inputs": {"x": ["S..."]}, "outputs": {"y": ["S..."]}, "arguments": {"dim": {"type": "int", "doc": "Which."}}}
WITHOUT = {**NAMED, "outputs": {"y": "S[:dim % len(S)] + S[dim % len(S) + 1:]"}}
LISTED = {
    "arguments": {"sizes": {"type": "ints", "doc": "Sizes."}},
    "inputs": {"x": ["...", "sizes..."]},
    "outputs": {"y": ["...", "sizes..."]},
}


def defined(text: str, **parts: Any) -> Definition:
    made = spec(definition=text, **parts)
    assert list(check_definition(made)) == []
    found = definition_of(made)
    assert found is not None
    return found


def messages(text: str, **parts: Any) -> list[str]:
    return [finding.message for finding in check_definition(spec(definition=text, **parts))]


CASES = [
    ("y = sum[...](x[...])", ALONE, {}, (2, 3, 2), (), 66.0),
    ("y = max[s...](x[s...]) - min[t...](x[t...])", ALONE, {}, (2, 3, 2), (), 11.0),
    ("y[n, c, ...] = mean[s...](x[n, c, s...])", SAMPLES, {"N": 2, "C": 3}, (2,), (1, 2, 0), 10.5),
    ("y[n, c, ...] = mean[k < 2, s...](x[n, k + 1, s...])", SAMPLES, {"N": 2, "C": 3}, (2,), (0, 0, 1), 3.5),
    ("total = prod[i, ...](x[..., i] + 1)\ny[..., i] = x[..., i] / total", LEADING, {"C": 2}, (2, 3), (0, 0, 0), 0.0),
    ("y[..., i] = sum[s...](x[s..., i]) - x[..., i]", LEADING, {"C": 2}, (2, 3), (1, 2, 1), 25.0),
    ("y[s...] = sum[t...](x[t...]) - x[s...]", NAMED, {"dim": 0}, (2, 3, 2), (1, 2, 1), 55.0),
    ("y[a... < S[:dim], i, b...] = sum[j](x[a..., j, b...])", NAMED, {"dim": 1}, (2, 3, 2), (1, 0, 1), 27.0),
    ("y[a... < S[:dim], i, b...] = sum[j](x[a..., j, b...])", NAMED, {"dim": -1}, (2, 3, 2), (1, 2, 1), 21.0),
    ("y[i, b...] = sum[j](x[j, b...]) * i", NAMED, {"dim": 0}, (2, 3, 2), (1, 2, 1), 16.0),
    ("y[a... < S[:dim], b...] = max[i](x[a..., i, b...])", WITHOUT, {"dim": 1}, (2, 3, 2), (1, 1), 11.0),
    ("y[a..., b...] = max[i < S[dim]](x[a..., i, b...])", WITHOUT, {"dim": -1}, (2, 3, 2), (1, 1), 9.0),
    ("y[a..., b...] = sum[i < S[dim], c... < S[dim + 1:]](x[a..., i, c...])", WITHOUT, {"dim": 1}, (2, 3, 2),
     (1, 0), 51.0),
    ("y[a..., b...] = sum[i < S[dim]](x[a..., i, b...] * (a[0] + len(b)))", WITHOUT, {"dim": -1}, (2, 3, 2), (1, 1),
     17.0),
    ("m[...] = mean[s...](x[..., s...])\ny[..., s...] = x[..., s...] - m[...]", LISTED, {"sizes": [3, 2]}, (2,),
     (1, 0, 0), -2.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "parts", "numbers", "leading", "index", "expected"), CASES)
def test_an_entry_has_its_value(
    text: str, parts: Any, numbers: dict[str, Any], leading: tuple[int, ...], index: tuple[int, ...], expected: float
) -> None:
    made = defined(text, **parts)
    run = {made.scene.run: list(leading)} if made.scene.run else {}
    found = Evaluation(made, {**numbers, **run}, {"x": X}, leading)
    assert list(found.agreed()) == []
    assert found.entry("y", index) == pytest.approx(expected)
    lines = "\n".join(f"    {line}" for line in definition_lines(made))
    names: dict[str, Any] = {"cache": cache, "fmean": fmean, "math": math, "itertools": itertools, "Any": Any}
    exec(f"def definition(given):\n{lines}", names)  # noqa: S102 (it is what the tests are made of)
    entries = names["definition"]({"x": Readable(), **numbers, **run})["y"]
    assert entries(*index) == pytest.approx(expected)


class Readable:
    """Entries as a generated test reads them."""

    shape = X.shape

    def __getitem__(self, index: int | tuple[int, ...]) -> float:
        offset = 0
        for one, size in zip(index if isinstance(index, tuple) else (index,), X.shape, strict=True):
            assert 0 <= one < size
            offset = offset * size + one
        return float(X.values[offset])


@pytest.mark.parametrize(
    ("shape", "indices", "told"),
    [
        (["N", "..."], ["n", "..."], ["N", "S"]),
        (["N", "..."], ["n", "s..."], ["N", "S"]),
        (["...", "C"], ["s...", "c"], ["S", "C"]),
        (["..."], ["i", "j"], None),  # the number of dimensions is not known
        (["..."], ["i", "s..."], ["S[0]", "S[1:]"]),
        (["..."], ["i", "j", "s..."], ["S[0]", "S[1]", "S[2:]"]),
        (["..."], ["a...", "i", "s..."], ["S[:dim]", "S[dim]", "S[dim:][1:]"]),
        (["..."], ["b...", "i", "s..."], ["S[:dim % 2]", "S[dim % 2]", "S[dim % 2 + 1:]"]),
        (["..."], ["s...", "i", "t..."], [None, None, None]),  # nothing says where `i` stands
        (["N", "..."], ["s..."], ["[N, S...]"]),
        (["N", "C", "H"], ["n", "s..."], ["N", "[C, H]"]),
        (["N", "C", "H"], ["s...", "h"], ["[N, C]", "H"]),
        (["N", "C", "H"], ["s...", "t..."], None),  # nothing says where one ends
        (["N", "C", "H"], ["n", "c...", "h"], ["N", "[C]", "H"]),
        (["N", "C", "H"], ["d...", "h"], ["[N, C]", "H"]),
        (["N", "C", "H"], ["e...", "h"], ["T", None]),
        (["N", "C"], ["n", "..."], None),
        (["N", "sizes..."], ["n", "i", "j"], ["N", "sizes[0]", "sizes[1]"]),
        (["N", "sizes...", "C"], ["n", "s...", "c"], ["N", "sizes", "C"]),
        (["...", "sizes..."], ["...", "s..."], ["S", "sizes"]),
        (["N", "sizes..."], ["n", "..."], None),  # these are other dimensions
    ],
)
def test_the_sizes_of_a_shape_are_told(shape: list[str], indices: list[str], told: list[str | None] | None) -> None:
    written = {"a...": parse_expression("S[:dim]"), "b...": parse_expression("S[:dim % 2]")}
    written |= {"d...": parse_expression("[N, C]"), "e...": parse_expression("T")}
    found = Layout(tuple(map(parse_entry, shape))).told(tuple(map(parse_entry, indices)), Runs(ex.Name("S"), written))
    assert (found and [size and ex.show(size) for size in found]) == told


@pytest.mark.parametrize(
    ("text", "parts", "message"),
    [
        ("y[n, c, ...] = sum[k, ...](x[n, k, ...])", SAMPLES, "`...` is an index already"),
        ("y[..., i] = sum[...](x[..., i])", LEADING, "`...` is an index already"),
        ("y = sum[...](1)", ALONE, "`...` is nowhere in what is summed"),
        ("y = sum[s...](1)", ALONE, "`s...` is nowhere in what is summed"),
        ("y = argmax[s...](x[s...])", ALONE, "`argmax` gives one index, and no run of them"),
        ("y = sum[s...](x[s...] * s[:1])", ALONE, "one index of a run is read at a time"),
        ("y = sum[s...](x[s])", ALONE, "`s` is a run of indices, and no number"),
        ("y = sum[s..., s < 3](x[s...])", ALONE, "`s` is an index already"),
        ("y = x[s...]", ALONE, "`s...` is no index here"),
        ("y = sum[x...](1)", ALONE, "`x` has a meaning already, and cannot be a run of indices"),
        ("y = sum[... < [2]](x[...])", ALONE, "the sizes of `...` are those of the inputs"),
        ("y[s..., s...] = 1", NAMED, "`s` stands twice on the left"),
        ("y[s..., s] = 1", NAMED, "`s` stands twice on the left"),
        ("y[s..., i, t...] = 1", NAMED, "nothing tells how far the run of indices `s...` runs"),
        ("y[s... < S[1:]] = 1\nz[s... < S[:1], i < 2] = 1", NAMED,
         "`s...` has the sizes S[1:] elsewhere, and S[:1] here"),
        ("y[s... < dim] = 1", NAMED, "a run of indices goes over a list of sizes, and `dim` is a number"),
        ("y[s... < T] = 1", NAMED, "`T` is no index here, and no name"),
        ("y[s < S...] = 1", NAMED, "the `...` of a run of indices stands behind its name"),
        ("y[s...] = x[:]", NAMED, "a definition reads one entry at a time, and no slices"),
        ("y = sum[i, j](x[i, j])", ALONE, "`x` has the shape [...], and 2 indices here"),
    ],
)  # fmt: skip
def test_a_slip_is_said(text: str, parts: Any, message: str) -> None:
    assert message in messages(text, **parts)


def test_two_lists_of_sizes_are_told_apart_at_numbers() -> None:
    parts = {**LISTED, "inputs": {"x": ["..."], "w": ["sizes..."]}, "outputs": {"y": []}}
    made = defined("y = sum[s...](x[s...] * w[s...])", **parts)
    tensors = {"x": Entries((2, 3), [1.0] * 6), "w": Entries((3, 2), [1.0] * 6)}
    ((name, first, second),) = Evaluation(made, {"sizes": [3, 2]}, tensors, (2, 3)).agreed()
    assert (name, first.words, second.words) == ("s...", "dimension 0 of `x`", "dimension 0 of `w`")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y[s...] = sum[t... < 6 // 2](x[t...])", "a run of indices goes over a list of sizes, not over 3"),
        ("y[s...] = sum[i < S](x[i, s...])", "a range ends at an integer, not at [2, 3, 2]"),
        ("y[s... < dim + S[0] - dim] = 1", "a run of indices goes over a list of sizes, not over 2"),
        ("y[s...] = sum[t... < [1.5]](x[t...])", "a run of indices goes over a list of sizes, not over [1.5]"),
    ],
)
def test_what_is_no_range_is_a_fault_at_numbers(text: str, message: str) -> None:
    made = defined(text, **NAMED)
    with pytest.raises(IndexFault) as found:
        Evaluation(made, {"S": [2, 3, 2], "dim": 0}, {"x": X}, (2, 3, 2)).entry("y", (0, 0, 0))
    assert found.value.message == message


def test_a_run_over_large_sizes_is_given_up() -> None:
    made = defined("y[s...] = sum[t... < [10 ** 12, 10 ** 12], i < 1](x[s...])", **NAMED)
    with pytest.raises(TooLongError):
        Evaluation(made, {"S": [2, 3, 2]}, {"x": X}, (2, 3, 2)).entry("y", (0, 0, 0))


@pytest.mark.parametrize(
    ("text", "parts", "shown"),
    [
        ("y = sum[...](x[...])", ALONE, r"y = \sum_{\dots} x_{\dots}"),
        ("y = sum[s...](x[s...] * s[0])", ALONE, r"y = \sum_{\mathbf{s}} x_{\mathbf{s}} \, \mathbf{s}_0"),
        ("y[a... < S[:dim], i, b...] = len(S[1:]) * S[dim] + x[a..., i, b...]", NAMED,
         r"y_{\mathbf{a}, i, \mathbf{b}} = \operatorname{len}\left(S_{1:}\right) \, S_{\mathrm{dim}}"
         r" + x_{\mathbf{a}, i, \mathbf{b}}"),
    ],
)  # fmt: skip
def test_a_run_is_bold_in_latex(text: str, parts: Any, shown: str) -> None:
    assert list(latex(defined(text, **parts))) == [shown]


def test_bold_runs_are_told_with_their_sizes() -> None:
    made = defined("y[a... < S[:dim], i, b...] = x[a..., i, b...]", **NAMED)
    assert list(bold_runs(made)) == [("a", "S[:dim]"), ("b", None)]
    assert list(bold_runs(defined("y = sum[...](x[...])", **ALONE))) == []
