"""Mutants of layers: which there are, and whether the tests of a layer find them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from projects import GOOD, Project
from small import spec

from layergen.cli import main
from layergen.commands import mutation
from layergen.commands.mutation import sort
from layergen.diagnostics import LayergenError
from layergen.mutate import session, worker
from layergen.mutate.mutants import mutants
from layergen.mutate.runs import Judge, runs_of
from layergen.mutate.session import HANGS, Session, Verdict
from layergen.project.config import Config
from layergen.project.discovery import discover

LAYER = """
from torch import nn

class Halving(nn.Module):
    def forward(self, x, n=3):
        while n > 0:
            n = n - 1
            x = x / 2
        return x + 0.0 * x
"""
TESTS = """
from dataclasses import dataclass
from typing import Any

import pytest

from made.layer import Halving


@dataclass(frozen=True)
class Layer:
    constructor: Any
    modes: bool = False


LAYER = Layer(Halving)
CASES = {"one": 1.0, "two": 2.0}


def test_value(layer, case):
    assert layer.constructor()(8.0 * case) == case


@pytest.mark.slow
def test_that_takes_long(layer):
    raise AssertionError


def test_that_does_not_apply(layer):
    pytest.skip("here")
"""

CONFTEST = """
def rows_of(module, argument):
    return module.CASES if argument == "case" else None
"""


def write(root: Path, package: str) -> None:
    """Write a package with a layer and its tests."""
    tests = root / package / "tests"
    tests.mkdir(parents=True)
    for folder in (tests, tests.parent):
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (tests.parent / "layer.py").write_text(LAYER, encoding="utf-8")
    (tests / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tests / "test_layer.py").write_text(TESTS.replace("made.", f"{package}."), encoding="utf-8")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    write(tmp_path, "made")
    return tmp_path


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a test module that this process can import."""
    write(tmp_path, "halved")
    monkeypatch.syspath_prepend(tmp_path)
    yield "halved.tests.test_layer"
    for name in [name for name in sys.modules if name.split(".")[0] == "halved"]:
        del sys.modules[name]


def judged(root: Path) -> list[Verdict]:
    return list(Session(root, "made.tests.test_layer", root / "made" / "layer.py", "Halving").verdicts())


def test_a_test_with_an_unknown_argument_is_not_left_out() -> None:
    tests = SimpleNamespace(test_of_other_rows=lambda layer, others: None)
    with pytest.raises(LookupError, match="a test has the argument `others`, and nobody knows what it is run with"):
        list(runs_of(tests, lambda module, argument: None))


@pytest.mark.slow
def test_a_test_that_nobody_can_run_is_told_of(made: Path) -> None:
    path = made / "made" / "tests" / "test_layer.py"
    path.write_text(TESTS + "\n\ndef test_of_other_rows(layer, others):\n    pass\n", encoding="utf-8")
    with pytest.raises(LayergenError, match="a test has the argument `others`, and nobody knows what it is run with"):
        judged(made)


def test_a_mutant_has_one_change_and_a_line() -> None:
    found = {mutant.diff: mutant.line for mutant in mutants(LAYER, "Halving")}
    assert found["- n = n - 1\n+ n = n + 1"] == 7
    assert found["- x = x / 2\n+ x = x * 2"] == found["- x = x / 2\n+ x = x / 3"] == 8
    assert len(found) == len(list(mutants(LAYER, "Halving")))


SAME = """
from torch import nn

class Same(nn.Module):
    def __init__(self, sides, step):
        super().__init__()
        sides = _single("sides", sides)
        self.sides = sides
        self.step = step

    def forward(self, x, target):
        total: Tensor | float = F.{call}
        for part in x.unbind():
            total = total + part
        first, second = x.unbind()
        return total, first, self.sides[0], self.step[0]
"""


@pytest.mark.parametrize(
    ("call", "made", "left_out"),
    [
        ("mse_loss(x, target)", "F.mse_loss(x)", "F.mse_loss(target, x)"),
        ("kl_div(x, target)", "F.kl_div(target, x)", ""),
        ("normalize(x, dim=1)", "F.normalize(x, dim=2)", "F.normalize(x)"),
        ("normalize(x, dim=-1)", "F.normalize(x)", ""),
        ("normalize(x, dim=self.step)", "F.normalize(x)", ""),
        ("zeros(3, device=x.device)", "F.zeros(3)", ""),
        ("uniform_(x, -1, 1)", "F.uniform_(x, -1, 2)", "F.uniform_(x, -1)"),
        ("uniform_(x, -1, 2)", "F.uniform_(x, -1)", ""),
        ("normal_(x, 0)", "F.normal_(x, 1)", "F.normal_(x)"),
        ("zip(x, target, strict=True)", "F.zip(target, x, strict=True)", "F.zip(x, target, strict=False)"),
        ("relu(x.float() if self.step else x)", "F.relu(x)", "F.relu(x if self.step else x)"),
        ("zeros(3, device=x.device).type_as(x)", "F.zeros(3, device=x.device)", "F.zeros(3).type_as(x)"),
    ],
)
def test_no_mutant_computes_the_same_by_construction(call: str, made: str, left_out: str) -> None:
    found = [mutant.now for mutant in mutants(SAME.replace("{call}", call), "Same")]
    assert f"total: Tensor | float = {made}" in found
    assert f"total: Tensor | float = {left_out}" not in found
    assert not any("Tensor & float" in now or "= x" in now or "in x:" in now for now in found)
    returned = [now for now in found if now.startswith("return")]
    assert [now for now in returned if "self.step[-1]" in now]
    assert [now for now in returned if "self.sides[1]" in now]
    assert not [now for now in returned if "self.sides[-1]" in now]


def test_mutants_are_judged_by_the_tests_of_the_layer(tests: str) -> None:
    judge = Judge(tests)
    assert judge.failing(judge.tests.LAYER) is None
    made = {mutant.diff: mutant for mutant in mutants(LAYER, "Halving")}
    assert judge.found(made["- x = x / 2\n+ x = x * 2"]) == "test_value"
    assert judge.found(made["- return x + 0.0 * x\n+ return x - 0.0 * x"]) is None
    assert judge.failing(judge.tests.LAYER) is None  # it has put back what was there
    assert Judge(tests, ("test_value",)).found(made["- x = x / 2\n+ x = x * 2"]) is None


def test_the_process_says_what_it_finds(tests: str, capfd: pytest.CaptureFixture[str]) -> None:
    worker.main([tests, "1000"])  # beyond the last mutant
    said = json.loads(capfd.readouterr().out)
    assert said["failing"] is None and said["seconds"] > 0


@pytest.mark.slow
def test_mutants_are_found_survive_or_hang(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LEAST", 2.0)
    verdicts = {verdict.mutant.diff: verdict for verdict in judged(made)}
    assert verdicts["- x = x / 2\n+ x = x * 2"].found == "test_value"
    assert verdicts["- n = n - 1\n+ n = n + 1"].found == HANGS
    assert verdicts["- return x + 0.0 * x\n+ return x - 0.0 * x"].survives
    assert len(verdicts) == len(list(mutants(LAYER, "Halving")))


def test_tests_that_fail_anyway_find_nothing(made: Path) -> None:
    file = made / "made" / "tests" / "test_layer.py"
    file.write_text(TESTS.replace("== case", "== 2 * case"), encoding="utf-8")
    with pytest.raises(LayergenError, match="fails on the layer itself"):
        judged(made)


@pytest.mark.slow
def test_tests_that_cannot_be_run_find_nothing(made: Path) -> None:
    file = made / "made" / "tests" / "test_layer.py"
    file.write_text("import nothing_of_the_kind\n", encoding="utf-8")
    with pytest.raises(LayergenError, match="cannot be run: ModuleNotFoundError"):
        judged(made)


def test_marks_speak_of_survivors() -> None:
    (first, second, *_) = mutants(LAYER, "Halving")
    mark = {"was": first.was.replace(" ", "  "), "now": first.now, "reason": "It is the same."}
    gone = {"was": "h = 1", "now": "h = 2", "reason": "It was the same."}
    told, stale = sort(spec(survivors=[mark, gone]), [first, second])
    assert told == [second] and [each.was for each in stale] == ["h = 1"]


def test_the_command_tells_of_survivors_and_of_marks_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third, *_ = mutants(LAYER, "Halving")
    marks = f"survivors:\n  - {{was: {json.dumps(first.was)}, now: {json.dumps(first.now)}, reason: It is the same.}}\n"
    marks += "  - {was: h = 1, now: h = 2, reason: It was the same.}\n"
    Project(tmp_path, {"rectify.yaml": GOOD + marks})
    verdicts = [Verdict(first, None), Verdict(second, None), Verdict(third, "test_value")]
    judged = SimpleNamespace(mutants=[first, second, third], verdicts=lambda: verdicts)
    monkeypatch.setattr(mutation, "Session", lambda *arguments: judged)
    assert mutation.mutate(Config(tmp_path), discover(Config(tmp_path)).specs)
    output = capsys.readouterr().out
    assert output.endswith("2 of 3 mutants found or marked (66.7%), of 1 layer\n")
    assert f"generated/rectify.py:{second.line}: a change that no test finds\n   - {second.was}\n" in output
    assert "specs/rectify.yaml: `survivors` speaks of a change that there is not, or that tests find" in output
    assert f'  - {{was: "{second.was}", now: "{second.now}", reason: …}}' in output


@pytest.mark.slow
def test_the_command_lists_what_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "GatedScale"]) == main(["build"]) == 0
    code = main(["test", "GatedScale", "--mutate"])
    output = capsys.readouterr().out
    assert "mutants found or marked" in output.splitlines()[-1]
    assert code == (1 if "a change that no test finds" in output else 0)
    with (tmp_path / "specs" / "custom" / "gated_scale.yaml").open("a", encoding="utf-8") as file:
        file.write('survivors:\n  - {was: "h = 1", now: "h = 2", reason: It was the same.}\n')
    assert main(["test", "GatedScale", "--mutate"]) == 1
    assert "speaks of a change that there is not" in capsys.readouterr().out
