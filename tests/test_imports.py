"""The house: imports point one way, from the rooms below to those above."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "layergen"
# Each room may import those before it and, in a room of several modules, its own as long as they make no circle.
ROOMS = (
    "diagnostics", "faults", "words", "suggest", "resources", "rules", "lang", "definition", "ops", "resolve",
    "settings", "run", "prove", "domains", "probe", "compare", "contracts", "measure", "checked", "advice",
    "at_setting", "conditions", "check", "contract", "literals", "lower", "render", "worker", "project", "children",
    "present", "pipeline", "notebook", "mutate", "bench", "commands", "cli",
)  # fmt: skip
ENTRANCES = {"__init__", "__main__"}  # of the package itself
WITHOUT_TORCH = (
    "diagnostics",
    "faults",
    "words",
    "suggest",
    "resources",
    "rules",
    "lang",
    "definition",
    "project",
    "pipeline",
    "cli",
)


def modules() -> Iterator[tuple[str, Path]]:
    """The modules of the package by their names below it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        yield name, path


MODULES = dict(modules())


@cache
def nodes(name: str) -> list[ast.AST]:
    """All that stands in a module, which takes a while for all of them: what only collects the tests does without."""
    return list(ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))))


def imported(name: str) -> Iterator[str]:
    """The modules of the package that a module imports, anywhere."""
    for node in nodes(name):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "layergen":
                below = module.removeprefix("layergen").lstrip(".")
                for alias in names:
                    inner = f"{below}.{alias.name}".lstrip(".")
                    yield inner if inner in MODULES else below or "__init__"
            case ast.Import(names=names):
                yield from (a.name.removeprefix("layergen.") for a in names if a.name.startswith("layergen."))


@cache
def imports(name: str) -> list[str]:
    """The other modules of the package that a module imports."""
    return sorted(set(imported(name)) - {name}) if name in MODULES else []


def test_every_module_is_in_a_room() -> None:
    assert {name.split(".")[0] for name in MODULES} - ENTRANCES == set(ROOMS)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ENTRANCES])
def test_imports_point_one_way(name: str) -> None:
    own = ROOMS.index(name.split(".")[0])
    wrong = [other for other in imports(name) if other not in ENTRANCES and ROOMS.index(other.split(".")[0]) > own]
    assert wrong == []


def test_no_imports_go_in_a_circle() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' -> '.join((*path, name))}"
        if name not in done:
            for other in imports(name):
                if other not in ENTRANCES:
                    visit(other, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_a_package_imports_its_modules_but_not_the_other_way_round() -> None:
    rooms = {name for name in MODULES if any(other.startswith(f"{name}.") for other in MODULES)}
    backward = [
        (name, room) for name in MODULES for room in rooms if name.startswith(f"{room}.") and room in imports(name)
    ]
    assert backward == []


def test_definitions_know_the_language_alone() -> None:
    known = ("diagnostics", "rules", "suggest", "words", "lang", "definition")
    inner = [name for name in MODULES if name.split(".")[0] == "definition"]
    assert {other for name in inner for other in imports(name) if other.split(".")[0] not in known} == set()


def test_only_one_module_touches_the_private_shape_machinery_of_torch() -> None:
    # Of what torch's names keep private, its documentation hands out the modes of dispatch.
    private = re.compile(r"torch\._(?!C\.Tag)|torch\.fx\.experimental|torch\.utils\._(?!python_dispatch)")
    touching = [
        name
        for name in MODULES
        for node in nodes(name)
        if isinstance(node, ast.ImportFrom) and private.match(node.module or "")
    ]
    assert set(touching) == {"prove.abstract_run"}


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_room_is_entered_without_torch(room: str) -> None:
    names = [name for name in MODULES if name.split(".")[0] == room]
    program = f"import sys, {', '.join(f'layergen.{name}' for name in names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_page_is_shown_without_torch() -> None:
    program = "import sys; from layergen.cli import main; main(['explain', 'LG301']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0
