"""What the docstrings of generated layers say, and what is imported beside them."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from small import DIM, program

from layergen.checked import CheckedCase
from layergen.lower.docs import arguments, sample
from layergen.lower.imports import import_lines, names_needed
from layergen.lower.layer import title
from layergen.lower.source import DocText


@pytest.mark.parametrize(
    ("ends", "made"),
    [
        ((0, 1), "torch.rand(2, 7)"),
        ((0, 100), "100 * torch.rand(2, 7)"),
        ((1, 2), "1 + torch.rand(2, 7)"),
        ((-1, 1), "-1 + 2 * torch.rand(2, 7)"),
    ],
)
def test_an_example_draws_from_a_range_without_idle_numbers(ends: tuple[int, int], made: str) -> None:
    facts = SimpleNamespace(shape=(2, 7), dtype="float32")
    case = cast(CheckedCase, SimpleNamespace(inputs={"x": facts}, ranges={"x": ends}))
    assert sample(case, "x") == made


@pytest.mark.parametrize(
    ("dtypes", "told"),
    [
        ((None, None), "parameters and buffers"),
        ((None, "float32"), "parameters"),
    ],
)
def test_a_dtype_is_that_of_what_has_none_of_its_own(dtypes: tuple[str | None, ...], told: str) -> None:
    weight, decay = ({"shape": ["dim"], "init": "ones", **({"dtype": each} if each else {})} for each in dtypes)
    parts: dict[str, Any] = {"parameters": {"weight": weight}, "buffers": {"decay": decay}}
    layer = program("y = x * weight * decay", inputs={"x": ["dim"]}, arguments={"dim": DIM}, **parts)
    lines = [*arguments(layer, DocText(()))]
    assert f"dtype: Data type of the {told}." in lines
    assert "device: Device on which the parameters and buffers are created." in lines


@pytest.mark.parametrize(
    ("doc", "choices", "told"),
    [
        ("How.", ["sum", "mean", "max"], "mode: How. One of ``'sum'``, ``'mean'`` and ``'max'``."),
        ("How.", ["sum", "mean"], "mode: How. Either ``'sum'`` or ``'mean'``."),
        ("How.", ["sum"], "mode: How. Always ``'sum'``."),
        ("How, ``'sum'`` or the mean.", ["sum", "mean"], "mode: How, ``'sum'`` or the mean."),
        (
            "How to summon, or the mean.",
            ["sum", "mean"],
            "mode: How to summon, or the mean. Either ``'sum'`` or ``'mean'``.",
        ),
    ],
)
def test_what_there_is_to_choose_from_is_told_unless_the_author_has_told_it(
    doc: str, choices: list[str], told: str
) -> None:
    mode = {"type": "str", "choices": choices, "doc": doc}
    assert list(arguments(program(arguments={"mode": mode}), DocText(()))) == [told]


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({"type": "str", "optional": True, "default": None}, "If given, ``'silu'`` or ``'tanh'``. Default: ``None``"),
        ({"type": "function"}, "By name, ``'silu'`` or ``'tanh'``."),
        ({"type": "str | int"}, "As text, ``'silu'`` or ``'tanh'``."),
    ],
)
def test_choices_beside_which_there_is_more_are_no_more_than_some(argument: dict[str, Any], told: str) -> None:
    mode = {**argument, "choices": ["silu", "tanh"], "doc": "How."}
    assert list(arguments(program(arguments={"mode": mode}), DocText(()))) == [f"mode: How. {told}"]


def test_the_docstring_of_a_module_is_raw_where_its_own_text_asks_for_it() -> None:
    formula = {"definition": "y[n, c] = x[n, c]"}
    assert title(program(summary="Do it.", **formula)) == '"""Do it."""'
    assert title(program(summary="Do \\(a\\).", **formula)) == 'r"""Do \\(a\\)."""'


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("lambda layer, cache: layer(cache)", set()),
        ("lambda layer, x: layer(cache(x))", {"cache"}),
        ("(lambda copy: copy, copy)", {"copy"}),
        ("def function(x: Tensor) -> None:\n    copy = x\n    return copy", {"Tensor"}),
        (
            "def function():\n    def inner(x):\n        return math.sqrt(x)\n    return f'{inner(fmean)}'",
            {"math", "fmean"},
        ),
    ],
)
def test_a_parameter_is_not_the_module_of_its_name(code: str, read: set[str]) -> None:
    assert names_needed(code) == read


def test_a_parameter_of_a_law_imports_nothing() -> None:
    imports = {"cache": "from functools import cache", "torch": "import torch"}
    assert import_lines(["lambda layer, cache: torch.abs(cache)"], imports) == ("import torch",)
