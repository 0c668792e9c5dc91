"""The definitions of modules of torch.nn, which ship with layergen as specs without a forward."""

from functools import cache
from pathlib import Path
from typing import Any

from layergen.lang.model import LayerSpec
from layergen.lang.source import load

FOLDER = Path(__file__).with_name("torch_nn")
UNSAID = "zeros"  # initial values, which no definition asks for


@cache
def shipped_spec(name: str) -> LayerSpec | None:
    """The spec of a module of torch.nn, ``nn.Linear``, if one ships."""
    path = FOLDER / f"{name.removeprefix('nn.')}.yaml"
    if path.name not in _names():
        return None
    data: dict[str, Any] = load(path, path.name).data()
    owned = {
        section: {tensor: {"init": UNSAID, **part} for tensor, part in data.get(section, {}).items()}
        for section in ("parameters", "buffers")
    }
    return LayerSpec.model_validate({**data, **owned, "forward": f"{next(iter(data['outputs']))} = 0"})


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.glob("*.yaml"))


def shipped_names() -> tuple[str, ...]:
    """The modules that have one."""
    return tuple(sorted(f"nn.{name.removesuffix('.yaml')}" for name in _names()))
