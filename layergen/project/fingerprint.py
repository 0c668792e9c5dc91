"""What all outcomes of builds depend on beside the specs: the configuration, layergen itself, and its libraries."""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence

from layergen.project.config import Config
from layergen.resources import PACKAGE, templates_folder

# torch decides what is checked and sympy prints it; black formats, and reads its command line's library as it is
# imported; jinja2 renders and markupsafe escapes; pydantic and pyyaml read specs.
DISTRIBUTIONS = ("torch", "sympy", "black", "click", "jinja2", "markupsafe", "pydantic", "pydantic_core", "pyyaml")
INSTALLED = r"(?P<name>.+?)-(?P<version>[^-]+)(-py[\d.]+)?\.(dist|egg)-info"

Digest = Callable[[str, str], str]  # of a file's contents, by its name in the manifest and its path


def fingerprint(config: Config, digest: Digest) -> str:
    """A hash of all that the outcome of each spec depends on."""
    parts = [config.fingerprint(), sys.version, *versions(sys.path)]
    for folder, suffix in ((PACKAGE, ".py"), (templates_folder(), "")):
        top = str(folder)
        for path in sorted(_files(top, suffix)):
            parts += [path[len(top) + 1 :], digest(path, path)]
    return joined(parts)


def versions(folders: Sequence[str]) -> tuple[str, ...]:
    """The libraries and their versions, by the names of the folders that installers leave beside them.

    It is what `importlib.metadata` goes by, which takes longer to import than the rest of a build in which nothing
    changed. It is asked only for those that are installed in other ways.
    """
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        infos = (re.fullmatch(INSTALLED, name) for name in names if name.endswith("-info"))
        for match in filter(None, infos):
            found.setdefault(_normal(match["name"]), match["version"])
    return tuple(f"{name} {found.get(name) or _version(name)}" for name in DISTRIBUTIONS)


def joined(parts: Sequence[str]) -> str:
    """A hash of some texts, by a form in which no two lists of texts look alike."""
    return hashlib.sha256(repr([*parts]).encode()).hexdigest()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _version(name: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _files(folder: str, suffix: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry.path, suffix)
        elif entry.name.endswith(suffix):
            yield entry.path
