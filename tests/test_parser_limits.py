"""Hostile texts: the parser ends at a limit, without a RecursionError."""

from collections.abc import Callable

import pytest
from hypothesis import given
from parsing import block_fault_of, fault_of, marked
from strategies import examples, pieces

from layergen.lang import expression as ex
from layergen.lang.parser import SyntaxFault, parse_block, parse_expression


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "[" * 10_000 + "]" * 10_000,
        "(" * 65 + "x" + ")" * 65,
        "-" * 19_999 + "x",
        "not " * 4_999 + "x",
        "~+" * 9_000 + "x",
        "1+" * 9_999 + "1",
        "1**" * 6_000 + "1",
        "x and " * 3_000 + "x",
        "x" + "[0]" * 6_000,
        "x if y else " * 1_600 + "z",
        "f(" * 5_000 + "x" + ")" * 5_000,
        "f(-x**" * 64 + "x" + ")" * 64,
        "x.y" * 6_000,
        "x(y)" * 5_000,
        "1e" * 9_000,
        "'" * 20_000,
        "x" * 20_001,
    ],
)
def test_deep_and_long_expressions_are_refused(text: str) -> None:
    assert fault_of(text).message


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(" " * depth + "if x:" for depth in range(190)) + "\n" + " " * 190 + "y = x",
        "if x: y = x\n" + "elif x: y = x\n" * 1_400,
        "y = " + "1+" * 9_000 + "1",
        "if x:\n  y = " + "-" * 200 + "x",
    ],
)
def test_deep_and_long_blocks_are_refused(text: str) -> None:
    assert block_fault_of(text).message


@pytest.mark.parametrize(
    "text", ["[" * 64 + "]" * 64, "(" * 64 + "x" + ")" * 64, "f(" * 64 + "x" + ")" * 64, "1" + "+1" * 98, "x" * 20_000]
)
def test_expressions_at_the_limits_are_read_and_printed(text: str) -> None:
    node = parse_expression(text)
    assert parse_expression(ex.show(node)) == node


def test_wide_expressions_may_be_long() -> None:
    node = parse_expression("[" + "x, " * 6_000 + "]")
    assert isinstance(node, ex.Sequence)
    assert len(node.items) == 6_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9" * 41, "longer than 40 characters"),
        ("0." + "1" * 39, "longer than 40 characters"),
        ("'" + "a" * 201 + "'", "longer than 200 characters"),
        ("x" * 20_001, "longer than 20000 characters"),
    ],
)
def test_limits_of_literals_and_texts(text: str, words: str) -> None:
    assert words in fault_of(text).message


def test_literals_at_their_limits() -> None:
    assert parse_expression("9" * 40) == ex.Literal(int("9" * 40))
    assert parse_expression(f"'{'a' * 200}'") == ex.Literal("a" * 200)


@pytest.mark.parametrize(
    "character", ["\x00", "\x0b", "\x0c", "\r", "\x1b", "\x85", "\u2028", "\u202e", "\u200b", "\ud800"]
)
@pytest.mark.parametrize("frame", ["{}x", "x{} + y", "'a{}b'", "f(x, # {}\ny)", "x  # {}"])
def test_invisible_characters_are_refused_wherever_they_stand(character: str, frame: str) -> None:
    text = frame.format(character)
    fault = fault_of(text)
    assert marked(text, fault) == character
    assert fault.message.isprintable()


@pytest.mark.parametrize("character", ["\r", "\x0c", "\x85", "\u2028"])
def test_a_comment_cannot_end_its_line_early(character: str) -> None:
    assert block_fault_of(f"# words{character}import os\ny = x").message.isprintable()


def test_messages_cut_long_texts() -> None:
    fault = fault_of("x." + "y" * 10_000 + "()")
    assert len(fault.message) < 120


@examples(1_000)
@given(pieces)
@pytest.mark.parametrize("parse", [parse_expression, parse_block])
def test_any_text_is_read_or_refused(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except SyntaxFault as fault:
        assert 0 <= fault.span[0] <= fault.span[1] <= len(text)
        assert fault.message.isprintable()
