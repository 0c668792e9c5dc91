"""Vacuous laws: a law says something of a layer only if there are functions of which it does not hold.

In the place of the layer stand functions that give random numbers: of the same shapes and dtypes, of both signs and of
several sizes, and for the same inputs the same ones. `layer(x) == layer(x + 0)` holds of them all, and so tells nothing
of what the layer computes.
"""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from layergen.lang.interpreter import EvaluationFault
from layergen.run.call import Called
from layergen.run.equations import Running
from layergen.run.instance import Instance

# Of the random numbers: ordinary ones, and some that no bound allows; and the same with the other sign, since of few
# numbers all may happen to be positive.
SIZES = (1.0, -1.0, 1e6, -1e6)
DIGITS = 1e8  # what differs by less is the same input: `x + 1 - 1` is `x` but for rounding
INTEGERS = 100  # of an ordinary size


class AnyFunction(Running):
    """Computes expressions with a function of random values in the place of the layer.

    Args:
        instance: The layer, which tells what shapes come out.
        size: How large the values are.
    """

    def __init__(self, instance: Instance, size: float) -> None:
        super().__init__(instance)
        self.size = size

    def outputs(self, called: Called) -> Mapping[str, Any]:
        """Random values in the place of the layer's own, which the inputs decide."""
        given = {**called.values, **called.inputs}
        parts = [abs(self.size), *((name, _told(value)) for name, value in sorted(given.items()))]
        key = hashlib.sha256(repr(parts).encode())
        generator = torch.Generator().manual_seed(int.from_bytes(key.digest()[:4]))
        return {
            name: value if value is None else self.other(value, generator)
            for name, value in super().outputs(called).items()
        }

    def term(self, node: Any, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Tensor:
        """A random number in the place of the layer's penalty."""
        return self.other(super().term(node, arguments, keywords, training), torch.Generator().manual_seed(0))

    def other(self, value: Tensor, generator: torch.Generator) -> Tensor:
        """Random values of a tensor's shape and dtype."""
        if value.is_floating_point() or value.is_complex():
            return self.size * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        if value.dtype is torch.bool:
            return (torch.rand(value.shape, generator=generator) < 0.5) ^ (self.size < 0)
        most = min(INTEGERS if abs(self.size) == 1 else sys.maxsize, torch.iinfo(value.dtype).max) // 2
        drawn = torch.randint(-most, most, value.shape, generator=generator)
        return (drawn.abs() if value.dtype is torch.uint8 else drawn if self.size > 0 else -drawn).to(value.dtype)


def _told(value: Any) -> object:
    """A value of a call, such that equal ones are told alike."""
    if not isinstance(value, Tensor):
        return value
    numbers = torch.view_as_real(value) if value.is_complex() else value
    numbers = torch.round(numbers * DIGITS) if numbers.is_floating_point() else numbers
    return tuple(value.shape), (numbers + 0).tolist()  # in which there is no zero with a sign


def any_functions(instance: Instance) -> Iterator[Running]:
    """Functions in the place of a layer, at which a law can fail."""
    return (AnyFunction(instance, size) for size in SIZES)


FAILS = (EvaluationFault, RuntimeError, IndexError, ValueError, TypeError)  # of what a law makes of such values
