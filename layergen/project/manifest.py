"""The manifest: what the last build knew of specs, outputs and its own code, so that no file is read twice.

A file whose stat is as it was need not be read: its digest is known. As in git's index that holds only for files that
are older than the moment at which they were read. What was changed in the same tick of the file system's clock would
look the same, so the stat of such a file is not kept, and the next build reads it again.

The manifest holds nothing that cannot be found out again. One that is missing, of another version, cut off or
tampered with counts as empty, as a whole or entry by entry, and only makes a build slower. Its first line is a hash of
the rest: where that agrees, a build has written all of it, and no entry need be looked at by itself.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Entry = TypeVar("Entry")

VERSION = 4
NAME = "manifest.json"


# What tells that a file has changed, without reading it: in nanoseconds the time of the last change of its contents and
# that of the last change of anything about it, which users cannot set; its size and its inode.
Stat = tuple[int, int, int, int]


class Known(NamedTuple):
    """A file that was read."""

    stat: Stat
    digest: str  # of its contents


class Made(NamedTuple):
    """What was made from a spec without a fault."""

    key: str  # of all that it was made from
    layer: str  # the name of the class
    proven: bool  # whether its shapes are proven for all sizes
    told: bool  # whether something beside the forward tells its values
    texts: tuple[str, ...]  # digests of its module and its test
    contract: str  # digest of what other layers see of this one
    uses: dict[str, str]  # digests of the contracts of other layers that it was made with, by their classes
    advice: str = ""  # on how the spec may be written, as text


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


class Manifest:
    """All that is known. Each part is a mapping, so that a build can bring it up to date as it goes."""

    def __init__(self) -> None:
        self.files: dict[str, Known] = {}  # specs and layergen's own files, by their paths
        self.specs: dict[str, Made] = {}  # by the names of the specs
        self.outputs: dict[str, Output] = {}  # by paths below the output folder
        self.packages: dict[str, Package] = {}  # likewise

    def parts(self) -> dict[str, Any]:
        """All of it, by the names of its parts."""
        return {"files": self.files, "specs": self.specs, "outputs": self.outputs, "packages": self.packages}

    def as_text(self) -> str:
        """What `load` reads."""
        text = json.dumps({"version": VERSION, **self.parts()}, separators=(",", ":"), sort_keys=True)
        return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def load(folder: Path) -> Manifest:
    """The manifest of a cache's folder."""
    found = Manifest()
    try:
        first, _, contents = (folder / NAME).read_bytes().partition(b"\n")
        data = json.loads(contents)
    except (OSError, ValueError, RecursionError):
        return found
    if not isinstance(data, dict) or data.get("version") != VERSION:
        return found
    if hashlib.sha256(contents).hexdigest().encode() == first:
        _take(found, data)
    else:
        found.files, found.specs = _valid(data.get("files"), _known), _valid(data.get("specs"), read_made)
        found.outputs, found.packages = _valid(data.get("outputs"), _output), _valid(data.get("packages"), _package)
    return found


def _take(found: Manifest, data: Any) -> None:
    """Fill a manifest with what a build has written."""
    found.files = {
        name: Known((m, c, size, inode), digest) for name, ((m, c, size, inode), digest) in data["files"].items()
    }
    found.specs = {
        name: Made(key, layer, proven, told, (module, test), contract, uses, advice)
        for name, (key, layer, proven, told, (module, test), contract, uses, advice) in data["specs"].items()
    }
    found.outputs = {
        name: Output((m, c, size, inode), digest, origin, tuple(exports))
        for name, ((m, c, size, inode), digest, origin, exports) in data["outputs"].items()
    }
    found.packages = {name: Package(key, text) for name, (key, text) in data["packages"].items()}


def stat_of(status: os.stat_result) -> Stat:
    """What is kept of a file's status."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def is_settled(stat: Stat, clock: int) -> bool:
    """Whether a file would show any change made after the file system's clock stood at a time."""
    mtime, ctime, *_ = stat
    return max(mtime, ctime) < clock


def _valid(data: object, read: Callable[[Any], Entry | None]) -> dict[str, Entry]:
    """The entries of one part, without those that no build can have written."""
    if not isinstance(data, dict):
        return {}
    found = ((name, read(value)) for name, value in data.items())
    return {name: entry for name, entry in found if entry is not None}


def _known(value: Any) -> Known | None:
    match value:
        case [[int(mtime), int(ctime), int(size), int(inode)], str(digest)]:
            return Known((mtime, ctime, size, inode), digest)
    return None


def read_made(value: Any) -> Made | None:
    """What was made from a spec, from JSON; ``None`` for what no build can have written."""
    match value:
        case [
            str(key),
            str(layer),
            bool(proven),
            bool(told),
            [str(), str()] as texts,
            str(contract),
            dict(uses),
            str(advice),
        ]:
            if layer.isidentifier() and all(isinstance(digest, str) for digest in uses.values()):
                return Made(key, layer, proven, told, tuple(texts), contract, uses, advice)
    return None


def _output(value: Any) -> Output | None:
    match value:
        case [[int(mtime), int(ctime), int(size), int(inode)], str(digest), str(origin), list(exports)]:
            if all(isinstance(name, str) and name.isidentifier() for name in exports):
                return Output((mtime, ctime, size, inode), digest, origin, tuple(exports))
    return None


def _package(value: Any) -> Package | None:
    match value:
        case [str(key), str(text)]:
            return Package(key, text)
    return None
