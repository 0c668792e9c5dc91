"""Projects in folders of their own, for tests that build whole ones."""

import atexit
import contextlib
import importlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from layergen.cli import main
from layergen.project.cache import FOLDER

GOOD = """\
layer: Rectify
summary: Set negative values to zero.
inputs: {x: [...]}
outputs: {y: [...]}
forward: y = relu(x)
"""
TESTS = {f"tests/{name}.py" for name in ("__init__", "behaviours", "conftest", "test_rectify")}
GOOD_FILES = {"__init__.py", "rectify.py", *TESTS}


@dataclass(frozen=True)
class Fault:
    """A fault as the command line reports it."""

    code: str
    message: str
    file: str
    row: int
    column: int


@dataclass(frozen=True)
class Built:
    """What came of a build."""

    code: int
    faults: tuple[Fault, ...]
    errors: str
    files: frozenset[str]

    def faults_of(self, file: str) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.file == file)


class Project:
    """A folder with specs, and what is built from them."""

    def __init__(self, root: Path, specs: Mapping[str, str | bytes]) -> None:
        self.root = root
        self.specs = root / "specs"
        for name, text in specs.items():
            self.write(name, text)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.specs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command in the project: its exit code, its output and its errors."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = main(arguments)
        return code, output.getvalue(), errors.getvalue()

    def build(self) -> Built:
        code, output, errors = self.run("build", "-j", "1", "--output-format", "json")  # torch is here already
        generated = self.root / "generated"
        files = frozenset(path.relative_to(generated).as_posix() for path in generated.rglob("*.py"))
        return Built(code, tuple(map(fault_of, json.loads(output or "[]"))), errors, files)

    def refuse(self) -> Built:
        """Build a project with the good spec; expect faults, and code from that spec alone."""
        shutil.copytree(made_of_good(), self.root / FOLDER)
        built = self.build()
        assert built.code == 1, built.errors
        assert built.files == GOOD_FILES
        assert not built.faults_of("specs/rectify.yaml")
        return built

    def load(self, *names: str) -> list[ModuleType]:
        """Build without a fault, and import generated modules."""
        built = self.build()
        assert (built.code, built.faults) == (0, ()), built.errors
        others = take_generated_modules()  # of the repository itself
        sys.path.insert(0, str(self.root))
        try:
            return [importlib.import_module(f"generated.{name}") for name in names]
        finally:
            sys.path.remove(str(self.root))
            take_generated_modules()
            sys.modules.update(others)


@cache
def made_of_good() -> Path:
    """What builds keep of the good spec, so that it is made once, however many stand beside it."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    built = Project(Path(folder.name), {"rectify.yaml": GOOD}).build()
    assert built.code == 0 and built.files == GOOD_FILES, built.errors
    return Path(folder.name) / FOLDER


def fault_of(reported: dict[str, object]) -> Fault:
    match reported:
        case {
            "code": str(code), "message": str(message), "filename": str(file),
            "location": {"row": int(row), "column": int(column)},
        }:  # fmt: skip
            return Fault(code, message, file, row, column)
    raise AssertionError(f"not a fault: {reported}")


def take_generated_modules() -> dict[str, ModuleType]:
    """Forget the modules of packages called `generated`, and return them."""
    names = [name for name in sys.modules if name.split(".")[0] == "generated"]
    return {name: sys.modules.pop(name) for name in names}


def refused(root: Path, texts: Mapping[str, str | bytes]) -> dict[str, tuple[Fault, ...]]:
    """Build the good spec beside hostile ones called `evil.yaml`, each in a folder of its own: the faults of each."""
    files = {name: f"e{number}/evil.yaml" for number, name in enumerate(texts)}
    project = Project(root, {"rectify.yaml": GOOD, **{files[name]: text for name, text in texts.items()}})
    built = project.refuse()
    return {name: built.faults_of(f"specs/{file}") for name, file in files.items()}
