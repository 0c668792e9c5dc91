"""Divisors: by what bound one that may be 0 is kept away from it. A bound is tried before it is told.

What float64 gives without a bound it has to give with it: one that is small on purpose, as a product of many gates, or
that may be negative, has no such bound.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layergen.domains.draws import CPU, ORDINARY
from layergen.domains.witness import Witness, prepare
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.probe.attempts import TOLERANCE, worst
from layergen.resolve.program import Program
from layergen.run.forward import ForwardInterpreter, Run
from layergen.run.instance import Instance, Placement

LEAST = "1e-6"
ONE = "1"  # what is a count is 1 at least, or there is nothing to divide


class Dividing(ForwardInterpreter):
    """Notes what one division divides by, and keeps that above a number, if there is one."""

    def __init__(self, node: ex.Expression, least: float | None, divisors: list[Tensor], *given: Any) -> None:
        super().__init__(*given)
        self.node = node
        self.least = least
        self.divisors = divisors

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        if node.span == self.node.span and isinstance(right, Tensor):
            self.divisors.append(right)
            right = right if self.least is None else right.clamp(min=self.least)
        return super().combine(node, left, right)


def bound_of(program: Program, witness: Witness) -> str | None:
    """The least that a divisor may be so that all other quotients stay as they are; None if no number is.

    Args:
        program: The layer.
        witness: A run in which the division failed.
    """
    divisors: list[Tensor] = []
    exact = _runs(program, witness, None, divisors)
    if not exact or not divisors:
        return LEAST
    least = ONE if _count(divisors) else LEAST
    bounded = _runs(program, witness, float(least), [])
    kept = len(bounded) == len(exact) and all(
        worst(found, right, torch.float64) <= TOLERANCE for found, right in zip(bounded, exact, strict=True)
    )
    return least if kept else None


def _runs(program: Program, witness: Witness, least: float | None, divisors: list[Tensor]) -> list[Run]:
    """Runs in float64 on ordinary numbers, and on those at which the division failed, if they can be made."""
    found = []
    for draw in (ORDINARY, witness.draw):
        try:
            instance = Instance(program, witness.setting, Placement(CPU, torch.float64))
            prepare(instance, draw)
            with torch.no_grad():
                found.append(
                    instance.run(
                        witness.trip.training,
                        interpreter=lambda *given: Dividing(witness.suspect.node, least, divisors, *given),
                    )
                )
        except (SpecError, RuntimeError, ArithmeticError):
            return []
    return found


def _count(divisors: Sequence[Tensor]) -> bool:
    """Whether divisors are whole numbers, none of them negative, as those of entries that a mask keeps."""
    values = torch.cat([part.detach().double().flatten() for part in divisors if not part.is_complex()])
    return bool(values.numel() and ((values == values.round()) & (values >= 0)).all()) and bool(values.max() >= 1)
