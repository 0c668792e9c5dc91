"""What generated packages share: the ``__init__.py`` files, which make ``from generated import RMSNorm`` work, and what
the tests of all layers are made of.

They are made from the modules that there are, not from the specs of one build, so that a build of a few specs and one
of all give the same.
"""

import ast
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from layergen.project.cache import Cache, Entry
from layergen.project.config import Config
from layergen.project.discovery import TESTS
from layergen.project.writing import GeneratedFile, signed

INIT = "__init__.py"
BEHAVIOURS = f"{TESTS}/behaviours.py"  # what every layer is held to
CONFTEST = f"{TESTS}/conftest.py"


@dataclass(frozen=True)
class Export:
    """A class that a module of the output folder gives."""

    path: str  # of the module, relative to the output folder
    name: str


def exports(files: Iterable[GeneratedFile]) -> tuple[Export, ...]:
    """What the layers among some files export. A file that is no Python, after an edit, exports nothing."""
    found = []
    for file in sorted(files, key=lambda file: file.path):
        if file.path.startswith(f"{TESTS}/") or file.path.endswith(INIT):
            continue
        with contextlib.suppress(SyntaxError, ValueError):
            found += [Export(file.path, name) for name in _public_names(ast.parse(file.text))]
    return tuple(found)


def _public_names(module: ast.Module) -> list[str]:
    """The names that a module lists in ``__all__``."""
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names)):
                values = [name.value for name in names if isinstance(name, ast.Constant)]
                return [value for value in values if isinstance(value, str) and value.isidentifier()]
    return []


def package_files(config: Config, cache: Cache, files: Iterable[GeneratedFile]) -> tuple[GeneratedFile, ...]:
    """The packages that hold some modules and tests.

    Each package exports the layers at and below it; those of tests export nothing.
    """
    files = tuple(files)
    members: dict[PurePosixPath, list[Export]] = {}
    for file in files:
        members.update({folder: [] for folder in PurePosixPath(file.path).parents})
    for export in exports(files):
        for folder in PurePosixPath(export.path).parents:
            members[folder].append(export)
    packages = [_package_file(config, cache, folder, found) for folder, found in sorted(members.items())]
    return (*packages, *(_shared_tests(config, cache) if PurePosixPath(TESTS) in members else ()))


def behaviours_module(config: Config) -> str:
    """The dotted name of the module of what every layer is held to."""
    return ".".join((config.package, *PurePosixPath(BEHAVIOURS).with_suffix("").parts))


def _shared_tests(config: Config, cache: Cache) -> tuple[GeneratedFile, ...]:
    """What the tests of all layers import, and what runs them."""
    module = behaviours_module(config)
    key = cache.key(module)
    entry = cache.load(key)
    if entry is None:
        from layergen.lower import lower_behaviours
        from layergen.render import render

        entry = Entry(tuple(signed(render(view), f"{config.specs}/") for view in lower_behaviours(module)))
        cache.store(key, entry)
    paths = (BEHAVIOURS, CONFTEST)
    return tuple(GeneratedFile(path, text) for path, text in zip(paths, entry.texts, strict=True))


def _package_file(config: Config, cache: Cache, folder: PurePosixPath, members: Iterable[Export]) -> GeneratedFile:
    package = ".".join((config.package, *folder.parts))
    layers = tuple((_relative_module(export.path, folder), export.name) for export in members)
    key = cache.key(package, *(part for layer in layers for part in layer))
    entry = cache.load(key)
    if entry is None:
        from layergen.lower import lower_package
        from layergen.render import render

        entry = Entry((signed(render(lower_package(package, layers)), f"{config.specs}/"),))
        cache.store(key, entry)
    return GeneratedFile((folder / INIT).as_posix(), entry.texts[0])


def _relative_module(path: str, folder: PurePosixPath) -> str:
    """The name by which a package imports a module below it: ``.norm.rms_norm``."""
    return "." + ".".join(PurePosixPath(path).relative_to(folder).with_suffix("").parts)
