"""Layers without files: from a spec straight to a class, for notebooks."""

import linecache
import sys
from pathlib import Path
from types import ModuleType

from torch import nn

from layergen.diagnostics import LayergenError
from layergen.pipeline import generate
from layergen.present.diagnostics import format_diagnostics
from layergen.project.config import Config
from layergen.project.discovery import SpecFile
from layergen.project.making import Order


def load_class(path: Path) -> type[nn.Module]:
    """Make the class that a spec defines. See `layergen.load`."""
    config = Config(path.parent, package="layergen.notebook")
    generated = generate(Order(SpecFile.of(str(path), path.as_posix(), (path.stem,)), config, {}))
    if generated.diagnostics:
        raise LayergenError("\n" + format_diagnostics(generated.diagnostics, "full"))
    module, _ = generated.texts
    namespace = ModuleType(f"{config.package}.{path.stem}")
    namespace.__file__ = f"<generated from {path.as_posix()}>"
    # What is executed is what would be written, from our templates; nothing of the spec runs as it stands.
    exec(compile(module, namespace.__file__, "exec"), namespace.__dict__)  # noqa: S102
    # Tracebacks and `inspect.getsource` find the lines here, and pickle finds the class.
    linecache.cache[namespace.__file__] = (len(module), None, module.splitlines(True), namespace.__file__)
    sys.modules[namespace.__name__] = namespace
    layer = getattr(namespace, generated.layer)
    assert isinstance(layer, type) and issubclass(layer, nn.Module)
    return layer
