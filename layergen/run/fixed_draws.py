"""Random numbers in whose place fixed ones stand, so that what a layer makes of them can be told number by number.

`templates/behaviours_fixed_draws.py.j2` has the twin of it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class FixedDraws(TorchDispatchMode):
    """Puts numbers in no simple order, others at each draw, in the place of those that a generator gives.

    Attributes:
        fixed: Whether nothing was drawn but uniform, normal and exponential numbers, and tosses of a coin.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0  # of the draws so far
        self.fixed = True

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return result
        if not isinstance(result, Tensor):  # an attention, which may have dropout in it
            self.fixed &= not any(isinstance(number, float) and number > 0 for number in args)
            return result
        self.count += 1
        even = evenly(result.shape, self.count)
        match func.overloadpacket.__name__:
            case "rand" | "rand_like":
                return result.copy_(even)
            case "randn" | "randn_like":
                return result.copy_(torch.special.ndtri(even))
            case "exponential_":
                return result.copy_(-torch.log(even))
            case "bernoulli":  # with a chance, or of the chances that the tensor has
                return result.copy_(even < args[-1])
            case "bernoulli_":
                return result.copy_(even < (args[1] if len(args) > 1 else 0.5))
        self.fixed = False
        return result


def evenly(shape: Sequence[int], draw: int) -> Tensor:
    """Numbers between 0 and 1, evenly spread, in no simple order; the first is near 1: a coin that falls to 0.

    A single number is another one: of a coin that falls to 0, nothing may be left.
    """
    draw += math.prod(shape) == 1
    count = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
    even = 0.5 + torch.asin(torch.sin((count + 1.1925 + 0.61 * draw) ** 2)) / math.pi
    return (0.001 + 0.998 * even).reshape(tuple(shape))
