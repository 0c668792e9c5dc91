"""Finding specs, and where their output goes."""

import os
from pathlib import Path

import pytest

from layergen.diagnostics import LayergenError
from layergen.project.config import Config
from layergen.project.discovery import Discovery, discover, file_stem


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("layer: X\n", encoding="utf-8")


def names(found: Discovery) -> list[str]:
    return [spec.name for spec in found.specs]


def faults(found: Discovery) -> list[tuple[str, str]]:
    return sorted((item.rule.code, item.location.file) for item in found.diagnostics)


def test_finds_the_specs_folder_sorted(tmp_path: Path) -> None:
    put(tmp_path, "specs/pool/gem.yaml", "specs/conv/conv.yml", "specs/README.md", "specs/conv/.hidden.yaml")
    put(tmp_path, "specs/.git/x.yaml", "other/x.yaml")
    found = discover(Config(tmp_path))
    assert names(found) == ["specs/conv/conv.yml", "specs/pool/gem.yaml"]
    assert found.whole and not found.diagnostics


def test_outputs_mirror_the_specs_folder(tmp_path: Path) -> None:
    put(tmp_path, "specs/top.yaml", "specs/conv/depthwise/blur.yaml")
    deep, top = discover(Config(tmp_path)).specs
    assert deep.outputs == ("conv/depthwise/blur.py", "tests/conv/depthwise/test_blur.py")
    assert top.outputs == ("top.py", "tests/test_top.py")


def test_one_spec_of_the_folder_keeps_its_category(tmp_path: Path) -> None:
    put(tmp_path, "specs/pool/gem.yaml", "specs/conv/conv.yaml")
    found = discover(Config(tmp_path), [tmp_path / "specs" / "pool" / "gem.yaml"])
    assert [spec.module for spec in found.specs] == [("pool", "gem")]
    assert not found.whole


def test_specs_of_another_folder_have_categories_below_it(tmp_path: Path) -> None:
    put(tmp_path, "drafts/pool/gem.yaml")
    folder = discover(Config(tmp_path), [tmp_path / "drafts"])
    file = discover(Config(tmp_path), [tmp_path / "drafts" / "pool" / "gem.yaml"])
    assert [spec.module for spec in folder.specs] == [("pool", "gem")]
    assert [spec.module for spec in file.specs] == [("gem",)]


def test_paths_are_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "specs/pool/gem.yaml")
    monkeypatch.chdir(tmp_path / "specs" / "pool")
    for path in ("gem.yaml", "./gem.yaml", ".", "../pool/", ".."):
        assert names(discover(Config(tmp_path), [Path(path)])) == ["specs/pool/gem.yaml"]


def test_spec_outside_of_the_project_is_shown_relative_to_it(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/gem.yaml")
    found = discover(Config(tmp_path / "project"), [tmp_path / "elsewhere" / "gem.yaml"])
    assert names(found) == ["../elsewhere/gem.yaml"]


def test_spec_named_twice_is_built_once(tmp_path: Path) -> None:
    put(tmp_path, "specs/pool/gem.yaml")
    specs = tmp_path / "specs"
    found = discover(Config(tmp_path), [specs, specs / "pool" / "gem.yaml"])
    assert names(found) == ["specs/pool/gem.yaml"] and found.whole


def test_missing_path_stops_no_other(tmp_path: Path) -> None:
    put(tmp_path, "specs/pool/gem.yaml")
    found = discover(Config(tmp_path), [tmp_path / "no-such", tmp_path / "specs"])
    assert names(found) == ["specs/pool/gem.yaml"]
    assert faults(found) == [("LG101", "no-such")] and not found.whole


@pytest.mark.parametrize("paths", [[], ["specs"]])
def test_project_without_specs_folder_is_told_how_to_begin(tmp_path: Path, paths: list[str]) -> None:
    with pytest.raises(LayergenError, match="`layergen new NAME`"):
        discover(Config(tmp_path), [tmp_path / path for path in paths])


def test_file_that_is_no_spec_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "specs/notes.txt")
    assert faults(discover(Config(tmp_path), [tmp_path / "specs" / "notes.txt"])) == [("LG101", "specs/notes.txt")]


@pytest.mark.parametrize(
    "name",
    [
        "specs/my-layers/gem.yaml",
        "specs/pool/class.yaml",
        "specs/pool/GeM.yaml",
        "specs/pool/gem.v2.yaml",
        "specs/pool/2d.yaml",
        "specs/pool/__init__.yaml",
        "specs/pool/\uff47em.yaml",
        "specs/pool/gem\nimport os.yaml",
        "specs/po\x1b[31mol/gem.yaml",
        "specs/tests/gem.yaml",
        "specs/tests.yaml",
    ],
)
def test_path_that_is_no_module_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "specs/pool/good.yaml")
    found = discover(Config(tmp_path))
    assert faults(found) == [("LG503", name)]
    assert names(found) == ["specs/pool/good.yaml"] and not found.whole


def test_file_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    try:
        Path(os.fsdecode(bytes(tmp_path / "specs") + b"/gem\xff.yaml")).touch()
    except OSError:
        pytest.skip("the file system takes no such name")
    (fault,) = discover(Config(tmp_path)).diagnostics
    assert fault.rule.code == "LG503"


@pytest.mark.parametrize(
    ("first", "second"),
    [("specs/pool/gem.yaml", "specs/pool/gem.yml"), ("specs/pool.yaml", "specs/pool/gem.yaml")],
)
def test_specs_that_need_the_same_name_are_both_refused(tmp_path: Path, first: str, second: str) -> None:
    put(tmp_path, first, second, "specs/good.yaml")
    found = discover(Config(tmp_path))
    assert faults(found) == [("LG501", first), ("LG501", second)]
    assert all(first in item.message and second in item.message for item in found.diagnostics)
    assert names(found) == ["specs/good.yaml"]


def test_linked_folder_is_refused_and_a_loop_ends(tmp_path: Path) -> None:
    put(tmp_path, "specs/pool/gem.yaml")
    (tmp_path / "specs" / "pool" / "again").symlink_to(tmp_path / "specs")
    found = discover(Config(tmp_path))
    assert names(found) == ["specs/pool/gem.yaml"]
    assert faults(found) == [("LG503", "specs/pool/again")]


@pytest.mark.parametrize(
    ("layer", "stem"),
    [
        ("RMSNorm", "rms_norm"),
        ("CustomConv2d", "custom_conv2d"),
        ("GRUCell", "gru_cell"),
        ("Mish", "mish"),
        ("SwiGLU", "swi_glu"),
    ],
)
def test_file_is_named_as_the_layer(layer: str, stem: str) -> None:
    assert file_stem(layer) == stem
