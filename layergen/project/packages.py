"""What generated packages share: the ``__init__.py`` files, which make ``from generated import RMSNorm`` work, and what
the tests of all layers are made of.

They are made from the modules that there are, not from the specs of one build, so that a build of a few specs and one
of all give the same.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from layergen.project.discovery import TESTS
from layergen.project.signing import signed

INIT = "__init__.py"
BEHAVIOURS = f"{TESTS}/behaviours.py"  # what every layer is held to
CONFTEST = f"{TESTS}/conftest.py"
SHARED_TESTS = (BEHAVIOURS, CONFTEST)


class PackageFile(NamedTuple):
    """A file of a package that is to be there whatever its modules are: all that its text is made from."""

    path: str  # relative to the output folder
    package: str  # the dotted name of the package; of what tests share, that of the module of behaviours
    layers: tuple[tuple[str, str], ...]  # relative names of the modules below it, ``.norm.rms_norm``, and their classes
    origin: str  # for the header: the specs folder

    @property
    def parts(self) -> tuple[str, ...]:
        """For a key in the cache."""
        return (self.path, self.package, self.origin, *(part for layer in self.layers for part in layer))


def package_files(package: str, specs: str, exports: Mapping[str, tuple[str, ...]]) -> tuple[PackageFile, ...]:
    """The packages that hold some modules and tests.

    Each package exports the layers at and below it; those of tests export nothing.

    Args:
        package: The name by which the output folder is imported.
        specs: The specs folder.
        exports: Paths of the modules and tests below the output folder, with the classes that each gives.
    """
    members: dict[str, list[tuple[str, str]]] = {}  # of each folder, modules relative to it and classes
    above: dict[str, tuple[str, ...]] = {}  # of each folder, itself and those that hold it
    for path in sorted(exports):
        folder = path.rpartition("/")[0]
        if folder not in above:
            parts = folder.split("/") if folder else []
            above[folder] = tuple("/".join(parts[:depth]) for depth in range(len(parts) + 1))
            for each in above[folder]:
                members.setdefault(each, [])
        if exports[path]:
            module = "." + path.removesuffix(".py").replace("/", ".")
            for each in above[folder]:
                members[each] += [(module[len(each) + 1 if each else 0 :], name) for name in exports[path]]
    packages = [_package_file(package, specs, folder, tuple(found)) for folder, found in sorted(members.items())]
    shared = SHARED_TESTS if TESTS in members else ()
    return (*packages, *(PackageFile(path, behaviours_module(package), (), f"{specs}/") for path in shared))


def behaviours_module(package: str) -> str:
    """The dotted name of the module of what every layer is held to."""
    return f"{package}.{BEHAVIOURS.removesuffix('.py').replace('/', '.')}"


def _package_file(package: str, specs: str, folder: str, layers: tuple[tuple[str, str], ...]) -> PackageFile:
    dotted = ".".join((package, *filter(None, folder.split("/"))))
    return PackageFile(f"{folder}/{INIT}" if folder else INIT, dotted, layers, f"{specs}/")


def package_text(file: PackageFile) -> str:
    """The text of a file of a package, signed."""
    from layergen.lower import lower_package
    from layergen.render import render

    if file.path in SHARED_TESTS:
        return signed(_shared_body(file.path, file.package), file.origin)
    return signed(render(lower_package(file.package, file.layers)), file.origin)


@cache
def _shared_body(path: str, module: str) -> str:
    """What tests share, which is long and the same for all projects whose output folder has one name."""
    from layergen.lower import lower_behaviours
    from layergen.render import render

    return render(lower_behaviours(module)[SHARED_TESTS.index(path)])


def exported(path: str, text: str) -> tuple[str, ...]:
    """The classes that a generated file gives to its package: those that it lists in ``__all__``.

    A test gives none, nor does a package itself, and a file that is no Python, after an edit, neither.
    """
    if path.startswith(f"{TESTS}/") or path.endswith(INIT):
        return ()
    import ast

    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for statement in ast.parse(text).body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names)):
                    values = [name.value for name in names if isinstance(name, ast.Constant)]
                    return tuple(value for value in values if isinstance(value, str) and value.isidentifier())
    return ()
