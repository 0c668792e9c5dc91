"""Layers without files: from a spec straight to a class, for notebooks."""

import linecache
import sys
from pathlib import Path
from types import ModuleType

from torch import nn

from layergen.diagnostics import LayergenError
from layergen.pipeline import generate, order_of
from layergen.present.diagnostics import format_diagnostics
from layergen.project.cache import FOLDER, Cache
from layergen.project.config import Config, load_config
from layergen.project.discovery import SpecFile

PACKAGE = "layergen.notebook"  # of the modules that are made, which are nowhere on the disk


def load_class(path: Path) -> type[nn.Module]:
    """Make the class that a spec defines. See `layergen.load`."""
    spec, config = _placed(path)
    config = config._replace(package=PACKAGE)
    cache = Cache(config, volatile=not (config.root / FOLDER).is_dir())  # where there is none, none is left behind
    return _loaded(spec, config, cache, set())


def _placed(path: Path) -> tuple[SpecFile, Config]:
    """A spec's place in the project that it belongs to; one that lies elsewhere is a project of its own."""
    if not path.is_file():
        raise LayergenError(f"`{path}` is no spec: there is no such file")
    config = load_config(path.parent)
    if not (config.root / "pyproject.toml").is_file():  # a project may be a folder of specs alone
        folder = next((parent for parent in path.resolve().parents if parent.name == config.specs), None)
        config = config._replace(root=folder.parent) if folder is not None else config
    home = (config.root / config.specs).resolve()
    if not path.resolve().is_relative_to(home):
        return SpecFile.of(str(path), path.as_posix(), (path.stem,)), config._replace(root=path.parent)
    below = path.resolve().relative_to(home).with_suffix("").parts
    name = path.resolve().relative_to(config.root.resolve()).as_posix()
    return SpecFile.of(str(path), name, below), config


def _loaded(spec: SpecFile, config: Config, cache: Cache, loaded: set[tuple[str, ...]]) -> type[nn.Module]:
    """Make a class, after those of its members, which its module imports."""
    order = order_of(spec, config, cache)
    for name, contract in order.contracts.items():
        place = tuple(contract["module"])
        if place not in loaded:
            loaded.add(place)
            member = config.root / contract["file"]
            inner = SpecFile.of(str(member), contract["file"], place)
            assert _loaded(inner, config, cache, loaded).__name__ == name
    generated = generate(order)
    if generated.diagnostics:
        raise LayergenError("\n" + format_diagnostics(generated.diagnostics, "full"))
    namespace = _module(spec, generated.texts[0])
    layer = getattr(namespace, generated.layer)
    assert isinstance(layer, type) and issubclass(layer, nn.Module)
    return layer


def _module(spec: SpecFile, text: str) -> ModuleType:
    """Run a generated module."""
    name = ".".join((PACKAGE, *spec.module))
    for parent in (".".join((PACKAGE, *spec.module[:count])) for count in range(len(spec.module))):
        package = sys.modules.setdefault(parent, ModuleType(parent))
        package.__path__ = []  # so that what is in it can be imported relatively
    module = ModuleType(name)
    module.__file__ = f"<generated from {spec.path.as_posix()}>"
    # Tracebacks and `inspect.getsource` find the lines here, and pickle finds the class.
    linecache.cache[module.__file__] = (len(text), None, text.splitlines(True), module.__file__)
    sys.modules[name] = module
    # What is executed is what would be written, from our templates; nothing of the spec runs as it stands.
    module.__package__ = name.rpartition(".")[0]
    exec(compile(text, module.__file__, "exec"), module.__dict__)  # noqa: S102
    return module
