"""The build as a whole: which files it writes, keeps and removes. The stages between are replaced by a plain one."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layergen.diagnostics import Diagnostic, Location
from layergen.pipeline import BuildResult, build, check
from layergen.project.config import Config
from layergen.project.making import Generated, Order
from layergen.project.signing import signed
from layergen.rules.file import InvalidYaml

Command = Callable[..., BuildResult]
PIPELINE = sys.modules["layergen.pipeline"]  # `layergen.pipeline` itself is the function


def plain(order: Order) -> Generated:
    """Make a module from a spec that is nothing but a class name, or that is at fault."""
    spec = order.spec
    layer = spec.path.read_text(encoding="utf-8")
    if layer == "fault":
        return Generated(diagnostics=(Diagnostic(InvalidYaml, "at fault", Location(spec.name)),))
    if layer == "bug":
        raise RuntimeError("broken")
    module = f'"""A layer."""\n\n__all__ = ["{layer}"]\n\n\nclass {layer}: ...\n'
    texts = (signed(module, spec.name), signed('"""Tests."""\n', spec.name))
    return Generated(layer, texts, {"layer": layer})


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIPELINE, "generate", plain)


def put(root: Path, specs: dict[str, str]) -> None:
    for name, layer in specs.items():
        path = root / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(layer, encoding="utf-8")


def layers(root: Path) -> list[str]:
    """The modules of layers that there are."""
    folder = root / "generated"
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    return [path for path in paths if not path.startswith("tests/") and not path.endswith("__init__.py")]


def package(root: Path, folder: str = "") -> str:
    return (root / "generated" / folder / "__init__.py").read_text(encoding="utf-8")


def codes(result: BuildResult) -> list[tuple[str, str]]:
    return [(item.rule.code, item.location.file) for item in result.diagnostics]


def test_writes_modules_tests_and_packages(tmp_path: Path) -> None:
    put(tmp_path, {"norm/rms_norm.yaml": "RMSNorm", "pool/gem.yaml": "Gem"})
    result = build(Config(tmp_path))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "generated").rglob("*.*"))
    assert files == [
        "generated/__init__.py",
        "generated/norm/__init__.py",
        "generated/norm/rms_norm.py",
        "generated/pool/__init__.py",
        "generated/pool/gem.py",
        "generated/tests/__init__.py",
        "generated/tests/behaviours.py",
        "generated/tests/conftest.py",
        "generated/tests/norm/__init__.py",
        "generated/tests/norm/test_rms_norm.py",
        "generated/tests/pool/__init__.py",
        "generated/tests/pool/test_gem.py",
    ]
    assert "from .norm.rms_norm import RMSNorm" in package(tmp_path)
    assert "from .gem import Gem" in package(tmp_path, "pool")
    assert "import" not in package(tmp_path, "tests")
    assert (result.specs, result.diagnostics) == (2, ())


def test_second_build_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"norm/rms_norm.yaml": "RMSNorm"})
    build(Config(tmp_path))
    assert not build(Config(tmp_path)).plan.pending()
    shutil.rmtree(tmp_path / ".layergen_cache")
    assert not build(Config(tmp_path)).plan.pending()


def test_dry_build_writes_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"norm/rms_norm.yaml": "RMSNorm"})
    assert build(Config(tmp_path), dry=True).plan.pending()
    assert not (tmp_path / "generated").exists()


def test_fault_in_one_spec_stops_no_other(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "fault", "b.yaml": "B", "c.yaml": "fault"})
    result = build(Config(tmp_path))
    assert codes(result) == [("LG104", "specs/a.yaml"), ("LG104", "specs/c.yaml")]
    assert layers(tmp_path) == ["b.py"] and result.specs == 3


def test_fault_leaves_the_earlier_output_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    before = (tmp_path / "generated" / "a.py").read_text()
    put(tmp_path, {"a.yaml": "fault"})
    build(Config(tmp_path))
    assert (tmp_path / "generated" / "a.py").read_text() == before
    assert "from .a import A" in package(tmp_path)


def test_output_of_a_removed_spec_is_removed_with_its_folders(tmp_path: Path) -> None:
    put(tmp_path, {"norm/a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    shutil.rmtree(tmp_path / "specs" / "norm")
    build(Config(tmp_path))
    assert layers(tmp_path) == ["b.py"]
    assert not (tmp_path / "generated" / "norm").exists()
    assert not (tmp_path / "generated" / "tests" / "norm").exists()
    assert "A" not in package(tmp_path)


def test_what_tests_share_is_there_while_some_test_is(tmp_path: Path) -> None:
    shared = [tmp_path / "generated" / "tests" / name for name in ("behaviours.py", "conftest.py")]
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path), [tmp_path / "specs" / "a.yaml"])
    texts = [path.read_text() for path in shared]
    build(Config(tmp_path))
    assert [path.read_text() for path in shared] == texts
    (tmp_path / "specs" / "a.yaml").unlink()
    build(Config(tmp_path))
    assert all(path.exists() for path in shared)
    (tmp_path / "specs" / "b.yaml").unlink()
    build(Config(tmp_path))
    assert not (tmp_path / "generated" / "tests").exists()


def test_files_of_others_are_never_removed(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A"})
    build(Config(tmp_path))
    mine = tmp_path / "generated" / "mine.py"
    mine.write_text("x = 1\n")
    build(Config(tmp_path))
    assert mine.exists()


def test_build_of_some_specs_removes_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B", "c.yaml": "C"})
    build(Config(tmp_path))
    (tmp_path / "specs" / "b.yaml").unlink()
    build(Config(tmp_path), [tmp_path / "specs" / "a.yaml"])
    assert layers(tmp_path) == ["a.py", "b.py", "c.py"]


def test_build_of_some_specs_lists_what_there_is(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B", "c.yaml": "C"})
    build(Config(tmp_path), [tmp_path / "specs" / "a.yaml"])
    build(Config(tmp_path), [tmp_path / "specs" / "b.yaml"])
    listed = package(tmp_path)
    assert "from .a import A" in listed and "from .b import B" in listed and "C" not in listed


def test_search_with_a_fault_removes_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    (tmp_path / "specs" / "b.yaml").rename(tmp_path / "specs" / "b-new.yaml")
    assert codes(build(Config(tmp_path))) == [("LG503", "specs/b-new.yaml")]
    assert layers(tmp_path) == ["a.py", "b.py"]


def test_layer_made_from_a_spec_elsewhere_outlives_a_build_of_all(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A"})
    (tmp_path / "b.yaml").write_text("B")
    build(Config(tmp_path), [tmp_path / "b.yaml"])
    build(Config(tmp_path))
    assert layers(tmp_path) == ["a.py", "b.py"] and "from .b import B" in package(tmp_path)
    (tmp_path / "b.yaml").unlink()
    build(Config(tmp_path))
    assert layers(tmp_path) == ["a.py"]


def test_class_of_two_specs_is_written_for_neither(tmp_path: Path) -> None:
    put(tmp_path, {"norm/a.yaml": "A", "pool/a.yaml": "A", "pool/b.yaml": "B"})
    result = build(Config(tmp_path))
    assert codes(result) == [("LG501", "specs/norm/a.yaml"), ("LG501", "specs/pool/a.yaml")]
    assert all(
        "specs/norm/a.yaml" in item.message and "specs/pool/a.yaml" in item.message for item in result.diagnostics
    )
    assert layers(tmp_path) == ["pool/b.py"]


def test_class_of_a_layer_that_is_not_built_now_is_taken_too(tmp_path: Path) -> None:
    put(tmp_path, {"norm/a.yaml": "A", "pool/a.yaml": "A"})
    build(Config(tmp_path), [tmp_path / "specs" / "norm" / "a.yaml"])
    result = build(Config(tmp_path), [tmp_path / "specs" / "pool" / "a.yaml"])
    assert codes(result) == [("LG501", "specs/pool/a.yaml")]
    assert layers(tmp_path) == ["norm/a.py"]


def test_moved_spec_takes_its_class_along(tmp_path: Path) -> None:
    put(tmp_path, {"norm/a.yaml": "A"})
    build(Config(tmp_path))
    shutil.move(tmp_path / "specs" / "norm", tmp_path / "specs" / "pool")
    result = build(Config(tmp_path))
    assert not result.diagnostics and layers(tmp_path) == ["pool/a.py"]


def test_hand_edited_module_is_kept_and_the_rest_is_built(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A"})
    build(Config(tmp_path))
    module = tmp_path / "generated" / "a.py"
    module.write_text(module.read_text() + "x = 1\n")
    put(tmp_path, {"b.yaml": "B"})
    result = build(Config(tmp_path))
    assert codes(result) == [("LG502", "generated/a.py")]
    assert "x = 1" in module.read_text() and layers(tmp_path) == ["a.py", "b.py"]
    assert not build(Config(tmp_path), force=True).diagnostics
    assert "x = 1" not in module.read_text()


def test_progress_counts_what_is_done(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    seen: list[tuple[int, int, str]] = []
    build(Config(tmp_path), progress=lambda *step: seen.append(step))
    assert seen == [(1, 2, "specs/a.yaml"), (2, 2, "specs/b.yaml")]


@pytest.mark.parametrize("command", [build, check])
def test_unforeseen_error_is_told_for_its_spec_and_stops_no_other(tmp_path: Path, command: Command) -> None:
    put(tmp_path, {"a.yaml": "bug", "b.yaml": "B", "c.yaml": "fault"})
    result = command(Config(tmp_path))
    ((name, failure),) = result.bugs
    assert (name, failure.summary) == ("specs/a.yaml", "RuntimeError: broken")
    assert "in plain" in failure.traceback
    assert codes(result) == [("LG104", "specs/c.yaml")] and result.specs == 3
    assert layers(tmp_path) == (["b.py"] if command is build else [])


def test_unforeseen_error_leaves_the_earlier_output_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    put(tmp_path, {"a.yaml": "bug"})
    assert build(Config(tmp_path)).bugs
    assert layers(tmp_path) == ["a.py", "b.py"] and "from .a import A" in package(tmp_path)


def test_package_exports_nothing_from_a_file_that_stays_as_it_is(tmp_path: Path) -> None:
    put(tmp_path, {"rms_norm.yaml": "RMSNorm", "gem.yaml": "Gem"})
    mine = tmp_path / "generated" / "rms_norm.py"
    mine.parent.mkdir()
    mine.write_text("class MyNorm: ...\n", encoding="utf-8")
    assert codes(build(Config(tmp_path))) == [("LG502", "generated/rms_norm.py")]
    assert '__all__ = [\n    "Gem",\n]' in package(tmp_path)


@pytest.mark.parametrize("edited", ["a.py", "tests/test_a.py"])
@pytest.mark.parametrize("edit", ["a line", "a link"])
def test_layer_and_test_are_written_both_or_neither(tmp_path: Path, edited: str, edit: str) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    for file in (tmp_path / "generated").rglob("*a.py"):
        file.write_text(signed('__all__ = ["A"]\n', "specs/a.yaml"))
    path = tmp_path / "generated" / edited
    if edit == "a line":
        path.write_text(path.read_text() + "x = 1\n")
    else:
        path.rename(tmp_path / "elsewhere.py")
        path.symlink_to(tmp_path / "elsewhere.py")
    result = build(Config(tmp_path))
    assert [file for _, file in codes(result)] == [f"generated/{edited}"]
    assert all(
        '__all__ = ["A"]\n' in (tmp_path / "generated" / name).read_text() for name in ("a.py", "tests/test_a.py")
    )
    assert {change.path for change in result.plan.pending()} <= {"__init__.py"}


def test_layer_is_not_written_where_its_test_cannot_be(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    blocked = tmp_path / "generated" / "tests" / "test_a.py"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("mine = 1\n")
    assert codes(build(Config(tmp_path))) == [("LG502", "generated/tests/test_a.py")]
    assert layers(tmp_path) == ["b.py"] and "import A" not in package(tmp_path)


def test_edited_test_keeps_the_module_of_a_removed_spec(tmp_path: Path) -> None:
    put(tmp_path, {"a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    test = tmp_path / "generated" / "tests" / "test_a.py"
    test.write_text(test.read_text() + "x = 1\n")
    (tmp_path / "specs" / "a.yaml").unlink()
    assert codes(build(Config(tmp_path))) == [("LG502", "generated/tests/test_a.py")]
    assert layers(tmp_path) == ["a.py", "b.py"] and test.exists()


@pytest.mark.parametrize("content", ["fault", "bug"])
def test_renamed_spec_with_a_fault_removes_nothing(tmp_path: Path, content: str) -> None:
    put(tmp_path, {"norm/a.yaml": "A", "b.yaml": "B"})
    build(Config(tmp_path))
    (tmp_path / "specs" / "norm" / "a.yaml").unlink()
    put(tmp_path, {"norm/new.yaml": content})
    assert not build(Config(tmp_path)).plan.pending()
    assert not build(Config(tmp_path), [tmp_path / "specs" / "norm"]).plan.pending()
    assert layers(tmp_path) == ["b.py", "norm/a.py"] and "from .norm.a import A" in package(tmp_path)
    put(tmp_path, {"norm/new.yaml": "New"})
    build(Config(tmp_path))
    assert layers(tmp_path) == ["b.py", "norm/new.py"] and "import A" not in package(tmp_path)


def test_layer_that_has_moved_leaves_nothing_behind_whatever_is_at_fault(tmp_path: Path) -> None:
    put(tmp_path, {"norm/a.yaml": "A", "z.yaml": "fault"})
    build(Config(tmp_path))
    shutil.move(tmp_path / "specs" / "norm", tmp_path / "specs" / "pool")
    assert codes(build(Config(tmp_path))) == [("LG104", "specs/z.yaml")]
    assert layers(tmp_path) == ["pool/a.py"]
    assert not (tmp_path / "generated" / "tests" / "norm").exists()
