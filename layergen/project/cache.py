"""What earlier builds made, so that a build in which nothing changed need not make it again.

The cache's folder holds the manifest and, each in a file, the results of specs by all that they are made from and the
texts by their digests. It holds nothing that cannot be made again: it may be deleted at any time, and a cache that
cannot be read or written only makes a build slower.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from layergen.project import manifest, signing
from layergen.project.config import Config
from layergen.project.fingerprint import fingerprint, joined
from layergen.project.library import PlainContract, contract_digest
from layergen.project.manifest import Known, Made, Manifest, Output, is_settled, stat_of

FOLDER = ".layergen_cache"
CLOCK = "clock"
RESULT, TEXT, TEMPORARY = ".json", ".text", ".tmp"
LIMIT = 256 * 1024 + 1  # bytes that are read of a file: a spec that is larger is refused, whatever comes after
RETENTION = 14 * 24 * 3600  # seconds that what no build asks for is kept, for those who change between branches


class CacheLostError(Exception):
    """Something that was in the cache when the build began is there no longer."""


class Cache:
    """What is known and kept of earlier builds.

    Args:
        config: The project.
        volatile: Whether to do without the folder and to hold all in memory.
    """

    def __init__(self, config: Config, *, volatile: bool = False) -> None:
        self.folder = None if volatile else config.root / FOLDER
        self.before = manifest.load(self.folder) if self.folder else Manifest()
        self.now = Manifest()
        self._memory: dict[str, str] = {}  # what could not be written, by its name in the folder
        self._clock: int | None = None
        self._written = False
        self.common = fingerprint(config, self.digest)

    def key(self, *parts: str) -> str:
        """The key of what is made from some texts under this configuration and by this layergen."""
        return joined([self.common, *parts])

    def digest(self, name: str, path: Path | str) -> str:
        """The digest of a file's contents, read only if it may have changed; empty if there is nothing to be read."""
        try:
            status, known = os.stat(path), self.before.files.get(name)
            if known and known.stat == stat_of(status):
                self.now.files[name] = known
                return known.digest
            # What is no file is never opened: a pipe would wait for its other end.
            return self._read_digest(name, path) if stat.S_ISREG(status.st_mode) else ""
        except (OSError, ValueError):  # a NUL in the path
            return ""

    def _read_digest(self, name: str, path: Path | str) -> str:
        clock = self.clock()
        with open(path, "rb") as file:
            found, digest = stat_of(os.fstat(file.fileno())), hashlib.sha256(file.read(LIMIT)).hexdigest()
        if is_settled(found, clock):
            self.now.files[name] = Known(found, digest)
        return digest

    def clock(self, *, again: bool = False) -> int:
        """A time that was, by the clock of the file system, not after this moment: that of the last such question."""
        if self._clock is None or again:
            self._clock = 0  # nothing is older, so that nothing is trusted
            with contextlib.suppress(OSError), open(self._prepared() / CLOCK, "wb") as file:
                file.write(b"\n")
                file.flush()
                self._clock = os.fstat(file.fileno()).st_mtime_ns
        return self._clock

    def keep(self, text: str) -> str:
        """Keep a text; its digest is what it is found by."""
        digest = signing.digest(text)
        self._write(digest + TEXT, text)
        return digest

    def text(self, digest: str) -> str:
        """The text of a digest.

        Raises:
            CacheLostError: If it is there no longer.
        """
        text = self._read(digest + TEXT)
        if text is None or signing.digest(text) != digest:
            raise CacheLostError(digest)
        return text

    def has(self, digests: Iterable[str]) -> bool:
        """Whether some texts are there, whole."""
        try:
            return all(self.text(digest) is not None for digest in digests)
        except CacheLostError:
            return False

    def store(self, made: Made, contract: PlainContract) -> None:
        """Keep what was made from a spec, beside its texts."""
        self._write(made.key + RESULT, json.dumps({"made": made, "contract": contract}, sort_keys=True))

    def load(self, key: str) -> tuple[Made, PlainContract] | None:
        """What was made under a key, if an earlier build kept it."""
        try:
            data = json.loads(self._read(key + RESULT) or "")
        except (ValueError, RecursionError):
            return None
        match data:
            case {"made": list(values), "contract": dict(contract)}:
                made = manifest.read_made(values)
                if made and made.key == key and made.contract == contract_digest(contract):
                    return made, contract
        return None

    def take(self, written: Mapping[str, Output]) -> None:
        """Take in what was written to the output folder."""
        if written:
            clock = self.clock(again=True)
            self.now.outputs |= {path: file for path, file in written.items() if is_settled(file.stat, clock)}

    def save(self, *, whole: bool) -> None:
        """Write the manifest.

        Args:
            whole: Whether all specs were built. What is known of others is dropped, and kept otherwise.
        """
        if not whole:
            self.now.files = {**self.before.files, **self.now.files}
            self.now.specs = {**self.before.specs, **self.now.specs}
        if self.now.parts() != self.before.parts():
            self._write(manifest.NAME, self.now.as_text())
        if whole and self._written:
            self._prune()

    def _prepared(self) -> Path:
        """The folder, made if it is not there."""
        if self.folder is None:
            raise FileNotFoundError
        if not self.folder.is_dir():
            self.folder.mkdir(exist_ok=True)
        ignored = self.folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
        return self.folder

    def _write(self, name: str, text: str) -> None:
        try:
            temporary = self._prepared() / f"{name}.{os.getpid()}{TEMPORARY}"
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, temporary.with_name(name))
            self._written = True
        except OSError:
            self._memory[name] = text

    def _read(self, name: str) -> str | None:
        if name in self._memory or self.folder is None:
            return self._memory.get(name)
        try:
            return (self.folder / name).read_bytes().decode()
        except (OSError, ValueError):
            return None

    def _prune(self) -> None:
        """Drop what no build has asked for in a while."""
        made = self.now.specs.values()
        used = {CLOCK, manifest.NAME, ".gitignore", *(entry.key + RESULT for entry in made)}
        used |= {digest + TEXT for entry in made for digest in entry.texts}
        used |= {entry.text + TEXT for entry in self.now.packages.values()}
        now = time.time()
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._prepared()):
                age = now - entry.stat().st_mtime
                if entry.name not in used and age > RETENTION:
                    os.unlink(entry.path)
                elif entry.name in used and age > RETENTION / 2:
                    os.utime(entry.path)  # from now on counts how long nobody asks for it
