"""Runs a forward whose roundings come out otherwise, as those of another processor may: sums in another order.

Each number that an op rounds is moved by some units of its last digit, in the dtype that it has there. Where what is
compared is computed in float32, it hardly moves, though inputs are in half precision.
"""

from typing import Any

import torch
from torch import Tensor

from layergen.contracts.tables import TABLES
from layergen.lang import expression as ex
from layergen.ops.traits import ALIASING
from layergen.probe.switches import EXACT
from layergen.run.forward import ForwardInterpreter

UNITS = {torch.float32: 8.0, torch.float64: 0.0}  # by how many a number is moved at most; by one in half precision
UNROUNDED = (EXACT - {"add", "sub"}) | ALIASING | TABLES


class Jittered(ForwardInterpreter):
    """Runs a forward with other roundings.

    Args:
        seed: Of what is moved, and how far.
        given: What any run is given.
    """

    def __init__(self, seed: int, *given: Any) -> None:
        super().__init__(*given)
        self.generator = torch.Generator().manual_seed(seed)

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        value = super().call(node, arguments, keywords)
        return value if node.function in UNROUNDED else self.moved(value)

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        return self.moved(super().combine(node, left, right))

    def moved(self, value: Any) -> Any:
        """The floating numbers of a value, each moved by chance."""
        if isinstance(value, tuple):
            return tuple(map(self.moved, value))
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        chance = 2 * torch.rand(value.shape, generator=self.generator, dtype=torch.float64) - 1
        units = UNITS.get(value.dtype, 1.0) * torch.finfo(value.dtype).eps
        return (value.double() * (1 + units * chance)).to(value.dtype)
