"""What earlier builds made, so that a build in which nothing changed need not make it again.

The cache holds nothing that cannot be made again: it may be deleted at any time, and a cache that cannot be read or
written only makes a build slower.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
from dataclasses import asdict, dataclass

from layergen.project.config import Config
from layergen.project.writing import is_intact
from layergen.resources import PACKAGE, templates_folder

FOLDER = ".layergen_cache"
DISTRIBUTIONS = ("torch", "black", "jinja2", "pydantic", "pyyaml")  # a build's outcome depends on their versions


@dataclass(frozen=True)
class Entry:
    """What was made from some texts."""

    texts: tuple[str, ...]  # signed
    proven: bool = False  # whether the shapes of the layer are proven for all sizes


class Cache:
    """The texts made from specs, by all that they are made from."""

    def __init__(self, config: Config) -> None:
        self.folder = config.root / FOLDER
        self.common = _fingerprint(config)
        self.used: set[str] = set()

    def key(self, *parts: str | bytes) -> str:
        """The key of what is made from some texts under this configuration and by this layergen."""
        digest = hashlib.sha256(self.common)
        for part in parts:
            digest.update(_framed(part if isinstance(part, bytes) else part.encode(errors="surrogateescape")))
        return digest.hexdigest()

    def load(self, key: str) -> Entry | None:
        """What is stored under a key, or ``None`` without texts that are intact."""
        self.used.add(key)
        try:
            stored = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        match stored:
            case {"texts": [_, *_] as texts, "proven": bool(proven)}:
                if all(isinstance(text, str) and is_intact(text) for text in texts):
                    return Entry(tuple(texts), proven)
        return None

    def store(self, key: str, entry: Entry) -> None:
        """Keep some signed texts, and what is known of them, under a key."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
            temporary = self.folder / f"{key}.{os.getpid()}.tmp"
            temporary.write_text(json.dumps(asdict(entry)), encoding="utf-8")
            os.replace(temporary, self.folder / f"{key}.json")

    def prune(self) -> None:
        """Drop what this build did not ask for."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob("*.*"):
                if path.suffix in (".json", ".tmp") and path.stem not in self.used:
                    path.unlink()


def _fingerprint(config: Config) -> bytes:
    """A hash of what all outcomes depend on: the configuration, layergen with its templates, and its libraries."""
    digest = hashlib.sha256(_framed(config.fingerprint().encode()))
    digest.update(_framed(platform.python_version().encode()))
    for name in DISTRIBUTIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            digest.update(_framed(f"{name} {importlib.metadata.version(name)}".encode()))
    templates = templates_folder()
    for folder, pattern in ((PACKAGE, "*.py"), (templates, "*")):
        for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
            digest.update(_framed(path.relative_to(folder).as_posix().encode()))
            digest.update(_framed(path.read_bytes()))
    return digest.digest()


def _framed(part: bytes) -> bytes:
    """A part with its length before it, so that no two lists of parts look alike."""
    return len(part).to_bytes(8, "big") + part
