"""Linters and type checkers have nothing to say of generated code, whatever spec it comes from."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made import keep, place_of
from test_cases import FOLDERS, PARTS, SHARED
from test_readme import shown

from layergen.cli import main

ROOT = Path(__file__).parents[1]
FORWARDED = '"""What the tests of all packages share."""\n\nfrom generated.tests.behaviours import *  # noqa: F403\n'


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is generated from all sound specs of the tests and the README, in one folder; each case is a package.

    What the tests of all share stands there once.
    """
    root = tmp_path_factory.mktemp("everything")
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (root / "pyproject.toml").write_text(config.replace('"generated/tests/', '"generated/**/tests/'), encoding="utf-8")
    for case in FOLDERS:
        if not (case / "stdout.txt").exists():
            place = place_of(case, tmp_path_factory)
            if not place.exists():
                keep(built(case, tmp_path_factory.mktemp("project")), case, tmp_path_factory)
            take_in(place, root, place.name)
    for index, text in enumerate({block.spec: block for block in shown() if block.language == "yaml"}):
        folder = tmp_path_factory.mktemp("readme")
        (folder / f"{file_name(text)}.yaml").write_text(text, encoding="utf-8")
        generated = built(folder, tmp_path_factory.mktemp("project"))
        take_in(generated, root, f"readme_{index}")
    for package in ("generated", "generated/tests"):
        (root / package / "__init__.py").write_text("", encoding="utf-8")
    return root


def take_in(generated: Path, root: Path, name: str) -> None:
    """Put an output folder as a package below another, and have its tests import it from there."""
    package = root / "generated" / name
    shutil.copytree(generated, package)
    for shared in SHARED:
        share(package / shared, root / "generated" / shared)
    for path in package.glob("tests/**/*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(?m)^( *from generated)\b", rf"\1.{name}", text), encoding="utf-8")
    (package / SHARED[0]).write_text(FORWARDED, encoding="utf-8")


def share(path: Path, place: Path) -> None:
    """Put a file in the place where it stands for all; it is the same there."""
    if place.exists():
        assert path.read_bytes() == place.read_bytes(), path
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)


def built(specs: Path, project: Path) -> Path:
    """What is generated from the specs of a folder."""
    shutil.copytree(specs, project / "specs", ignore=shutil.ignore_patterns(*PARTS))
    assert main(["-C", str(project), "build"]) == 0
    return project / "generated"


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
