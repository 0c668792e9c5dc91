"""Diagnostics as text: the excerpt's layout, and each style of output."""

import json
import unicodedata

import pytest

from layergen.diagnostics import Diagnostic, Location, Mark
from layergen.present.diagnostics import STYLES, format_diagnostics
from layergen.present.excerpt import width
from layergen.rules.file import DuplicateKey, UnreadableFile

FILE = "specs/conv/custom_conv2d.yaml"
LINE = "  y = conv2d(x, weight, stride=stride, padding=padding) + bias"


def at(line: int, text: str, word: str, file: str = FILE) -> Location:
    column = text.index(word) + 1
    return Location(file, line, column, line, column + len(word))


def diagnostic(line: str = LINE, word: str = "bias", number: int = 31, **fields: object) -> Diagnostic:
    defaults: dict[str, object] = {"location": at(number, line, word), "excerpt": ((number, line),)}
    return Diagnostic(DuplicateKey, "a `message`", **{**defaults, **fields})  # type: ignore[arg-type]


def lines(*diagnostics: Diagnostic) -> list[str]:
    return format_diagnostics(diagnostics, "full").split("\n")


def test_a_full_diagnostic_has_excerpt_notes_and_help() -> None:
    found = diagnostic(
        label="[out_channels]",
        notes=("shapes: [N, C] + [C] agree only where N == C",),
        help="write `bias[:, None, None]`",
    )
    assert format_diagnostics([found], "full") == (
        "specs/conv/custom_conv2d.yaml:31:59: LG106 duplicate-key: a `message`\n"
        "   |\n"
        "31 |   y = conv2d(x, weight, stride=stride, padding=padding) + bias\n"
        "   |                                                           ^^^^ [out_channels]\n"
        "   = shapes: [N, C] + [C] agree only where N == C\n"
        "   = help: write `bias[:, None, None]`"
    )


def test_a_diagnostic_of_a_whole_file_has_no_excerpt() -> None:
    found = Diagnostic(UnreadableFile, "there is none", Location("a.yaml"), help="write it")
    assert lines(found) == ["a.yaml:1:1: LG101 unreadable-file: there is none", "  = help: write it"]


def test_diagnostics_are_parted_by_an_empty_line() -> None:
    assert format_diagnostics([diagnostic(), diagnostic()], "full").count("\n\n") == 1


def test_no_diagnostics_are_no_text() -> None:
    shown = {style: format_diagnostics([], style) for style in STYLES}
    assert shown == {"full": "", "concise": "", "json": "[]", "github": ""}


def test_help_may_have_several_lines() -> None:
    assert lines(diagnostic(help="write\ny = a\nz = b"))[-3:] == ["   = help: write", "     y = a", "     z = b"]


def test_marks_on_a_line_hang_their_words_below_it() -> None:
    marks = tuple(Mark(at(31, LINE, word), f"the {word}") for word in ("bias", "stride", "conv2d"))
    assert lines(diagnostic(word="weight", label="here", marks=marks))[2:] == [
        "31 |   y = conv2d(x, weight, stride=stride, padding=padding) + bias",
        "   |       ------    ^^^^^^  ------                            ---- the bias",
        "   |       |         |       |",
        "   |       |         |       the stride",
        "   |       |         here",
        "   |       the conv2d",
    ]


def test_a_mark_without_words_leaves_the_words_of_the_others() -> None:
    mark = Mark(at(31, LINE, "bias"))
    assert lines(diagnostic(word="weight", label="here", marks=(mark,)))[3:] == [
        "   |                 ^^^^^^                                    ----",
        "   |                 |",
        "   |                 here",
    ]


def test_marks_that_overlap_show_the_shorter_on_top() -> None:
    mark = Mark(at(31, LINE, "weight, stride"), "longer")
    assert lines(diagnostic(word="weight", label="shorter", marks=(mark,)))[3:] == [
        "   |                 ^^^^^^--------",
        "   |                 |",
        "   |                 shorter",
        "   |                 longer",
    ]


def test_a_mark_within_another_keeps_its_own_words() -> None:
    mark = Mark(at(31, LINE, "x, weight, stride"), "longer")
    assert lines(diagnostic(word="weight", label="shorter", marks=(mark,)))[3:] == [
        "   |              ---^^^^^^--------",
        "   |              |  |",
        "   |              |  shorter",
        "   |              longer",
    ]


def test_marks_on_other_lines_are_further_excerpts() -> None:
    excerpt = ((8, "a: 1"), (9, "b: 2"), (12, "a: 3"))
    marks = (Mark(at(8, "a: 1", "a"), "first"), Mark(at(9, "b: 2", "2"), "second"))
    assert lines(diagnostic("a: 3", "a", 12, marks=marks, excerpt=excerpt))[1:] == [
        "   |",
        " 8 | a: 1",
        "   | - first",
        " 9 | b: 2",
        "   |    - second",
        "...",
        "12 | a: 3",
        "   | ^",
    ]


def test_marks_in_other_files_are_notes() -> None:
    found = diagnostic(marks=(Mark(at(31, LINE, "bias", "specs/other.yaml"), "the other"),))
    assert lines(found)[3:] == [f"   | {' ' * 58}^^^^", "   = note: specs/other.yaml:31: the other"]


def test_an_empty_place_has_one_caret() -> None:
    found = diagnostic("y = (a", "", location=Location(FILE, 31, 7, 31, 7))
    assert lines(found)[2:] == ["31 | y = (a", "   |       ^"]


def test_a_place_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    found = diagnostic("y = (a", "", location=Location(FILE, 31, 5, 33, 2))
    assert lines(found)[3] == "   |     ^^"


def test_empty_lines_have_no_trailing_space() -> None:
    found = diagnostic("", "")
    assert lines(found)[2:] == ["31 |", "   | ^"]


@pytest.mark.parametrize("before", ["\t", "a\tb\t\t", "宽度: ", "e\u0301: ", "😀", "\x1b[31m", "\u202e", "한국 "])
def test_carets_stand_under_what_they_mark(before: str) -> None:
    _, _, source, carets = lines(diagnostic(f"{before}bias + b", "bias"))
    assert width(carets[: carets.index("^")]) == width(source[: source.index("bias")])
    assert carets.count("^") == 4


def test_wide_characters_have_wide_marks() -> None:
    assert lines(diagnostic("a 宽度 b", "宽度"))[3] == "   |   ^^^^"


@pytest.mark.parametrize("sign", ["x", "宽", "\t", "\x1b", "\u0301"])
@pytest.mark.parametrize("before", [0, 10, 100, 100_000])
@pytest.mark.parametrize("after", [0, 10, 100_000])
def test_long_lines_are_cut_around_the_mark(sign: str, before: int, after: int) -> None:
    line = sign * before + " bias " + sign * after
    _, _, source, carets = lines(diagnostic(line, "bias"))
    assert width(source) <= 170
    assert len(source) <= 170
    assert width(carets[: carets.index("^")]) == width(source[: source.index("bias")])
    if before == 100_000:
        assert source.startswith("31 | …")
    if after == 100_000:
        assert source.endswith("…")


def test_marks_beyond_a_cut_stand_at_its_edge() -> None:
    line = "bias " + "x" * 1000 + " end"
    found = diagnostic(line, "end", label="here", marks=(Mark(at(31, line, "bias"), "there"),))
    _, _, source, carets, stems, words = lines(found)
    assert (carets.index("-"), carets.index("^")) == (source.index("…") + 1, source.index("end"))
    assert stems.index("|", 5) == words.index("there") == carets.index("-")


HOSTILE = "\x1b[31m\x07\u202e\r\n::error::x\u2028\x85\udc80"


@pytest.mark.parametrize("style", STYLES)
def test_nothing_raw_reaches_the_terminal(style: str) -> None:
    place = Location(f"a{HOSTILE}.yaml", 1, 2, 1, 3)
    found = Diagnostic(
        DuplicateKey, f"m{HOSTILE}", place, f"l{HOSTILE}", (Mark(place, f"k{HOSTILE}"),), (f"n: {HOSTILE}",),
        f"h{HOSTILE}", f"f{HOSTILE}", f"p{HOSTILE}", ((1, f"e{HOSTILE}"),),
    )  # fmt: skip
    shown = format_diagnostics([found], style)
    shown.encode("utf-8")
    assert not {unicodedata.category(character) for character in shown.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl"}
    assert not any(line.startswith("::error::x") for line in shown.split("\n"))


def test_colors_change_nothing_else() -> None:
    found = diagnostic(label="here", help="help", marks=(Mark(at(31, LINE, "stride"), "there"),))
    colored = format_diagnostics([found], "full", color=True)
    assert "\x1b[1;31m^^^^\x1b[0m \x1b[1;31mhere\x1b[0m" in colored
    assert "\x1b[1;34m------\x1b[0m" in colored
    plain = "".join(part.partition("m")[2] if number else part for number, part in enumerate(colored.split("\x1b[")))
    assert plain == format_diagnostics([found], "full")


def test_concise_is_a_line_for_each() -> None:
    found = diagnostic(label="here", help="help")
    line = "specs/conv/custom_conv2d.yaml:31:59: LG106 duplicate-key: a `message`"
    assert format_diagnostics([found, found], "concise") == f"{line}\n{line}"


def test_json_has_the_shape_of_ruff() -> None:
    found = diagnostic(
        label="here", help="help", fix="offset", notes=("shapes: x",), pointer="forward",
        marks=(Mark(at(31, LINE, "stride"), "there"),),
    )  # fmt: skip
    start, end = {"row": 31, "column": 59}, {"row": 31, "column": 63}
    assert json.loads(format_diagnostics([found], "json", color=True)) == [
        {
            "code": "LG106",
            "name": "duplicate-key",
            "severity": "error",
            "message": "a `message`",
            "filename": FILE,
            "location": start,
            "end_location": end,
            "pointer": "forward",
            "label": "here",
            "labels": [
                {
                    "filename": FILE,
                    "location": {"row": 31, "column": 25},
                    "end_location": {"row": 31, "column": 31},
                    "message": "there",
                }
            ],
            "notes": ["shapes: x"],
            "help": "help",
            "fix": {
                "applicability": "unsafe",
                "message": "help",
                "edits": [{"content": "offset", "location": start, "end_location": end}],
            },
            "url": None,
        }
    ]


def test_json_has_null_for_what_is_not_there() -> None:
    (shown,) = json.loads(format_diagnostics([diagnostic()], "json"))
    assert (shown["help"], shown["fix"], shown["url"], shown["labels"]) == (None, None, None, [])


def test_github_gets_a_workflow_command() -> None:
    assert format_diagnostics([diagnostic()], "github") == (
        "::error file=specs/conv/custom_conv2d.yaml,line=31,col=59,endLine=31,endColumn=63,"
        "title=LG106 duplicate-key::a `message`"
    )


def test_workflow_commands_are_escaped() -> None:
    found = Diagnostic(DuplicateKey, "50%, a: b\r\nc", Location("a,b:c%d\n.yaml"))
    assert format_diagnostics([found], "github") == (
        "::error file=a%2Cb%3Ac%25d%0A.yaml,line=1,col=1,endLine=1,endColumn=1,"
        "title=LG106 duplicate-key::50%25, a: b%0D%0Ac"
    )
