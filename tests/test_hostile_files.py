"""Hostile files: a build refuses each with a clear fault, writes nothing for it, and builds the good spec beside it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import GOOD, Built, Fault, Project, refused

FILES: dict[str, tuple[str | bytes, str, str]] = {
    "empty": ("", "LG109", "the file is empty"),
    "comments": ("# layer: Evil\n", "LG109", "holds only comments"),
    "list": ("- layer: Evil\n", "LG109", "the top level is a list"),
    "scalar": ("layer", "LG109", "the top level is a single value"),
    "tab": ("layer: Evil\n\tsummary: Nothing.\n", "LG104", "a tab stands where YAML wants spaces"),
    "tab in a forward": (
        GOOD.replace("Rectify", "Evil").replace("forward: y", "forward: |\n  y =\trelu(x)\n  z"),
        "LG114",
        "a tab stands here",
    ),
    "latin-1": ("layer: Größe".encode("latin-1"), "LG102", "the byte 0xF6 is not UTF-8"),
    "utf-16": (GOOD.encode("utf-16"), "LG102", "UTF-16"),
    "surrogate": (b"layer: \xed\xa0\x80", "LG102", "the byte 0xED"),
    "NUL": ("layer: E\0vil", "LG110", "U+0000"),
    "escape": ("layer: E\x1b[2Jvil", "LG110", "U+001B"),
    "bidi": ("layer: E\u202evil", "LG110", "U+202E"),
    "line separator": ("layer: E\u2028vil", "LG110", "U+2028"),
    "10 MB": ("# " + "x" * 10_000_000, "LG103", "larger than 256 KiB"),
    "deep flow": ("layer: " + "[" * 10_000, "LG105", "more than 64 levels"),
    "deep block": ("- " * 10_000 + "x", "LG105", "more than 64 levels"),
    "deep mapping": ("\n".join(" " * depth + "a:" for depth in range(500)), "LG105", "more than 64 levels"),
    "multiplying aliases": (
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "LG107",
        "an anchor",
    ),
    "recursive alias": ("a: &a [*a]", "LG107", "an anchor"),
    "merge key": ("a: &a {b: 1}\nc: {<<: *a}", "LG107", "an anchor"),
    "python tag": ("layer: !!python/object/apply:os.system [ls]", "LG108", "`!!python/object/apply:os.system`"),
    "two documents": (f"{GOOD}---\n{GOOD}", "LG104", "a second document"),
    "many values": ("a: [" + "0," * 30_000 + "]", "LG103", "more than 20,000 values"),
    "long number": ("a: " + "9" * 100_000, "LG104", "more than 40"),
    "number as a key": (GOOD + "1: 2\n", "LG104", "the key `1` is not text"),
    "terminal escape as a key": (GOOD + '"\\e[2J": 2\n', "LG110", "U+001B"),
}


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Fault, ...]]:
    """The faults of files with hostile contents."""
    return refused(tmp_path_factory.mktemp("contents"), {name: text for name, (text, _, _) in FILES.items()})


@pytest.mark.parametrize("name", FILES)
def test_hostile_contents_are_refused(name: str, contents: dict[str, tuple[Fault, ...]]) -> None:
    _, code, message = FILES[name]
    fault = contents[name][0]
    assert (fault.code, message in fault.message) == (code, True), fault


# What is no file


def folder(path: Path) -> None:
    path.mkdir()


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.yaml")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


NO_FILES: dict[Callable[[Path], None], str] = {
    folder: "this is a folder",
    dangling_link: "the link leads nowhere",
    link_to_itself: "cannot read the file",
    link_to_a_device: "not a regular file",
    pipe: "not a regular file",
}


@pytest.fixture(scope="module")
def no_files(tmp_path_factory: pytest.TempPathFactory) -> Built:
    project = Project(tmp_path_factory.mktemp("no_files"), {"rectify.yaml": GOOD})
    for make in NO_FILES:
        make(project.specs / f"{make.__name__}.yaml")
    return project.refuse()


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize("make", NO_FILES)
def test_what_is_no_file_is_refused(make: Callable[[Path], None], no_files: Built) -> None:
    (fault,) = no_files.faults_of(f"specs/{make.__name__}.yaml")
    assert (fault.code, NO_FILES[make] in fault.message) == ("LG101", True), fault


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path, {"rectify.yaml": GOOD, "evil.yaml": GOOD})
    (project.specs / "evil.yaml").chmod(0)
    (fault,) = project.refuse().faults
    assert (fault.code, "permission denied" in fault.message) == ("LG101", True)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    code, output, _ = Project(tmp_path, {"rectify.yaml": GOOD}).run("build", "specs/evil")
    assert code == 1
    assert "specs/evil:1:1: LG101 unreadable-file: there is no such file or folder" in output


def test_a_folder_that_links_into_itself_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path, {"rectify.yaml": GOOD})
    (project.specs / "evil").symlink_to(project.specs, target_is_directory=True)
    (fault,) = project.refuse().faults
    assert (fault.code, fault.file) == ("LG503", "specs/evil")
    assert "layergen does not follow links to folders" in fault.message


# Paths

NO_MODULES = [
    "my layer.yaml", "my-layer.yaml", "größe.yaml", "a\nb.yaml", "-.yaml", "Evil.yaml", "class.yaml", "1.yaml",
    "a.b.yaml", "__init__.yaml", "tests/evil.yaml", "my layers/evil.yaml", "import/evil.yaml",
    "conftest/__main__.yaml", "a\u202eb.yaml", "{{ 1 }}.yaml", "$(ls).yaml", "`ls`.yaml", '";import os".yaml',
]  # fmt: skip
HIDDEN = ["..yaml", "...yaml"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Built:
    evil = dict.fromkeys([*NO_MODULES, *HIDDEN], GOOD.replace("Rectify", "Evil"))
    return Project(tmp_path_factory.mktemp("paths"), {"rectify.yaml": GOOD, **evil}).refuse()


@pytest.mark.parametrize("name", NO_MODULES, ids=ascii)
def test_a_path_that_names_no_module_is_refused(name: str, paths: Built) -> None:
    (fault,) = paths.faults_of(f"specs/{name}")
    assert fault.code == "LG503"
    assert fault.message.isprintable()


def test_hidden_files_are_no_specs(paths: Built) -> None:
    assert len(paths.faults) == len(NO_MODULES)
    assert {fault.file for fault in paths.faults}.isdisjoint(f"specs/{name}" for name in HIDDEN)
