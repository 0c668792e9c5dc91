"""Linters and type checkers have nothing to say of generated code, whatever spec it comes from."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cases import FOLDERS, PARTS
from test_readme import shown

from layergen.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is generated from all sound specs of the tests and the README, in one folder; each case is a package."""
    root = tmp_path_factory.mktemp("everything")
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (root / "pyproject.toml").write_text(config.replace('"generated/tests/', '"generated/**/tests/'), encoding="utf-8")
    for name, project in sound(tmp_path_factory.mktemp("projects")):
        text = f'[tool.layergen]\noutput = "generated/{name}"\n'
        (project / "pyproject.toml").write_text(text, encoding="utf-8")
        assert main(["-C", str(project), "build"]) == 0
        shutil.copytree(project / "generated", root / "generated", dirs_exist_ok=True)
    (root / "generated" / "__init__.py").write_text("", encoding="utf-8")
    return root


def sound(folder: Path) -> Iterator[tuple[str, Path]]:
    """Projects with the specs of each case that has no faults, and of the README."""
    for case in FOLDERS:
        if not (case / "stdout.txt").exists():
            name = f"{case.parent.name}_mended" if case.name == "mended" else case.name
            shutil.copytree(case, folder / name / "specs", ignore=shutil.ignore_patterns(*PARTS))
            yield name, folder / name
    for index, text in enumerate({block.spec: block for block in shown() if block.language == "yaml"}):
        path = folder / f"readme_{index}" / "specs" / f"{file_name(text)}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        yield f"readme_{index}", folder / f"readme_{index}"


def file_name(spec: str) -> str:
    """The name of the file of a spec: its class in snake case."""
    found = re.search(r"^layer: (\w+)$", spec, re.MULTILINE)
    assert found
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", found[1]).lower()


@pytest.mark.slow
def test_tools_find_nothing(everything: Path) -> None:
    for tool in (("ruff", "check", "--no-cache"), ("mypy", "--strict", "--no-incremental")):
        command = [sys.executable, "-m", *tool, "generated"]
        result = subprocess.run(command, cwd=everything, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
