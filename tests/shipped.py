"""The specs that are shipped: each checked at most once in a run of the tests."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from torch import Tensor, nn

import generated
from generated.tests.behaviours import tensors_in
from layergen.check import check
from layergen.checked import CheckedLayer
from layergen.lang.model import LayerSpec
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.pipeline import examine, examined, rendered
from layergen.project.cache import Cache
from layergen.project.config import Config
from layergen.project.discovery import SpecFile, discover
from layergen.project.making import Generated, Maker, Order
from layergen.project.workers import InProcess
from layergen.resolve import resolve

ROOT = Path(__file__).parents[1]
SPECS = {path.stem: path for path in sorted((ROOT / "specs").rglob("*.yaml"))}
RESTATED = frozenset(name for name, path in SPECS.items() if "\nmatches:" in path.read_text(encoding="utf-8"))
USUAL = frozenset(  # one or two of each kind
    {
        "custom_adaptive_pool2d",
        "custom_conv2d",
        "elastic_net_linear",
        "focal_loss",
        "gem_pool2d",
        "ind_rnn",
        "layer_norm",
        "linear",
        "lstm_cell",
        "rms_norm",
        "rotary_embedding",
        "softmax",
        "squeeze_excitation",
        "swiglu",
        "vector_quantizer",
    }
)

FIRST = USUAL - {  # those whose check takes no second together, with which the tests of all begin
    "focal_loss",
    "gem_pool2d",
    "lstm_cell",
    "rms_norm",
    "rotary_embedding",
    "squeeze_excitation",
    "vector_quantizer",
}


def parameters(names: Iterable[str]) -> list[ParameterSet]:
    """The names of specs to test one after the other; all but the first ones are slow."""
    return [pytest.param(name, marks=() if name in FIRST else pytest.mark.slow) for name in names]


def read(path: Path) -> LayerSpec:
    """A spec that has no faults in its form."""
    return validate(load(path, path.name))


def checked_file(path: Path) -> CheckedLayer:
    """What is found out about a spec that has no faults.

    One of those that are shipped is taken through all stages, after those that it is made of, so that what comes of it
    is in the cache: a build that makes sure of what is committed need not do all of it a second time.
    """
    if not path.is_relative_to(ROOT / "specs"):
        return check(resolve(read(path)))
    below, config = path.relative_to(ROOT / "specs"), Config(ROOT)
    spec = SpecFile.of(str(path), f"specs/{below.as_posix()}", below.with_suffix("").parts)
    found: dict[str, CheckedLayer] = {}

    def generate(order: Order) -> Generated:
        source, found[order.spec.name] = examined(order)
        return rendered(order, source, found[order.spec.name])

    cache = Cache(config)
    Maker((spec,), config, cache, generate, others=discover(config).specs).make(InProcess())
    cache.save(whole=False)
    return found[spec.name] if spec.name in found else examine(spec, config)


class CheckedFiles(Mapping[str, CheckedLayer]):
    """Specs by name, each checked when it is first asked for."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths
        self.checked: dict[str, CheckedLayer] = {}

    def __getitem__(self, name: str) -> CheckedLayer:
        if name not in self.checked:
            self.checked[name] = checked_file(self.paths[name])
        return self.checked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def generated_tests(name: str) -> Any:
    """The generated tests of a layer, which say how it is made and called."""
    return import_module(f"generated.tests.{SPECS[name].parent.name}.test_{name}")


def tensors(value: Any) -> list[Tensor]:
    """The tensors of what a layer takes or gives."""
    return [part for part in tensors_in(value) if isinstance(part, Tensor)]


def layer_class(name: str) -> type[nn.Module]:
    """The class that was generated from a shipped spec."""
    found = getattr(generated, read(SPECS[name]).layer)
    assert isinstance(found, type) and issubclass(found, nn.Module)
    return found
