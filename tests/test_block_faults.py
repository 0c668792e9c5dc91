"""All faults of a block are told at once, each on its line, and none that follows from another."""

import random

import pytest
from strategies import scaled

from layergen.definition.grammar import parse_definition
from layergen.lang.block import read_block
from layergen.lang.layout import block_tokens
from layergen.lang.parser import SyntaxFault, parse_block, parse_expression


def told(text: str) -> list[tuple[int, str]]:
    """The lines of the faults of a block, and what is said of each."""
    with pytest.raises(SyntaxFault) as caught:
        parse_block(text)
    return [(text[: fault.span[0]].count("\n") + 1, fault.message) for fault in caught.value.every]


ENDS = "the line ends where {} is expected"
NO_VALUE, NO_COLON = ENDS.format("a value"), ENDS.format("`:`")
INDENTED = "this line is indented more than the one before it"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("y = x +\nz = x x", [(1, NO_VALUE), (2, "expected the end of the line, got `x`")]),
        ("y = f(x\nz = g(x", [(1, "`(` is never closed"), (2, "`(` is never closed")]),
        ("y = f(x,\n  z[1)\nz = x]", [(2, "`)` cannot close `[`"), (3, "`]` closes nothing")]),
        ("y = x ? 1\nz = x!", [(1, "`?` is not a character of the language"),
                               (2, "`!` is not a character of the language")]),
        ("y = 'x\nz = 0x1", [(1, "this string is never closed"), (2, "`0x1` is not a number of the language")]),
        ("if x\n  y = x +\nz = x", [(1, NO_COLON), (2, NO_VALUE)]),
        ("if x\n  y = 1\nelif\n  y = 2\nelse\n  y = +", [(1, NO_COLON), (3, NO_VALUE), (5, NO_COLON), (6, NO_VALUE)]),
        ("for i in\n  y = 1\nz = ", [(1, NO_VALUE), (3, NO_VALUE)]),
        ("if x:\n  for i in x:\n    y = )\n  z = )\nw = )", [(3, "`)` closes nothing"), (4, "`)` closes nothing"),
                                                           (5, "`)` closes nothing")]),
        ("y = x\n  z = x\n    w = x\nv = +", [(2, INDENTED), (3, INDENTED), (4, NO_VALUE)]),
        ("if x:\ny = x\nz = +", [(1, "no indented line follows this `:`"), (3, NO_VALUE)]),
        ("if x:\n    y = x\n  z = x\n  w = +\nv = +", [
            (3, "this line's indentation fits none of the lines above it"), (4, NO_VALUE), (5, NO_VALUE)]),
        ("else: y = +\nz = +", [(1, "`else` belongs to no `if`"), (1, NO_VALUE), (2, NO_VALUE)]),
        ("for i in x:\n  y = i\nelse:\n  y = +\nz = +", [(3, "a loop has no `else`"), (4, NO_VALUE), (5, NO_VALUE)]),
        ("if x: y = 1\nelse if z: y = +", [(2, "`else if` is one word"), (2, NO_VALUE)]),
    ],
)  # fmt: skip
def test_each_line_has_its_fault(text: str, faults: list[tuple[int, str]]) -> None:
    assert told(text) == faults


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("while x:\n  y = x\nelse:\n  y = z", 1),  # the body, and what goes on with it
        ("iff x:\n  y = x\nelif z:\n  y = z\nelse:\n  y = w", 1),
        ("try:\n  y = x\nexcept:\n  y = z\nfinally:\n  y = w", 1),
        ("def f(x):\n  '''What it does.'''\n  return x\ny = x", 1),
        ("if x:\ny = x\nelse:\n  y = z", 1),  # its lines are not indented
        ("y = x +\n    z", 1),  # a value that goes on
        ("y = x\n    + z\n    + w", 2),
        ('"""Words,\nand more of them."""\ny = x', 1),
        ("if x:\n\ty = x\n\tz = x\nelse:\n\ty = z", 2),  # tabs, which are told once
        ("y = f(x &&\n      z ? w)\n", 1),
        ("y = f(\n  x,\n  dim=1\nz = x", 1),
    ],
)
def test_what_follows_from_a_fault_is_none(text: str, line: int) -> None:
    assert [at for at, _ in told(text)] == [line]


def test_lines_that_can_be_read_are() -> None:
    statements, faults = read_block("y = x\nz = x +\nif x:\n  w = )\n  v = x\n")
    assert len(faults) == 2
    assert statements == parse_block("y = x\nif x:\n  v = x\n")


def test_a_definition_has_all_its_faults() -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse_definition("y[n = x[n]\nfor i in x:\n  z[i] = \nw[n] = x[n], x[n]\n")
    assert [fault.message for fault in caught.value.every] == [
        "`[` is never closed",
        "a definition has no loops: an equation holds for all of its indices",
        NO_VALUE,
        "an equation has one value",
    ]


def test_deep_blocks_are_left_out() -> None:
    nested = "".join(f"{' ' * depth}if x:\n" for depth in range(150)) + " " * 150 + "y = x\n"
    assert told(f"{nested}z = +\n") == [(101, "this is nested more than 100 deep"), (152, NO_VALUE)]
    chain = "if x:\n  y = x\n" + "elif x:\n  y = x\n" * 1_000
    assert told(chain) == [(1, "this is nested or chained more than 100 deep")]


@pytest.mark.parametrize(
    "piece", ["y=(\n", "y = x" + " " * 900 + "\n(", "(\n", "z[(\ny\n", "if x:\n", "\ty\n", "'''\n"]
)
def test_long_texts_of_faults_take_no_time(piece: str) -> None:
    assert read_block(piece * (19_000 // len(piece)))[1]


def test_random_blocks_have_faults_in_their_places() -> None:
    generator = random.Random(0)
    pieces = [
        "x", "y = x", "(", ")", "[", "]", ",", ":", "=", "+", "\n", "\n", "\n  ", "\n    ", "if x", "if x:", "else:",
        "elif y:", "for i in x:", "def f:", "try:", "except:", "'", '"""', "\t", "?", "# c", "append(", "else if x:",
    ]  # fmt: skip
    for _ in range(scaled(5_000)):
        text = "".join(generator.choices(pieces, k=generator.randrange(1, 24)))
        block_tokens(text)
        statements, faults = read_block(text)
        assert statements or faults
        assert [fault.span for fault in faults] == sorted(fault.span for fault in faults)
        assert all(0 <= fault.span[0] <= fault.span[1] <= len(text) for fault in faults)


def test_an_expression_has_one_fault() -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse_expression("x ? y ? (z")
    assert caught.value.every == (caught.value,)
