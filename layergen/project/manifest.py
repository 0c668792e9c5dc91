"""The manifest: what the last build knew of specs, outputs and its own code, so that no file is read twice.

A file whose stat is as it was need not be read: its digest is known. As in git's index that holds only for files that
are older than the moment at which they were read. What was changed in the same tick of the file system's clock would
look the same, so the stat of such a file is not kept, and the next build reads it again.

The manifest holds nothing that cannot be found out again. One that is missing, of another version, cut off or
tampered with counts as empty, as a whole or entry by entry, and only makes a build slower.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Entry = TypeVar("Entry")

VERSION = 1
NAME = "manifest.json"


class Stat(NamedTuple):
    """What tells that a file has changed, without reading it."""

    mtime: int  # of the contents, in nanoseconds
    ctime: int  # of the contents or of anything else about the file; users cannot set it
    size: int
    inode: int


class Known(NamedTuple):
    """A file that was read."""

    stat: Stat
    digest: str  # of its contents


class Made(NamedTuple):
    """What was made from a spec without a fault."""

    key: str  # of all that it was made from
    layer: str  # the name of the class
    proven: bool  # whether its shapes are proven for all sizes
    texts: tuple[str, ...]  # digests of its module and its test
    contract: str  # digest of what other layers see of this one
    uses: dict[str, str]  # digests of the contracts of other layers that it was made with, by their classes


class Output(NamedTuple):
    """A file of the output folder that was read."""

    stat: Stat
    digest: str  # of its text, with "\n" line endings
    origin: str  # the spec that it is made from, as its header says; empty if it has none
    exports: tuple[str, ...]  # the classes that it gives to its package


class Package(NamedTuple):
    """The text of a package or of another file that is shared by layers."""

    key: str  # of all that it was made from
    text: str  # its digest


@dataclass
class Manifest:
    """All that is known. Each part is a mapping, so that a build can bring it up to date as it goes."""

    files: dict[str, Known] = field(default_factory=dict)  # specs and layergen's own files, by their paths
    specs: dict[str, Made] = field(default_factory=dict)  # by the names of the specs
    outputs: dict[str, Output] = field(default_factory=dict)  # by paths below the output folder
    packages: dict[str, Package] = field(default_factory=dict)  # likewise

    def as_json(self) -> str:
        """What `load` reads."""
        parts = {"files": self.files, "specs": self.specs, "outputs": self.outputs, "packages": self.packages}
        return json.dumps({"version": VERSION, **parts}, separators=(",", ":"), sort_keys=True)


def load(folder: Path) -> Manifest:
    """The manifest of a cache's folder."""
    try:
        data = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError, RecursionError):
        return Manifest()
    if not isinstance(data, dict) or data.get("version") != VERSION:
        return Manifest()
    return Manifest(
        _valid(data.get("files"), _known),
        _valid(data.get("specs"), read_made),
        _valid(data.get("outputs"), _output),
        _valid(data.get("packages"), _package),
    )


def stat_of(status: os.stat_result) -> Stat:
    """What is kept of a file's status."""
    return Stat(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def is_settled(stat: Stat, clock: int) -> bool:
    """Whether a file would show any change made after the file system's clock stood at a time."""
    return max(stat.mtime, stat.ctime) < clock


def _valid(data: object, read: Callable[[Any], Entry | None]) -> dict[str, Entry]:
    """The entries of one part, without those that no build can have written."""
    if not isinstance(data, dict):
        return {}
    found = ((name, read(value)) for name, value in data.items())
    return {name: entry for name, entry in found if entry is not None}


def _known(value: Any) -> Known | None:
    match value:
        case [[int(), int(), int(), int()] as stat, str(digest)]:
            return Known(Stat(*stat), digest)
    return None


def read_made(value: Any) -> Made | None:
    """What was made from a spec, from JSON; ``None`` for what no build can have written."""
    match value:
        case [str(key), str(layer), bool(proven), [str(), str()] as texts, str(contract), dict(uses)]:
            if layer.isidentifier() and all(isinstance(digest, str) for digest in uses.values()):
                return Made(key, layer, proven, tuple(texts), contract, uses)
    return None


def _output(value: Any) -> Output | None:
    match value:
        case [[int(), int(), int(), int()] as stat, str(digest), str(origin), list(exports)]:
            if all(isinstance(name, str) and name.isidentifier() for name in exports):
                return Output(Stat(*stat), digest, origin, tuple(exports))
    return None


def _package(value: Any) -> Package | None:
    match value:
        case [str(key), str(text)]:
            return Package(key, text)
    return None
