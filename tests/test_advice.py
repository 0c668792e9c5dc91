"""Advice: what is said of a layer without a fault, and what is not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small import DIM, checked, fault_of, program, weight

from layergen.advice.proposal import spelled
from layergen.cli import main
from layergen.diagnostics import Diagnostic, Location, Mark
from layergen.lang import expression as ex
from layergen.lang.parser import parse_block
from layergen.project.advised import packed, unpacked
from layergen.resolve.unread import without_unread
from layergen.resolve.values import Site, Values
from layergen.rules.writing import RepeatedCall

Capture = pytest.CaptureFixture[str]
TWICE = """\
layer: Twice
summary: Do little.
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: y = exp(sin(x)) + sin(x)
"""


def sites(forward: str) -> dict[str, list[Site]]:
    """Where values are computed, by the words in which they are computed."""
    found: dict[str, list[Site]] = {}
    for site in Values(program(forward).forward.statements).sites:
        found.setdefault(ex.show(site.node) if site.node else "", []).append(site)
    return found


def test_equal_values_are_one_tree_whatever_they_are_called() -> None:
    found = sites("h = sin(x)\ng = sin(x)\ny = cos(h) + cos(g)")
    assert found["cos(h)"][0].value is found["cos(g)"][0].value


def test_a_name_that_is_assigned_again_stands_for_another_value() -> None:
    first, second = sites("h = sin(x)\na = cos(h)\nh = h + 1\ny = a + cos(h)")["cos(h)"]
    assert first.value is not second.value


def test_draws_are_no_two_of_them_equal() -> None:
    first, second = sites("y = dropout(x, 0.5, True) + dropout(x, 0.5, True)")["dropout(x, 0.5, True)"]
    assert first.value is not second.value


def test_a_condition_leaves_one_value_or_the_other() -> None:
    (left,) = sites("h = x\nif training:\n    h = h + 1\ny = h")[""]
    assert ex.show(left.value) == "x + 1 if training else x"


@pytest.mark.parametrize(
    ("forward", "left"),
    [
        ("a = x\ny = x", "y = x"),
        ("a = x\na = a + 1\ny = x", "y = x"),
        ("a = x\na = a + 1\ny = a", "a = x\na = a + 1\ny = a"),
        ("a = x\na = x + 1\ny = a", "a = x + 1\ny = a"),
        ("y = x\nif training:\n    b = x\n    y = y + 1", "y = x\nif training:\n    y = y + 1"),
        ("y = x\nif training:\n    b = x", "y = x"),
        ("if training:\n    a = x\nelse:\n    y = x", "if not training:\n    y = x"),
        ("h = x\nfor i in range(2):\n    h = h + 1\ny = x", "y = x"),
        ("h = x\nfor i in range(2):\n    h = h + 1\ny = h", "h = x\nfor i in range(2):\n    h = h + 1\ny = h"),
        ("a = []\nfor i in range(2):\n    append(a, x)\ny = stack(a)",) * 2,
    ],
)
def test_what_nobody_reads_falls_away(forward: str, left: str) -> None:
    assert without_unread(parse_block(forward), ["y"]) == parse_block(left)


@pytest.mark.parametrize(
    "forward",
    [
        "y = x + sum(x[:, None], dim=1) * 2 + x[:, None][:, 0]",  # views cost next to nothing
        "if training:\n    y = sin(x)\nelse:\n    y = sin(x) * 2",  # no way computes both
        "y = sin(x)\nfor i in range(2):\n    x = x + 1\n    y = y + sin(x)",  # of other values
        "y = sin(x) + cos(x)",
    ],
)
def test_says_nothing_where_nothing_is_computed_twice(forward: str) -> None:
    assert checked(program(forward)).advice == ()


def test_of_a_value_that_would_take_too_many_words_nothing_is_proposed() -> None:
    steps = "\n".join(["h = h * sigmoid(h)"] * 40)
    (site,) = sites(f"h = x\n{steps}\ny = cos(h) + 1")["cos(h) + 1"]
    assert spelled(site.value, replace(site, names={})) is None
    assert spelled(site.value, site) == "cos(h) + 1"


def test_a_condition_that_falls_away_leaves_fewer_ways() -> None:
    forward = "h = linear(x, weight)\nif dim > 5:\n    y = h + bias\nelse:\n    y = bias + h"
    shapes = {"inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    parts = {**weight("kaiming_uniform", "dim", "dim"), "bias": {"shape": ["dim"], "init": "zeros"}}
    layer = program(forward, arguments={"dim": DIM}, parameters=parts, **shapes)
    assert all(finding.rule.advises for finding in checked(layer).advice)


def test_declined_advice_is_not_given() -> None:
    layer = program("y = exp(sin(x)) + sin(x)", accept={"repeated-call": "it reads better"})
    assert checked(layer).advice == ()


def test_advice_that_nobody_gives_need_not_be_declined() -> None:
    assert fault_of(program(accept={"repeated-call": "it reads better"})).message == (
        "`repeated-call` is accepted, but nothing is advised"
    )


def test_norm_without_its_eps_is_none() -> None:
    forward = "y = x * rsqrt(mean(square(x), dim=-1, keepdim=True) * 0.999 + 0.001) * weight"
    shapes = {"inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    accept = {"half-overflow": "inputs are small"}
    layer = program(forward, arguments={"dim": DIM}, parameters=weight("ones", "dim"), accept=accept, **shapes)
    assert checked(layer).advice == ()


def test_text_gives_back_what_was_advised() -> None:
    at = Location("specs/a.yaml", 3, 1, 3, 9)
    advice = (Diagnostic(RepeatedCall, "a", at, "b", (Mark(at, "c"),), ("d",), "e", None, "forward", ((3, "f"),)),)
    assert unpacked(packed(advice)) == advice
    assert packed(()) == "" and unpacked("") == ()


@pytest.mark.parametrize("text", ["x", "1", "[1]", '[["LG1"]]', '[["LG605", "a"]]'])
def test_text_that_no_build_has_written_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unpacked(text)


@pytest.fixture
def twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one layer on which there is advice."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "twice.yaml").write_text(TWICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_builds_count_advice_and_checks_show_it_from_the_cache_as_without(twice: Path, capsys: Capture) -> None:
    for _ in range(2):
        assert main(["build"]) == 0
        built = capsys.readouterr()
        assert built.out == "" and built.err.rstrip().endswith("; 1 piece of advice: see `layergen check`")
        assert main(["check"]) == 0
        assert "specs/twice.yaml:5:28: LG605 repeated-call: `sin(x)` is computed twice" in capsys.readouterr().out


def test_programs_read_the_severity(twice: Path, capsys: Capture) -> None:
    assert main(["build", "--output-format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["check", "--output-format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["code"], found["severity"]) == ("LG605", "advice")
    assert main(["check", "--output-format", "github"]) == 0
    assert capsys.readouterr().out.startswith("::notice file=specs/twice.yaml,line=5,")


def test_faults_come_first(twice: Path, capsys: Capture) -> None:
    (twice / "specs" / "other.yaml").write_text(TWICE.replace("Twice", "Other").replace("sin(x)", "sine(x)"))
    assert main(["check"]) == 1
    output = capsys.readouterr()
    assert "specs/other.yaml" in output.out
    assert "LG605" not in output.out


def test_show_tells_of_advice(twice: Path, capsys: Capture) -> None:
    assert main(["show", "Twice"]) == 0
    assert "repeated-call: `sin(x)` is computed twice" in capsys.readouterr().out
