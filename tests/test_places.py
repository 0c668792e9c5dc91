"""The places in a spec's file: each value, key and character of it is found, and findings become diagnostics there."""

import pytest
from sources import SPEC, values

from layergen.diagnostics import Label, Place, Rule
from layergen.lang.nodes import Scalar
from layergen.lang.source import SpecSource, parse
from layergen.rules.file import InvalidYaml


@pytest.fixture
def spec() -> SpecSource:
    return parse(SPEC, "specs/linear.yaml")


def marked(source: SpecSource, place: Place) -> str:
    """The line number of a place and the characters at it."""
    at = source.locate(place)
    assert at.file == source.name
    assert at.end_line == at.line
    return f"{at.line}:{source.text.splitlines()[at.line - 1][at.column - 1 : at.end_column - 1]}"


def test_keys_and_items_keep_their_order(spec: SpecSource) -> None:
    assert list(spec.data()) == ["layer", "arguments", "parameters", "inputs", "forward", "cases"]
    assert spec.data()["forward"] == "y = x + weight\n\nz = y * 2\n"
    assert spec.data()["cases"] == [{"dim": 4, "H": 8}, {"dim": 5}]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(("layer",)), "2:Linear"),
        (Place(("layer",), key=True), "2:layer"),
        (Place(("arguments",)), "3:arguments"),
        (Place(("arguments", "dim")), "4:dim"),
        (Place(("arguments", "dim", "min")), "4:1"),
        (Place(("arguments", "dim", "default")), "4:dim"),
        (Place(("parameters", "weight", "shape")), "7:shape"),
        (Place(("parameters", "weight", "shape", 1)), '7:"in // groups"'),
        (Place(("parameters", "weight", "shape", 1), (0, 2)), "7:in"),
        (Place(("parameters", "weight", "shape", 1), (6, 12)), "7:groups"),
        (Place(("parameters", "weight", "shape", 2), (0, 1)), "7:3"),
        (Place(("parameters", "weight", "shape", 9)), "7:shape"),
        (Place(("parameters", "weight", "init"), (8, 10)), "8:-1"),
        (Place(("parameters", "weight", "init"), (14, 14)), "8:"),
        (Place(("inputs", "x", "shape", 1)), "10:dim"),
        (Place(("inputs", "x", "shape", 1), (0, 3)), "10:dim"),
        (Place(("inputs", "x"), (0, 1)), "10:x"),
        (Place(("forward",)), "11:forward"),
        (Place(("forward",), (8, 14)), "12:weight"),
        (Place(("forward",), (16, 17)), "14:z"),
        (Place(("forward",), (0, 25)), "12:y = x + weight"),
        (Place(("cases", 0)), "16:dim: 4"),
        (Place(("cases", 0, "H")), "17:8"),
        (Place(("cases", 1, "dim"), key=True), "18:dim"),
        (Place(("matches", "layer")), "1:"),
        (Place(()), "1:"),
    ],
)
def test_places_are_found(spec: SpecSource, place: Place, expected: str) -> None:
    assert marked(spec, place) == expected


def test_the_end_of_a_block_lies_behind_its_last_word(spec: SpecSource) -> None:
    end = len(str(spec.data()["forward"]))
    at = spec.locate(Place(("forward",), (end, end)))
    assert (at.line, at.column, at.end_column) == (14, 12, 12)


def test_the_indentation_of_a_block_is_found_before_its_words() -> None:
    source = parse("forward: |\n    if a:\n        y = x\n", "a.yaml")
    at = source.locate(Place(("forward",), (6, 10)))
    assert (at.line, at.column, at.end_column) == (3, 5, 9)


def test_columns_count_characters() -> None:
    source = parse('a: "ünï\\u00e9 宽 😀 x"', "a.yaml")
    assert marked(source, Place(("a",), (9, 10))) == "1:x"
    assert marked(source, Place(("a",), (3, 4))) == "1:\\u00e9"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_break_counts_as_one(newline: str) -> None:
    source = parse(SPEC.replace("\n", newline), "a.yaml")
    assert marked(source, Place(("forward",), (16, 17))) == "14:z"
    assert source.diagnose(InvalidYaml.at(("layer",), "m")).excerpt == ((2, "layer: Linear   # the class"),)


WORDS = 'it\'s "q" a\\b x[0] + ü宽😀 -1 #no :z'
SCALARS = {
    "plain": "a + b",
    "plain on several lines": "a  +\n   b\n\n   - c   # comment",
    "single": "'it''s  '''' \"q\"'",
    "single on several lines": "'a''b\n\n\n   c''  \n   d '",
    "double": r'"a\"b\\ \x41\u00e9\U0001F600 \t\n \/ c"',
    "double with escaped space": r'"a\ \x20\u0020b\_c"',
    "double continued": '"a \\\n   b\\\n   \\ c\n   d\n\n   e"',
    "literal": f"|\n  {WORDS}\n    {WORDS}\n\n  c\n",
    "literal that keeps": f"|+\n  {WORDS}\n\n   b\n\n\n",
    "literal that strips": f"|-\n  {WORDS}\n\n   b\n\n",
    "literal with indentation": "|2  # comment\n    a\n   b\n  c\n",
    "literal with both": "|1-\n  a\n \n b",
    "folded": f">\n  {WORDS}\n  {WORDS}\n\n    more\n      indented\n\n  c\n",
    "folded that keeps": ">+\n  a\n  b\n\n\n",
    "folded with indentation": ">-2\n    a\n  b\n",
    "tagged": "!!str   a b",
    "tagged literal": "!!str |\n  a\n  b",
    "tagged on the next line": "!!str # comment\n   'a b'",
    "empty": "''",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("written", SCALARS.values(), ids=SCALARS)
def test_each_character_of_a_scalar_is_found_in_the_file(written: str, newline: str) -> None:
    text = f"x: 1\na: {written}\nb: 2\n".replace("\n", newline)
    source = parse(text, "a.yaml")
    node = source.root.entries["a"][1]
    assert isinstance(node, Scalar)
    assert len(node.spots) == len(node.text)
    assert list(node.spots) == sorted(node.spots)
    for character, (start, end) in zip(node.text, node.spots, strict=True):
        if character.isspace() and character != "\xa0":
            continue
        unit = text[start:end]
        assert (unit if len(unit) == 1 else values(f"a: {node.style}{unit}{node.style}")["a"]) == character  # type: ignore[index]


def test_values_behind_tags_begin_at_themselves() -> None:
    source = parse("a: !!str  xyz\nb: !!seq [1]\n", "a.yaml")
    assert marked(source, Place(("a",))) == "1:xyz"


# From findings to diagnostics


def test_a_finding_becomes_a_diagnostic(spec: SpecSource) -> None:
    finding = InvalidYaml.at(
        Place(("forward",), (8, 14)),
        "message",
        label="here",
        labels=[Label(Place(("layer",), key=True), "there"), Label(Place(("forward",), (0, 1)), "too")],
        notes=["shapes: none"],
        help="help",
        fix="bias",
    )
    found = spec.diagnose(finding)
    assert (found.location.line, found.location.column, found.location.end_column) == (12, 11, 17)
    assert (found.rule, found.message, found.label, found.help) == (InvalidYaml, "message", "here", "help")
    assert (found.notes, found.fix, found.pointer) == (("shapes: none",), "bias", "forward")
    assert [(mark.location.line, mark.text) for mark in found.marks] == [(2, "there"), (12, "too")]
    assert found.excerpt == ((2, "layer: Linear   # the class"), (12, "  y = x + weight"))


@pytest.mark.parametrize(
    ("text", "place", "kept"),
    [
        ("a: bc", Place(("a",)), True),
        ("a: bc", Place(("a",), key=True), True),
        ("a: 'bc'", Place(("a",)), False),
        ("a: 'bc'", Place(("a",), (0, 2)), True),
        ("a: {b: c}", Place(("a",)), False),
        ('a: "b\\\\c"', Place(("a",), (0, 3)), False),
        ("a: 1", Place(("b",)), False),
    ],
)
def test_a_fix_is_kept_only_where_it_can_replace_the_text(text: str, place: Place, kept: bool) -> None:
    found = parse(text, "a.yaml").diagnose(InvalidYaml.at(place, "m", fix="x"))
    assert (found.fix == "x") is kept


def test_every_rule_of_the_file_has_a_page() -> None:
    for code in (f"LG{number}" for number in range(101, 111)):
        assert "Fix: " in Rule.registry[code].page()


def test_a_tensor_of_a_tuple_is_where_the_tuple_is() -> None:
    text = "inputs:\n  x: [N]\n  state: {tuple: {h: [N, 3], c: {shape: [N, 4]}}}\n"
    source = parse(text, "specs/carried.yaml")
    assert marked(source, Place(("inputs", "state[0]"), key=True)) == "3:h"
    assert marked(source, Place(("inputs", "state[1]", "shape", 1))) == "3:4"
    found = source.diagnose(InvalidYaml.at(("inputs", "state[1]", "shape", 1), "wrong"))
    assert found.pointer == "inputs.state.tuple.c.shape[1]"
