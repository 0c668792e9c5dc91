"""What layers know of one another: their contracts, by class name, and nothing else.

A layer that is made of others is made again when one of their contracts has changed, not when their prose has.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from layergen.project.manifest import Made

if TYPE_CHECKING:
    from layergen.lang.nodes import Data

Contract = dict[str, Any]  # JSON: what a parent needs to know of a layer, in the words of the spec language

FILE = "file"  # the key of a contract's spec
MEMBERS = "members"  # the key of the layers that a layer is made of itself, each with the digest of its contract
MEMBER = r"(?<![\w.])([A-Z]\w*)\s*\("  # a constructor's name, but not that of `nn.X`


def contract_digest(contract: Contract) -> str:
    """A hash of a contract. Two contracts with the same one are the same to all parents, wherever their specs lie."""
    told = {key: value for key, value in contract.items() if key != FILE}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def dependencies(data: "Mapping[str, Data]") -> tuple[str, ...]:
    """The classes of other specs that a spec is made of: the constructors that its `modules` call, sorted."""
    return tuple(sorted({name for text in _texts(data.get("modules")) for name in re.findall(MEMBER, text)}))


def _texts(value: "Data") -> Iterable[str]:
    """All texts in some plain data, but for prose."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item) if key != "doc" else ()


class Library:
    """The contracts of the layers that are made so far.

    Args:
        load: The contract of a layer that an earlier build made, by the layer's key.
    """

    def __init__(self, load: Callable[[str], Contract]) -> None:
        self._load = load
        self._layers: dict[str, Made] = {}
        self._contracts: dict[str, Contract] = {}  # those of this build, and those that were asked for

    def add(self, made: Made, contract: Contract | None = None) -> None:
        """Take a layer in, with its contract if it is at hand."""
        self._layers[made.layer] = made
        if contract is not None:
            self._contracts[made.layer] = contract

    def uses(self, layers: Iterable[str]) -> dict[str, str]:
        """The digests of the contracts of some layers; empty for one that there is none of."""
        return {layer: self._layers[layer].contract if layer in self._layers else "" for layer in sorted(layers)}

    def contracts(self, layers: Iterable[str]) -> dict[str, Contract]:
        """The contracts of some layers, and of those that they are made of, without those that there are none of."""
        found: dict[str, Contract] = {}
        waiting = list(layers)
        while waiting:
            layer = waiting.pop()
            if layer in found or layer not in self._layers:
                continue
            if layer not in self._contracts:
                self._contracts[layer] = self._load(self._layers[layer].key)
            found[layer] = self._contracts[layer]
            waiting += found[layer].get(MEMBERS, {})
        return found

    def classes(self) -> tuple[str, ...]:
        """The layers that there are."""
        return tuple(sorted(self._layers))
