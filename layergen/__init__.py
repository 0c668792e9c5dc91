"""layergen: write a PyTorch layer's mathematics and contract once; get the module, its tests and the proof."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from layergen.diagnostics import LayergenError

# Read before `build` is defined: the import of a module sets the attribute of its name on the package.
from layergen.pipeline import BuildResult

if TYPE_CHECKING:
    from torch import nn

__version__ = "0.1.0"
__all__ = ["BuildResult", "LayergenError", "__version__", "build", "load"]


def build(
    paths: Iterable[str | PathLike[str]] = (), *, folder: str | PathLike[str] = ".", force: bool = False
) -> BuildResult:
    """Generate code from specs, as ``layergen build`` does.

    Args:
        paths: Files and folders of specs; without any, the specs folder of the project.
        folder: Where to look for the project's ``pyproject.toml``, upwards.
        force: Overwrite also files that were edited by hand.

    Raises:
        LayergenError: If the configuration is wrong. Faults in specs are in the result's ``diagnostics``, and
            errors of layergen's own in its ``bugs``.
    """
    from layergen.pipeline import build as build_project
    from layergen.project.config import load_config

    return build_project(load_config(Path(folder)), [Path(path) for path in paths], force=force)


def load(path: str | PathLike[str]) -> type[nn.Module]:
    """Make the class that a spec defines, in memory; nothing is written.

    Raises:
        LayergenError: If the spec has faults, with all of them in the message.
    """
    from layergen.notebook import load_class

    return load_class(Path(path))
