"""The cache: what it gives back, and that nothing depends on it."""

import importlib.metadata
import json
from pathlib import Path

import pytest

from layergen.project import cache as cache_module
from layergen.project.cache import Cache, Entry
from layergen.project.config import Config
from layergen.project.writing import signed

TEXT = signed("x = 1\n", "specs/a.yaml")
ENTRY = Entry((TEXT,), proven=True)


def stored(root: Path) -> tuple[str, Path]:
    cache = Cache(Config(root))
    key = cache.key("a")
    cache.store(key, ENTRY)
    return key, root / ".layergen_cache" / f"{key}.json"


def test_gives_back_what_was_stored(tmp_path: Path) -> None:
    key, _ = stored(tmp_path)
    assert Cache(Config(tmp_path)).load(key) == ENTRY
    assert (tmp_path / ".layergen_cache" / ".gitignore").read_text() == "*\n"


def test_key_depends_on_contents_configuration_and_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(tmp_path)
    key = Cache(config).key("a", "b")
    assert key == Cache(config).key("a", b"b")
    assert len({key, Cache(config).key("ab"), Cache(Config(tmp_path, output="other")).key("a", "b")}) == 3
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0")
    assert key != Cache(config).key("a", "b")


def test_key_depends_on_the_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Cache(Config(tmp_path)).key("a")
    (tmp_path / "layer.py.j2").touch()
    monkeypatch.setattr(cache_module, "templates_folder", lambda: tmp_path)
    assert before != Cache(Config(tmp_path)).key("a")


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"[", b"{}", b"[1]", b"\xff", b"[" * 100_000, json.dumps([TEXT]).encode()),
        *(b'{"texts": ["x = 2"], "proven": true}', b'{"texts": [1], "proven": true}', b'{"texts": [], "proven": true}'),
    ],
)
def test_damaged_entry_is_ignored(tmp_path: Path, damage: bytes) -> None:
    key, entry = stored(tmp_path)
    entry.write_bytes(damage)
    assert not Cache(Config(tmp_path)).load(key)


def test_edited_text_is_ignored(tmp_path: Path) -> None:
    key, entry = stored(tmp_path)
    entry.write_text(entry.read_text().replace("x = 1", "x = 2"))
    assert Cache(Config(tmp_path)).load(key) is None


def test_folder_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / ".layergen_cache").write_text("a file in its place")
    key, _ = stored(tmp_path)
    cache = Cache(Config(tmp_path))
    cache.prune()
    assert cache.load(key) is None


def test_prune_keeps_what_was_asked_for(tmp_path: Path) -> None:
    key, entry = stored(tmp_path)
    other = entry.with_name("0123.json")
    other.write_text("[]")
    cache = Cache(Config(tmp_path))
    cache.load(key)
    cache.prune()
    assert entry.exists() and not other.exists()
