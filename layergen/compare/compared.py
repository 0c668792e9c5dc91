"""Compares what a forward computes with what something else says that it computes."""

import math
from typing import Any

import torch
from torch import Tensor

from layergen.compare.rounded_tables import with_wide_tables
from layergen.probe.values import ORDINARY, Point, drawn, give
from layergen.resolve.program import Program
from layergen.run.instance import Instance, Placement
from layergen.run.moving import move
from layergen.run.started import start
from layergen.settings.choice import Setting

ON_DATA = Placement(torch.device("cpu"), torch.float64)
CLOSE = 1e-7  # how far two values may be apart, of what they are and at all: as in the generated tests
ROUNDED = 1e-4  # the same, where a tensor is narrower than float64
HELP = "one of the two is wrong: hold both against the source"
STABLY = (
    "tell it such that no exponential overflows or vanishes: `logsumexp[i](…)` is `log(sum[i](exp(…)))`, and "
    "`max(x, 0) + log(1 + exp(-abs(x)))` is `log(1 + exp(x))`"
)


def started(
    program: Program, setting: Setting, point: Point = ORDINARY, *, rounded: bool = False, seed: int = 0
) -> Instance:
    """A layer whose values are all drawn at random, so that none is a 1 or a 0 by accident; the inputs as told.

    Args:
        program: The layer.
        setting: Where it is set up.
        point: What its inputs are.
        rounded: Whether tables that the definition tells by a formula are rounded to their dtype, as in tests.
        seed: Of what is drawn.
    """
    with drawn(seed):
        instance = Instance(program if rounded else with_wide_tables(program), setting, ON_DATA)
        start(instance, torch.float64)  # a constant is one of the formula, which nothing moves
        move(instance)
        give(instance, point)
    return instance


def room(tensor: Tensor) -> float:
    """How far the numbers of a tensor may be from what they should be."""
    wide = tensor.dtype in (torch.float64, torch.complex128) or not (tensor.is_floating_point() or tensor.is_complex())
    return CLOSE if wide else ROUNDED


def close(ours: Any, theirs: Any, within: float = CLOSE) -> bool:
    """Whether two numbers are the same but for rounding."""
    if isinstance(ours, complex) and isinstance(theirs, complex):
        return close(ours.real, theirs.real, within) and close(ours.imag, theirs.imag, within)
    if not isinstance(theirs, int | float) or isinstance(ours, complex):
        return False
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return math.isclose(ours, theirs, rel_tol=within, abs_tol=within)


def entry_text(name: str, index: tuple[int, ...]) -> str:
    """An entry of a tensor, ``y[0, 2]``."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def shown_apart(left: Any, right: Any) -> tuple[str, str]:
    """Two numbers with the digits that people read, and more where those are the same."""
    for digits in (6, 9, 12):
        found = shown(left, digits), shown(right, digits)
        if found[0] != found[1]:
            return found
    return shown(left, 17), shown(right, 17)


def shown(value: Any, digits: int = 6) -> str:
    """A number with so many digits."""
    return f"{value:.{digits}g}" if isinstance(value, float | complex) else str(value)
