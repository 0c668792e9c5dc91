"""Where a layer is set up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from layergen.lang.interpreter import Function, scalar_call
from layergen.run.contracts import Contracts

META = torch.device("meta")


@dataclass(frozen=True)
class Placement:
    """Where a layer is set up."""

    device: torch.device = META
    dtype: torch.dtype = torch.float32  # of the floating inputs
    owned_dtype: torch.dtype | None = None  # of the floating parameters and buffers; the inputs' unless given
    gradients: bool = False
    scalars: Function = scalar_call  # calls the functions of numbers
    contracts: Contracts | None = None  # by which members are run; without, their forwards are
    text: Callable[[Any], str] = str  # of a size

    def shown(self, shape: tuple[Any, ...]) -> str:
        """A shape in words."""
        return f"[{', '.join(map(self.text, shape))}]"
