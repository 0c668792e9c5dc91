"""What is in the output folder: the files of layergen there, read only if they may have changed."""

import os
from collections.abc import Iterator
from pathlib import Path

from layergen.project.cache import Cache
from layergen.project.manifest import Output, is_settled, stat_of
from layergen.project.packages import exported
from layergen.project.signing import digest, origin
from layergen.project.writing import link_above, read


def present_files(root: Path, output: str, cache: Cache) -> dict[str, Output]:
    """The files at and below the output folder that carry layergen's header, sorted by their paths.

    Links are not followed. What is known of all files goes into the cache's manifest.
    """
    folder = root / output
    if link_above(root, folder):
        return {}
    found = {}
    for path, entry in sorted(_modules(str(folder), "")):
        known = _known(path, entry, cache)
        if known and known.origin:
            found[path] = known
    return found


def _modules(folder: str, prefix: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """The Python files at and below a folder, with their paths below it. A folder that cannot be read has none."""
    try:
        entries = [*os.scandir(folder)]
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _modules(entry.path, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py") and entry.is_file(follow_symlinks=False):
            yield f"{prefix}{entry.name}", entry


def _known(path: str, entry: "os.DirEntry[str]", cache: Cache) -> Output | None:
    """What is known of a file, or what it says now."""
    known = cache.before.outputs.get(path)
    try:
        stat = stat_of(entry.stat(follow_symlinks=False))
        if known is None or known.stat != stat:
            clock = cache.clock()
            text = read(entry.path)
            if text is None:
                return None
            known = Output(stat, digest(text), origin(text), exported(path, text))
            if not is_settled(stat, clock):
                return known
    except OSError:
        return None
    cache.now.outputs[path] = known
    return known
