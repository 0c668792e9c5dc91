"""`layergen test`: it runs the generated tests by pytest, and exits as they end."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from layergen.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("ended", "code"), [(0, 0), (1, 1), (2, 1), (4, 2), (5, 2)])
def test_tests_are_those_of_pytest(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, ended: int, code: int
) -> None:
    calls: list[list[str]] = []

    def run(words: list[str], **_: object) -> SimpleNamespace:
        calls.append(words)
        return SimpleNamespace(returncode=ended)

    monkeypatch.setattr(subprocess, "run", run)
    main(["new", "GatedScale"])
    asked = ["test", "GatedScale", "-m", "not slow", "-k", "repr", "-x"]
    assert main(asked) == 2 and "run `layergen build`" in capsys.readouterr().err
    tests = project / "generated" / "tests" / "custom" / "test_gated_scale.py"
    tests.parent.mkdir(parents=True)
    tests.touch()
    assert main(asked) == code
    assert calls == [[sys.executable, "-m", "pytest", "-q", str(tests), "-k", "repr", "-m", "not slow", "-x"]]


@pytest.mark.slow
def test_generated_tests_are_run_by_name(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["new", "GatedScale"])
    assert main(["test"]) == 2 and "run `layergen build`" in capfd.readouterr().err
    main(["build"])
    assert main(["test", "GatedScale", "-k", "repr"]) == 0
    assert main(["test", "GatedScale", "-m", "not slow", "-k", "repr"]) == 0
    assert main(["test", "GatedScale", "-m", "slow", "-k", "repr"]) == 2  # none of them is slow
    assert "passed" in capfd.readouterr().out
    module = project / "generated" / "custom" / "gated_scale.py"
    module.write_text(
        module.read_text(encoding="utf-8").replace("def extra_repr", "def another_repr"), encoding="utf-8"
    )
    assert main(["test", "GatedScale", "-k", "repr", "-x"]) == 1
    assert main(["test", "GatedScael"]) == 2
