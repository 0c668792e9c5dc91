"""The values of a name that each turn of a loop gives anew, as a definition tells them: with an index for the turns."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from layergen.definition.evaluate import Evaluation
from layergen.run.forward import Step


def in_turns(evaluation: Evaluation, name: str, steps: Sequence[Step]) -> tuple[Tensor, int] | None:
    """What all turns together give a name, and the dimension of the turns; None where the definition tells no such.

    Args:
        evaluation: The definition.
        name: What the forward and the definition both have.
        steps: Those that give it a value, the last of which are the turns: one may come before them.
    """
    values = [step.value for step in steps]
    if not all(isinstance(value, Tensor) and not value.is_complex() for value in values):
        return None
    shapes = {tuple(value.shape) for value in values}
    shape = evaluation.shape(name, values[-1].dim() + 1) if len(shapes) == 1 else None
    if shape is None:
        return None
    for axis in axes(shape, values[-1]):
        if 1 < shape[axis] <= len(values) <= shape[axis] + 1:
            return torch.stack(values[-shape[axis] :], axis), axis
    return None


def axes(shape: tuple[int, ...], value: Tensor) -> Iterator[int]:
    """The dimensions of a shape without which it is that of a value."""
    return (axis for axis in range(len(shape)) if (*shape[:axis], *shape[axis + 1 :]) == tuple(value.shape))
