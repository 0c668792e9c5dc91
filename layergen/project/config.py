"""The configuration: ``[tool.layergen]`` of the project's ``pyproject.toml``."""

import keyword
import os
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from layergen.diagnostics import LayergenError
from layergen.suggest import nearest


class Config(NamedTuple):
    """Where a project keeps its specs and its generated code. Folders are relative to the root."""

    root: Path
    specs: str = "specs"
    output: str = "generated"
    package: str = "generated"  # the name by which the output folder is imported

    def fingerprint(self) -> str:
        """All that the configuration adds to the contents of generated files."""
        return f"{self.specs} {self.output} {self.package}"


FOLDERS = {name: Config._field_defaults[name] for name in ("specs", "output")}
KEYS = (*FOLDERS, "package")


def load_config(folder: Path) -> Config:
    """Read the configuration of the project that a folder belongs to.

    The project's root is the nearest folder, upwards, with a ``pyproject.toml``; without one it is the folder itself.

    Raises:
        LayergenError: If the file cannot be read, or a key or value is wrong.
    """
    folder = folder.resolve()
    root = next((parent for parent in (folder, *folder.parents) if (parent / "pyproject.toml").is_file()), None)
    if root is None:
        return Config(folder)
    file = root / "pyproject.toml"
    values = _read_table(file)
    for key, value in values.items():
        if key not in KEYS:
            raise LayergenError(f"{file}: [tool.layergen] has no key `{key}`{_meant(key)}")
        if not isinstance(value, str):
            raise LayergenError(f"{file}: tool.layergen.{key} must be a string, got {value!r}")
    specs, output = (_inner_folder(file, key, values.get(key, default)) for key, default in FOLDERS.items())
    package = values.get("package", output.replace("/", "."))
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in package.split(".")):
        key = "package" if "package" in values else "output"
        raise LayergenError(f"{file}: tool.layergen.{key} must name a Python package, got {values[key]!r}")
    if PurePosixPath(specs).is_relative_to(output):
        raise LayergenError(f"{file}: tool.layergen.output must not hold the specs, got {output!r}")
    return Config(root, specs, output, package)


def _read_table(file: Path) -> dict[str, Any]:
    import tomllib  # which takes longer to import than to find out that there is no file

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LayergenError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise LayergenError(f"{file}: is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise LayergenError(f"{file}: is not valid TOML: {error}") from None
    for key in ("tool", "layergen"):
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise LayergenError(f"{file}: `{key}` must be a table, got {table!r}")
    return table


def _meant(key: str) -> str:
    near = nearest(key, KEYS)
    return f"; did you mean `{near}`?" if near else f"; it knows {', '.join(f'`{name}`' for name in KEYS)}"


def _inner_folder(file: Path, key: str, value: str) -> str:
    """A folder below the root, in its shortest form and with forward slashes."""
    folder = Path(os.path.normpath(file.parent / value.replace("\\", "/")))
    if file.parent not in folder.parents or not value.isprintable():
        raise LayergenError(f"{file}: tool.layergen.{key} must be a folder inside of the project, got {value!r}")
    return folder.relative_to(file.parent).as_posix()
