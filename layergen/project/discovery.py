"""Which specs a build is about, and where the files made from each of them go."""

import keyword
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from layergen.diagnostics import Diagnostic, LayergenError, Location
from layergen.project.config import Config
from layergen.rules.building import DuplicateOutput, UnsafePath
from layergen.rules.file import UnreadableFile
from layergen.suggest import nearest

SUFFIXES = (".yaml", ".yml")
PART = re.compile("[a-z][a-z0-9_]*")
TESTS = "tests"  # the folder, inside the output folder, of the generated tests


class SpecFile(NamedTuple):
    """A spec on the disk."""

    file: str  # its path; as a `Path` it would cost as much as all the rest
    name: str  # relative to the project's root, with forward slashes
    module: tuple[str, ...]  # the module to generate, below the output folder: ("norm", "rms_norm")
    outputs: tuple[str, str]  # the paths of the module and of its test, relative to the output folder

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.file)

    @classmethod
    def of(cls, file: str, name: str, module: tuple[str, ...]) -> Self:
        """A spec that becomes a module."""
        *category, stem = module
        outputs = "/".join((*category, f"{stem}.py")), "/".join((TESTS, *category, f"test_{stem}.py"))
        return cls(file, name, module, outputs)


class Discovery(NamedTuple):
    """The specs that were found."""

    specs: tuple[SpecFile, ...]
    diagnostics: tuple[Diagnostic, ...]
    whole: bool  # whether the whole specs folder was searched, without a fault


def discover(config: Config, paths: Sequence[Path] = ()) -> Discovery:
    """Find the specs under some files and folders; without any, under the specs folder of the configuration.

    A spec's *category* is the path of its folder below the specs folder. Of a spec that lies elsewhere it is the path
    below the folder that was asked for, so a file that was asked for by itself has none.

    Raises:
        LayergenError: If the specs folder was meant, and there is none.
    """
    root, folder = _inside(str(config.root)), str(config.root / config.specs)
    home = _inside(folder)
    specs: dict[str, SpecFile] = {}
    diagnostics: list[Diagnostic] = []
    tops = [_absolute(path) for path in paths] or [folder]
    if folder in tops and not os.path.lexists(folder):
        raise LayergenError(f"there is no folder `{config.specs}` yet: `layergen new NAME` writes a first spec")
    for top in tops:
        for path, fault in _walk(top):
            base = home if path.startswith(home) else _inside(top if top != path else os.path.dirname(top))
            name = _below(path, root)
            module = tuple(os.path.splitext(_below(path, base))[0].split("/"))
            fault = fault or _unsafe(name, module)
            if fault:
                diagnostics.append(Diagnostic(fault[0], fault[1], Location(name)))
            elif path not in specs:
                specs[path] = SpecFile.of(path, name, module)
    found = sorted(specs.values(), key=lambda spec: spec.name)
    clashes = _clashes(found)
    clashing = {clash.location.file for clash in clashes}
    kept = tuple(spec for spec in found if spec.name not in clashing)
    diagnostics += clashes
    whole = not diagnostics and any(home.startswith(_inside(top)) for top in tops)
    return Discovery(kept, tuple(dict.fromkeys(diagnostics)), whole)


def file_stem(layer: str) -> str:
    """The customary name, without its suffix, of the file that defines a layer: ``rms_norm`` for ``RMSNorm``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", layer).lower()


def find_spec(config: Config, name: str) -> SpecFile:
    """The spec that a user means by the name of its class or of its file, or by its path.

    Raises:
        LayergenError: If there is no such spec, or more than one.
    """
    path = Path(name)
    if path.suffix in SUFFIXES and path.is_file():
        here = discover(config, [path])
        if here.diagnostics:
            raise LayergenError(here.diagnostics[0].message)
        return here.specs[0]
    specs = discover(config).specs
    found = [spec for spec in specs if _plain(spec.path.stem) == _plain(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise LayergenError(f"`{name}` may be {' or '.join(f'`{spec.name}`' for spec in found)}: give the path")
    stems = {_plain(spec.path.stem): spec.path.stem for spec in specs}
    near = nearest(_plain(path.stem), stems)
    hint = f"; did you mean `{stems[near]}`?" if near else ""
    raise LayergenError(f"there is no layer `{name}`{hint}")


def _plain(name: str) -> str:
    """A name in which those of a class and of its file are alike."""
    return name.replace("_", "").lower()


Fault = tuple[type[UnreadableFile] | type[UnsafePath], str]


def _walk(top: str) -> Iterator[tuple[str, Fault | None]]:
    """The specs at or below a path that was asked for, each with what makes it unfit for one.

    Whether a file can be read is seen when it is.
    """
    if os.path.isdir(top):
        yield from _walk_folder(top)
    elif not os.path.lexists(top):
        yield top, (UnreadableFile, "there is no such file or folder")
    elif not top.endswith(SUFFIXES):
        yield top, (UnreadableFile, "the name of a spec ends in `.yaml` or `.yml`")
    else:
        yield top, None


def _walk_folder(folder: str) -> Iterator[tuple[str, Fault | None]]:
    try:
        children = sorted(os.scandir(folder), key=lambda child: child.name)
    except OSError as error:
        yield folder, (UnreadableFile, f"cannot read the folder: {error.strerror}")
        return
    for child in children:
        if child.name.startswith("."):
            continue
        if child.name.endswith(SUFFIXES):
            yield child.path, None
        elif child.is_dir() and child.is_symlink():
            yield child.path, (UnsafePath, "this folder is a link, and layergen does not follow links to folders")
        elif child.is_dir():
            yield from _walk_folder(child.path)


def _absolute(path: Path) -> str:
    """The path without links on the way to it; a link at its end stays, for it is the link that bears the name."""
    return os.path.normpath(os.path.join(os.path.realpath(path.parent), path.name))


def _inside(folder: str) -> str:
    """What the paths of all that lies below a folder begin with."""
    return os.path.join(folder, "")


def _below(path: str, start: str) -> str:
    """A path as seen from a folder, which is given by what all paths below it begin with; with forward slashes."""
    relative = path[len(start) :] if path.startswith(start) else os.path.relpath(path, start)
    return relative.replace(os.sep, "/")


def _unsafe(name: str, module: tuple[str, ...]) -> Fault | None:
    if not name.isprintable():
        return UnsafePath, "the path has characters that cannot be printed"
    reason = unfit_module(module)
    return (UnsafePath, reason) if reason else None


def unfit_module(module: tuple[str, ...]) -> str | None:
    """Why a path below the specs folder, in parts and without its suffix, cannot be that of a module."""
    for part in module:
        if not PART.fullmatch(part):
            rule = "lower-case letters, digits and underscores, a letter first"
            return f"`{part}` cannot name a Python module; layergen takes {rule}"
        if keyword.iskeyword(part):
            return f"`{part}` cannot name a Python module: it is a keyword"
    if module[0] == TESTS:
        return f"`{TESTS}` is the folder of the generated tests"
    return None


def _clashes(specs: Sequence[SpecFile]) -> list[Diagnostic]:
    """Specs that would give the same file, or a module of the same name as another one's folder."""
    modules = {spec.module for spec in specs}
    above = {module[:depth] for module in modules for depth in range(1, len(module))}
    if len(modules) == len(specs) and modules.isdisjoint(above):
        return []
    takers: dict[tuple[str, ...], list[SpecFile]] = defaultdict(list)
    folders: dict[tuple[str, ...], list[SpecFile]] = defaultdict(list)
    for spec in specs:
        takers[spec.module].append(spec)
        for depth in range(1, len(spec.module)):
            folders[spec.module[:depth]].append(spec)
    diagnostics: dict[str, Diagnostic] = {}
    for module, clashing in takers.items():
        if len(clashing) == 1 and module not in folders:
            continue
        everyone = sorted([*clashing, *folders.get(module, ())], key=lambda spec: spec.name)
        for spec in everyone:
            other = next(name for name in (other.name for other in everyone) if name != spec.name)
            message = f"`{spec.name}` and `{other}` both need the module name `{'.'.join(module)}`"
            diagnostics.setdefault(spec.name, Diagnostic(DuplicateOutput, message, Location(spec.name)))
    return list(diagnostics.values())
