"""The cache: what it gives back, what it trusts, and that nothing depends on it."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from layergen.project import cache as cache_module
from layergen.project import fingerprint as fingerprint_module
from layergen.project.cache import RETENTION, Cache, CacheLostError
from layergen.project.config import Config
from layergen.project.fingerprint import DISTRIBUTIONS, versions
from layergen.project.library import contract_digest
from layergen.project.manifest import NAME, Made, Manifest, load

TEXT = "x = 1\n"
CONTRACT = {"layer": "A"}


def made(cache: Cache) -> Made:
    texts = (cache.keep(TEXT), cache.keep("y = 1\n"))
    return Made(cache.key("a"), "A", True, True, texts, contract_digest(CONTRACT), {"B": "0"})


def stored(root: Path) -> tuple[Made, Path]:
    cache = Cache(Config(root))
    cache.store(made(cache), CONTRACT)
    return made(cache), root / ".layergen_cache"


def spec(root: Path, text: str = "one") -> Path:
    """A file that is older than whatever reads it."""
    path = root / "a.yaml"
    path.write_text(text)
    wait(root)
    return path


def wait(root: Path) -> None:
    """Let the clock of the file system go on."""
    probe = root / "probe"
    probe.touch()
    first = probe.stat().st_mtime_ns
    while probe.stat().st_mtime_ns == first:
        time.sleep(0.001)
        os.utime(probe)


def test_gives_back_what_was_stored(tmp_path: Path) -> None:
    entry, folder = stored(tmp_path)
    cache = Cache(Config(tmp_path))
    assert cache.load(entry.key) == (entry, CONTRACT)
    assert cache.text(entry.texts[0]) == TEXT and cache.has(entry.texts)
    assert (folder / ".gitignore").read_text() == "*\n"


def test_key_depends_on_contents_and_configuration(tmp_path: Path) -> None:
    config = Config(tmp_path)
    key = Cache(config).key("a", "b")
    assert key == Cache(config).key("a", "b")
    assert len({key, Cache(config).key("ab"), Cache(Config(tmp_path, output="other")).key("a", "b")}) == 3


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_key_depends_on_each_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = Cache(Config(tmp_path)).key("a")
    (tmp_path / f"{name.title()}-0.0.1.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert before != Cache(Config(tmp_path)).key("a")


def test_versions_are_those_that_python_tells() -> None:
    import importlib.metadata

    def told(name: str) -> str:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return ""

    assert versions(sys.path) == tuple(f"{name} {told(name)}" for name in DISTRIBUTIONS)
    assert versions([]) == versions(sys.path)


@pytest.mark.parametrize("part", ["PACKAGE", "templates_folder"])
def test_key_depends_on_code_and_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    code = tmp_path / "code"
    code.mkdir()
    monkeypatch.setattr(fingerprint_module, part, code if part == "PACKAGE" else lambda: code)
    keys = [Cache(Config(tmp_path)).key("a")]
    for text in ("x = 1\n", "x = 2\n"):
        (code / "a.py").write_text(text)
        cache = Cache(Config(tmp_path))
        cache.save(whole=True)
        keys.append(cache.key("a"))
    assert len({*keys}) == 3


@pytest.mark.parametrize("damage", [b"", b"[", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'{"made": [], "contract": {}}'])
def test_damaged_result_is_ignored(tmp_path: Path, damage: bytes) -> None:
    entry, folder = stored(tmp_path)
    (folder / f"{entry.key}.json").write_bytes(damage)
    assert Cache(Config(tmp_path)).load(entry.key) is None


def test_result_with_another_contract_is_ignored(tmp_path: Path) -> None:
    entry, folder = stored(tmp_path)
    file = folder / f"{entry.key}.json"
    file.write_text(file.read_text().replace('{"layer": "A"}', '{"layer": "B"}'))
    assert Cache(Config(tmp_path)).load(entry.key) is None


@pytest.mark.parametrize("damage", [b"x = 2\n", b"", b"\xff", None])
def test_damaged_text_is_lost(tmp_path: Path, damage: bytes | None) -> None:
    entry, folder = stored(tmp_path)
    file = folder / f"{entry.texts[0]}.text"
    file.unlink() if damage is None else file.write_bytes(damage)
    cache = Cache(Config(tmp_path))
    assert not cache.has(entry.texts) and cache.has(entry.texts[1:])
    with pytest.raises(CacheLostError):
        cache.text(entry.texts[0])


def test_folder_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / ".layergen_cache").write_text("a file in its place")
    cache = Cache(Config(tmp_path))
    entry = made(cache)
    cache.store(entry, CONTRACT)
    cache.save(whole=True)
    assert cache.load(entry.key) == (entry, CONTRACT) and cache.text(entry.texts[0]) == TEXT
    assert Cache(Config(tmp_path)).load(entry.key) is None


def test_what_no_build_asked_for_is_dropped_after_a_while(tmp_path: Path) -> None:
    entry, folder = stored(tmp_path)
    for name in ("old.json", "old.text", "old.1.tmp", "new.json"):
        (folder / name).touch()
    for path in folder.iterdir():
        if path.name != "new.json":
            os.utime(path, (1, time.time() - RETENTION - 60))
    cache = Cache(Config(tmp_path))
    cache.now.specs["specs/a.yaml"] = entry
    cache.save(whole=True)
    assert not [*folder.glob("old*")] and (folder / "new.json").exists()
    again = Cache(Config(tmp_path))
    assert again.load(entry.key) and again.has(entry.texts)
    assert all(time.time() - path.stat().st_mtime < RETENTION / 2 for path in folder.glob("*.text"))


def test_file_that_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spec(tmp_path)
    cache = Cache(Config(tmp_path))
    digest = cache.digest("a.yaml", path)
    cache.save(whole=True)
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("it is read"))
    assert Cache(Config(tmp_path)).digest("a.yaml", path) == digest


def keep_times(path: Path, text: str) -> None:
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_in_place(path: Path, text: str) -> None:
    other = path.with_name("other")
    other.write_text(text)
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


EDITS: list[Callable[[Path, str], object]] = [keep_times, put_in_place, Path.write_text]


@pytest.mark.parametrize("edit", EDITS)
def test_edit_of_the_same_size_is_noticed(tmp_path: Path, edit: Callable[[Path, str], object]) -> None:
    path = spec(tmp_path)
    cache = Cache(Config(tmp_path))
    digest = cache.digest("a.yaml", path)
    cache.save(whole=True)
    edit(path, "two")
    assert Cache(Config(tmp_path)).digest("a.yaml", path) != digest


def test_file_as_new_as_its_reading_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written in the same tick of the clock leaves the same stat behind, which is imitated here."""
    path = tmp_path / "a.yaml"
    path.write_text("one")
    cache = Cache(Config(tmp_path))
    monkeypatch.setattr(cache, "_clock", path.stat().st_ctime_ns)
    digest = cache.digest("a.yaml", path)
    assert "a.yaml" not in cache.now.files
    monkeypatch.setattr(cache, "_clock", path.stat().st_ctime_ns + 1)
    assert cache.digest("a.yaml", path) == digest and "a.yaml" in cache.now.files


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "nul"])
def test_what_is_no_file_has_no_digest(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a\0" if kind == "nul" else "a")
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    assert Cache(Config(tmp_path)).digest("a", path) == ""


def full(root: Path) -> Path:
    """The manifest of a build of one spec that knows something of each kind."""
    path = spec(root)
    cache = Cache(Config(root))
    cache.digest("a.yaml", path)
    cache.now.specs["a.yaml"] = made(cache)
    cache.save(whole=True)
    return root / cache_module.FOLDER / NAME


@pytest.mark.parametrize(
    "entry",
    [
        *(None, 1, [], {}, "text", [None] * 6, ["0", "A", True, ["0"], "0", {}], ["0", "A", 1, ["0", "0"], "0", {}]),
        *(
            ["0", "a b", True, ["0", "0"], "0", {}],
            ["0", "A", True, ["0", "0"], "0", {"B": 1}],
            [[1, 2, 3, 4], 0, "", []],
        ),
        *(
            [[1, 2, 3], "0"],
            [[1, 2, 3, "4"], "0"],
            [[1, 2, 3, 4], "0", "", [1]],
            [[1, 2, 3, 4], "0", "", ["not a name"]],
        ),
        *(["0"], ["0", 1]),
    ],
)
def test_entry_that_no_build_has_written_is_ignored(tmp_path: Path, entry: object) -> None:
    file = full(tmp_path)
    first, line = file.read_text().split("\n")
    data = json.loads(line)
    assert data["files"] and data["specs"]
    parts = ("files", "specs", "outputs", "packages")
    line = json.dumps({**data, **{part: {**data[part], "other": entry} for part in parts}})
    file.write_text(f"{first}\n{line}")
    found = load(file.parent)
    assert "a.yaml" in found.files and "a.yaml" in found.specs
    assert not any("other" in getattr(found, part) for part in parts)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"version": 0}', b"\xff\xfe", b"[" * 100_000, None])
@pytest.mark.parametrize("first", [b"", b"0\n"])
def test_manifest_that_cannot_be_read_is_empty(tmp_path: Path, first: bytes, damage: bytes | None) -> None:
    file = full(tmp_path)
    file.unlink() if damage is None else file.write_bytes(first + damage)
    assert load(file.parent).parts() == Manifest().parts()


def test_manifest_is_the_same_whether_its_hash_agrees_or_not(tmp_path: Path) -> None:
    file = full(tmp_path)
    found, (first, line) = load(file.parent), file.read_text().split("\n")
    assert found.files and found.specs and found.as_text() == f"{first}\n{line}"
    file.write_text(f"{first[::-1]}\n{line}")
    assert load(file.parent).parts() == found.parts()


def test_manifest_cut_off_anywhere_is_empty(tmp_path: Path) -> None:
    file = full(tmp_path)
    text = file.read_bytes()
    for length in range(0, len(text), 97):
        file.write_bytes(text[:length])
        assert load(file.parent).parts() == Manifest().parts()
