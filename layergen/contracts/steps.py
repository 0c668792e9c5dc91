"""Steps: whether a value changes along a line by something else than its gradients there add up to.

What is continuous does not, be it as steep as it may; what is rounded on the way, or counts a sign, leaps where its
gradient is zero.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from layergen.run.instance import Instance
from layergen.run.on_data import draw_input

POINTS = 64  # of a line, at which gradients are looked at
LINES = 3
SHARE = 0.2  # of all that changes on the way, which may be lost between two points


def goes_in_steps(instance: Instance, value: Callable[[], Tensor], names: Sequence[str]) -> bool:
    """Whether it does so along one of some lines.

    Args:
        instance: The layer, whose tensors are as before at the end.
        value: Computes what changes, of the tensors as they are and with the same random numbers each time.
        names: The tensors that are moved.
    """
    held = {**instance.state, **instance.inputs}
    leaves = [(name, leaf) for name in names if (leaf := held[name]) is not None and leaf.is_floating_point()]
    starts = [leaf.detach().clone() for _, leaf in leaves]
    ranges = dict(instance.ranges())
    found = False
    for _ in range(LINES):
        with torch.no_grad():
            for name, leaf in leaves:
                draw_input(leaf, ranges.get(name))
        moved = [leaf.detach().clone() for _, leaf in leaves]
        found = found or _leaps([leaf for _, leaf in leaves], starts, moved, value)
    _put([leaf for _, leaf in leaves], starts)
    return found


def _leaps(
    leaves: Sequence[Tensor], starts: Sequence[Tensor], ends: Sequence[Tensor], value: Callable[[], Tensor]
) -> bool:
    """Whether a value changes along a line by something else than its slopes there."""
    steps = [(end - start) / POINTS for start, end in zip(starts, ends, strict=True)]
    told, on_the_way, values = 0.0, 0.0, []
    for at in (0.0, float(POINTS)):
        _put(leaves, [start + at * step for start, step in zip(starts, steps, strict=True)])
        values.append(float(_weighed(value().detach())))
    for place in range(POINTS):
        _put(leaves, [start + (place + 0.5) * step for start, step in zip(starts, steps, strict=True)])
        slopes = torch.autograd.grad(_weighed(value()), leaves, allow_unused=True)
        slope = sum(float((one * step).sum()) for one, step in zip(slopes, steps, strict=True) if one is not None)
        told, on_the_way = told + slope, on_the_way + abs(slope)
    changed = values[1] - values[0]
    return abs(changed - told) > SHARE * (on_the_way + abs(changed))  # false where one is not a number


def _put(leaves: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for leaf, value in zip(leaves, values, strict=True):
            leaf.copy_(value)


def _weighed(value: Tensor) -> Tensor:
    """One number of a tensor, of which no two entries weigh the same."""
    flat = value.reshape(-1)
    return (flat * torch.linspace(0.5, 2, flat.numel(), dtype=flat.dtype)).sum()
