"""Reading a spec's file: its faults, its values, and the places in it."""

import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from sources import SPEC, values
from strategies import examples, mutations

from layergen.diagnostics import Diagnostic, Place
from layergen.faults import SourceError
from layergen.lang.source import SIZE, load, parse


def faults(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SourceError) as caught:
        parse(text, "a.yaml")
    return caught.value.diagnostics


def fault(text: str) -> tuple[str, int, int, str]:
    (found,) = faults(text)
    return found.rule.code, found.location.line, found.location.column, found.message


def load_fault(path: Path) -> Diagnostic:
    with pytest.raises(SourceError) as caught:
        load(path, "specs/a.yaml")
    (found,) = caught.value.diagnostics
    return found


# The file


def test_a_file_is_read_with_its_displayed_name(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"layer: X\n")
    source = load(path, "specs/a.yaml")
    assert (source.name, source.text, source.data()) == ("specs/a.yaml", "layer: X\n", {"layer": "X"})


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    found = load_fault(tmp_path / "a.yaml")
    assert (found.rule.code, found.rule.name, found.location.file) == ("LG101", "unreadable-file", "specs/a.yaml")
    assert found.message == "cannot read the file: there is none"


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    assert load_fault(tmp_path / "a.yaml").message == "this is a folder"


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert load_fault(tmp_path / "a.yaml").message == "this is not a regular file"


def test_a_dangling_link_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("nowhere.yaml")
    assert "the link leads nowhere" in load_fault(tmp_path / "a.yaml").message


def test_a_looping_link_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("a.yaml")
    assert load_fault(tmp_path / "a.yaml").rule.code == "LG101"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("layer: X")
    path.chmod(0)
    assert "permission denied" in load_fault(path).message


@pytest.mark.parametrize("name", ["a\0.yaml", "a" * 5000])
def test_an_impossible_path_is_unreadable(tmp_path: Path, name: str) -> None:
    assert load_fault(tmp_path / name).rule.code == "LG101"


def test_bytes_that_are_not_utf_8_are_shown_in_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("layer: X\ndoc: é ".encode() + b"Gr\xf6\xdfe\n")
    found = load_fault(path)
    assert (found.rule.code, found.location.line, found.location.column) == ("LG102", 2, 10)
    assert "0xF6" in found.message
    assert found.excerpt[0][1].startswith("doc: é Gr")


def test_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("layer: X".encode("utf-16"))
    assert load_fault(path).message == "the file is UTF-16, not UTF-8"


def test_a_byte_order_mark_is_allowed_at_the_start_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbflayer: X")
    source = load(path, "specs/a.yaml")
    assert source.locate(Place(("layer",))).column == 8
    path.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbflayer: X")
    assert load_fault(path).rule.code == "LG110"


def test_the_size_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"layer: X #".ljust(SIZE, b"x"))
    assert load(path, "specs/a.yaml").data() == {"layer": "X"}
    path.write_bytes(b"layer: X #".ljust(SIZE + 1, b"x"))
    assert load_fault(path).rule.code == "LG103"


def test_the_number_of_values_is_limited() -> None:
    assert fault(f"a: [{'1,' * 20_000}]")[0] == "LG103"


# The syntax


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a:\n\tb: 1", 2, 1, "a tab stands where YAML wants spaces"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document begins here"),
        ("a: 1\nlayer X\nb: 2", 2, 1, "no `:` follows this key"),
        ("a: b: c", 1, 5, "a second `:` on the line"),
        ("a: b\n c: d", 2, 3, "a `:` is not allowed here"),
        ("a: [1, 2", 1, 4, "the `[` is not closed"),
        ("a: {b: 2", 1, 4, "the `{` is not closed"),
        ("a: 'x\n", 1, 4, "the quote `'` is not closed"),
        ('a: "\\q"', 1, 5, "unknown escape `\\q`"),
        ('a: "\\U7FFFFFFF"', 1, 7, "the number here is out of range"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", 1, 9, "the number here is out of range"),
        ("a: @b", 1, 4, "text cannot begin with `@`"),
        ("a: - b", 1, 4, "a list item is not allowed here"),
        ("a: [,]", 1, 5, "a value is missing before `,`"),
        ("a:\n    b: 1\n  c: 2", 3, 3, "this line does not fit the lines above it"),
        ("a: 'x' y", 1, 8, "`y` is not expected here"),
        ("a: [N, (H + p[0]) // 2]", 1, 14, "expected `,` or `]` here, inside the `[` of line 1"),
        ("1: a", 1, 1, "the key `1` is not text"),
        ("null: a", 1, 1, "the key `null` is not text"),
        ("[a]: b", 1, 1, "a list stands where a key should"),
        ("? {a: 1}\n: b", 1, 3, "a mapping stands where a key should"),
        ("a: " + "1" * 5000, 1, 4, "the number `1111111111…` has 5000 characters, more than 40"),
        ("a: 1e999", 1, 4, "the number `1e999` is too large for a float"),
        ("a: !!int x", 1, 10, "`x` is no `!!int`"),
        ("a: !!seq {b: 1}", 1, 10, "this is no `!!seq`"),
    ],
)
def test_invalid_yaml_is_explained(text: str, line: int, column: int, message: str) -> None:
    assert fault(text) == ("LG104", line, column, message)


def test_a_question_mark_in_braces_wants_quotes() -> None:
    (found,) = faults("a: {title: What is it?, url: b}")
    assert (found.rule.code, found.location.column) == ("LG104", 22)
    assert found.help == "put text that has a `?` at the end of a word in quotes"
    assert values("a: {title: 'What is it?', url: b}") == {"a": {"title": "What is it?", "url": "b"}}


def test_64_levels_are_the_limit() -> None:
    assert values("a: " + "[" * 63 + "]" * 63)
    assert fault("a: " + "[" * 64 + "]" * 64)[:3] == ("LG105", 1, 67)


def test_a_duplicate_key_names_the_first_place() -> None:
    (found,) = faults("x: 1\ny:\n  a: 1\n  b: 2\n  'a': 3\n")
    assert (found.rule.code, found.location.line, found.location.column) == ("LG106", 5, 3)
    assert found.marks[0].location.line == 3
    assert [number for number, _ in found.excerpt] == [3, 5]


def test_anchors_and_aliases_are_refused() -> None:
    found = faults("a: &x [1]\nb: *x\nc: !!str &y z\n")
    assert [(item.rule.code, item.location.line, item.location.column) for item in found] == [
        ("LG107", 1, 4),
        ("LG107", 2, 4),
        ("LG107", 3, 10),
    ]


@pytest.mark.parametrize("text", ["a: * 2", "a: ** b", "a: & b"])
def test_unquoted_stars_and_ampersands_are_aliases(text: str) -> None:
    assert fault(text)[:3] == ("LG107", 1, 4)


@pytest.mark.parametrize(
    "tag", ["!!python/name:os.system", "!!python/object/apply:os.system", "!x", "!", "!!binary", "!<tag:x>", "!e!x"]
)
def test_foreign_tags_are_refused(tag: str) -> None:
    assert fault(f"a: {tag} b")[:3] == ("LG108", 1, 4)


def test_a_redefined_core_tag_is_foreign() -> None:
    assert fault("%TAG !! tag:evil,2000:\n---\na: !!str b")[0] == "LG108"


def test_core_tags_work() -> None:
    text = (
        "a: !!int '12'\nb: !!str 12\nc: !!float 1\nd: !!bool 'true'\ne: !!null ''\nf: !!map {}\ng: !!seq []\nh: !!str"
    )
    expected = {"a": 12, "b": "12", "c": 1.0, "d": True, "e": None, "f": {}, "g": [], "h": ""}
    assert values(text) == expected
    assert isinstance(values("a: !!float 1")["a"], float)  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("# only this\n", "the file holds only comments"),
        ("- a\n- b", "the top level is a list, not a mapping of keys to values"),
        ("text", "the top level is a single value, not a mapping of keys to values"),
        ("--- ", "the top level is a single value, not a mapping of keys to values"),
    ],
)
def test_the_top_level_must_be_a_mapping(text: str, message: str) -> None:
    assert fault(text)[::3] == ("LG109", message)


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\0", "U+0000 NULL"),
        ("\x1b", "U+001B ESCAPE"),
        ("\x0b", "U+000B CONTROL CHARACTER"),
        ("\x7f", "U+007F DELETE"),
        ("\x85", "U+0085 NEXT LINE"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u200e", "U+200E LEFT-TO-RIGHT MARK"),
        ("\u061c", "U+061C ARABIC LETTER MARK"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u2028", "U+2028 LINE SEPARATOR"),
        ("\ufdd0", "U+FDD0 NONCHARACTER"),
        ("\U0010ffff", "U+10FFFF NONCHARACTER"),
    ],
)
@pytest.mark.parametrize("place", ["a: b\nc: x{}y", "a: b\n#: x{}y"])
def test_forbidden_characters_are_named_in_their_place(character: str, name: str, place: str) -> None:
    assert fault(place.replace("{}", character)) == ("LG110", 2, 5, f"{name} may not stand in a spec")


@pytest.mark.parametrize(
    "escape", ["\\u202e", "\\0", "\\e", "\\N", "\\L", "\\x7f", "\\ud800", "\\uFFFE", "\\U0010ffff"]
)
def test_escapes_may_not_produce_forbidden_characters(escape: str) -> None:
    (found,) = faults(f'a: "é\\n {escape}"')
    assert (found.rule.code, found.location.column, found.location.end_column) == ("LG110", 9, 9 + len(escape))


def test_all_faults_are_reported_in_the_order_of_the_file() -> None:
    text = 'a: &x 1\na: "\\0"\n2: b\nc: !y z\nd: [1'
    assert [item.rule.code for item in faults(text)] == ["LG107", "LG106", "LG110", "LG104", "LG108", "LG104"]


def test_a_file_full_of_faults_ends_the_search() -> None:
    found = faults("a: 1\n" * 1000)
    assert len(found) == 50
    assert found[-1].notes == ("note: the search of this file ends here",)


# The values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nULL", "nULL"),
        ("true", True), ("True", True), ("FALSE", False), ("tRUE", "tRUE"),
        ("on", "on"), ("no", "no"), ("yes", "yes"), ("y", "y"), ("Off", "Off"),
        ("0", 0), ("-12", -12), ("+3", 3), ("010", 10), ("0o17", 15), ("0xfF", 255), ("-0x1", "-0x1"),
        ("0b1", "0b1"), ("1_000", "1_000"), ("12:30", "12:30"), ("2001-01-01", "2001-01-01"), ("1,5", "1,5"),
        ("1e-5", 1e-5), ("1.", 1.0), (".5", 0.5), ("-1.5E+3", -1500.0), ("1e", "1e"), (".", "."), ("1e5", 1e5),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("'1'", "1"), ('"true"', "true"), ("'~'", "~"), ("|\n 1", "1"), ("=", "="), ("<<", "<<"), ("1 + 2", "1 + 2"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = values(f"a: {text}")["a"]  # type: ignore[index]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_float() -> None:
    assert math.isnan(values("a: .nan")["a"])  # type: ignore[index]


def test_keys_such_as_on_and_y_are_text() -> None:
    assert values("on: 1\nno: 2\ny: 3\nx: 4\n'1': 5\n<<: {a: b}") == {
        "on": 1, "no": 2, "y": 3, "x": 4, "1": 5, "<<": {"a": "b"},
    }  # fmt: skip


# Hostile files


def hostile(size: int) -> dict[str, str]:
    return {
        "brackets": "[" * size,
        "flow mappings": "{a: " * (size // 4),
        "list dashes": "- " * (size // 2),
        "question marks": "? " * (size // 2),
        "a long word": "a: " + "b" * (size - 3),
        "many words": "a: " + "b " * (size // 2 - 3),
        "a long key": "b" * (size - 3) + ": a",
        "many keys": "".join(f"k{i}: 1\n" for i in range(size // 11)),
        "one key": "a: 1\n" * (size // 5),
        "many values": "a: [" + "1," * (size // 2 - 5) + "]",
        "many lists": "[" * 60 + "[]," * (size // 3 - 60),
        "question marks in a list": "[" + "?," * (size // 2 - 1),
        "escapes": 'a: "' + "\\n" * (size // 2 - 4) + '"',
        "quotes": "a: '" + "''" * (size // 2 - 4) + "'",
        "a block": "a: |\n" + " x\n" * (size // 3 - 5),
        "a folded block": "a: >\n" + " x\n" * (size // 3 - 5),
        "forbidden characters": "\0" * size,
        "forbidden escapes": 'a: "' + "\\0" * (size // 2 - 4) + '"',
        "anchors": "[" + "&a b," * (size // 5 - 1),
        "a tag": "a: !" + "x" * (size - 8) + " y",
        "digits": "a: " + "1" * (size - 3),
        "comments": "#\n" * (size // 2),
        "spaces": " " * size,
        "line breaks": "\n" * size,
        "documents": "---\n" * (size // 4),
        "directives": "%A\n" * (size // 3),
    }


@pytest.mark.parametrize(("part", "seconds"), [(8, 2), pytest.param(1, 5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", hostile(SIZE))
def test_hostile_files_are_judged_quickly(name: str, part: int, seconds: int) -> None:
    """Those that are as long as a file may be, and at first those of a part of it."""
    text = hostile(SIZE // part)[name]
    assert len(text) <= SIZE
    start = time.process_time()
    try:
        source = parse(text, "a.yaml")
        source.locate(Place(("a",), (len(text) // 2, len(text) // 2 + 1)))
    except SourceError as error:
        assert error.diagnostics
    assert time.process_time() - start < seconds  # about 1 at most on a common computer for all of it


@examples(300)
@given(mutations(SPEC))
def test_a_mutated_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, "a.yaml").data()
    except SourceError as error:
        assert error.diagnostics


def test_a_text_that_is_cut_anywhere_is_read_or_refused() -> None:
    for end in range(len(SPEC)):
        try:
            parse(SPEC[:end], "a.yaml").data()
        except SourceError as error:
            assert error.diagnostics
