"""Golden cases: each folder of tests/cases holds specs and all that layergen makes of them.

A case is a project whose specs folder is the folder itself (``a_case/*.yaml``), with either ``stdout.txt``, the faults
that a build reports, or ``expected/``, the output folder. ``pytest --update-cases`` writes what layergen does now.
"""

import shutil
from pathlib import Path

import pytest

from layergen.cli import main

CASES = Path(__file__).parent / "cases"


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*/")))
def test_case(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], update: bool
) -> None:
    folder = CASES / case
    shutil.copytree(folder, tmp_path / "specs", ignore=shutil.ignore_patterns("expected", "stdout.txt"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    code = main(["build"])
    output, made = capsys.readouterr().out, contents(tmp_path / "generated")
    assert code == (1 if output else 0)
    if update:
        write(folder, output, made)
    expected = folder / "stdout.txt"
    assert output == (expected.read_text(encoding="utf-8") if expected.exists() else "")
    assert made == contents(folder / "expected")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-cases"))


def write(folder: Path, output: str, made: dict[str, str]) -> None:
    shutil.rmtree(folder / "expected", ignore_errors=True)
    (folder / "stdout.txt").unlink(missing_ok=True)
    for name, text in made.items():
        path = folder / "expected" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    if output:
        (folder / "stdout.txt").write_text(output, encoding="utf-8", newline="\n")
