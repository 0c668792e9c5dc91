"""The layers that a spec may be made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from layergen.ops.modules import find_module
from layergen.resolve.program import Child, Constructible
from layergen.resolve.torch_module import TorchModule


@dataclass(frozen=True)
class Library:
    """Layers of other specs by class, and why there are not more.

    Attributes:
        layers: Those that a member may be.
        faulty: Those that have a spec with faults of its own.
        cycles: Those that are made of the layer that asks, each with the classes on the way, itself the last.
        names: The classes that there are, where one is asked for that is not.
    """

    layers: Mapping[str, Child] = field(default_factory=dict)
    faulty: frozenset[str] = frozenset()
    cycles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()


EMPTY = Library()


def constructible(name: str, children: Mapping[str, Child]) -> Constructible | None:
    """What a call of a constructor makes, if anything of that name is known."""
    if name.startswith("nn."):
        op = find_module(name)
        return TorchModule(op) if op else None
    return children.get(name)
