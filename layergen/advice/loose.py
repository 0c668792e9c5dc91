"""Masks that bind more tightly than the comparison beside them: `a == b & mask` is `a == (b & mask)` in Python."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeGuard

import torch
from torch import Tensor

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.probe.sites import CPU, fill
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.writing import LooseComparison
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import Watcher
from layergen.settings.choice import Setting

BITWISE = frozenset({"&", "|", "^"})
Compared = Callable[[ex.Expression], ex.Expression]


def loose_comparisons(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the comparisons of what `&` makes of integers and a mask, where no parentheses say that this is meant.

    Args:
        program: A layer without a fault.
        settings: Those at which it is small enough to be run with data.
    """
    compared = [node for node in nodes(program.forward.statements) if isinstance(node, ex.Compare)]
    written = [(node, bare) for node in compared for bare in _bare(node)]
    mixed = _mixed(program, settings) if written else set[int]()
    for node, bare in written:
        if any(id(part) in mixed for part in ex.walk(bare)):
            message = f"`{bare.operator}` comes before `{node.operators[0]}`: this is `{_computed(node, bare)}`, "
            message += "which mixes integers and truth values"
            help = f"write `{ex.show(_meant(node, bare))}`, or those parentheses where they are meant"
            yield LooseComparison.at(Place(FORWARD, node.span), message, help=help)


def _bare(node: ex.Compare) -> Iterator[ex.Binary]:
    """The sides of a comparison that are made bit by bit, and stand there without parentheses."""
    if len(node.comparators) == 1:
        for side, end in ((node.left, 0), (node.comparators[0], 1)):
            if _is_bitwise(side) and side.span[end] == node.span[end]:
                yield side


def _is_bitwise(node: ex.Expression) -> TypeGuard[ex.Binary]:
    return isinstance(node, ex.Binary) and node.operator in BITWISE


class _MixedWatch(Watcher[set[int]]):
    """Notes which operators are given integers on one side and truth values on the other."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.found = set[int]()

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator in BITWISE and {_holds_truth(left), _holds_truth(right)} == {True, False}:
            self.found.add(id(node))

    def evidence(self, run: Run | None) -> set[int]:
        return self.found


def _holds_truth(value: object) -> bool | None:
    """Whether a value is of truth values, and not of integers; None where it is something else."""
    if isinstance(value, Tensor):
        return value.dtype is torch.bool
    return isinstance(value, bool) if isinstance(value, int) else None


def _mixed(program: Program, settings: Sequence[Setting]) -> set[int]:
    """The operators that combine integers with truth values at some of the settings."""
    found = set[int]()
    for setting in settings:
        for training in program.modes:
            with suppress(TrialFault, RuntimeError), drawn():
                instance = Instance(program, setting, Placement(CPU))
                fill(instance)
                watch = _MixedWatch(instance)
                instance.run(training, watch)
                found |= watch.found
    return found


def _computed(node: ex.Compare, bare: ex.Binary) -> str:
    """A comparison with the parentheses that Python thinks of."""
    left, right = (ex.show(side) for side in (node.left, node.comparators[0]))
    return f"({left}) {node.operators[0]} {right}" if bare is node.left else f"{left} {node.operators[0]} ({right})"


def _meant(node: ex.Compare, bare: ex.Binary) -> ex.Expression:
    """A comparison that comes first, of what stands right beside its sign."""
    if bare is node.left:
        return replace(bare, right=_meant_of(bare.right, bare, 1, lambda last: replace(node, left=last)))
    return replace(bare, left=_meant_of(bare.left, bare, 0, lambda first: replace(node, comparators=(first,))))


def _meant_of(part: ex.Expression, whole: ex.Binary, end: int, compared: Compared) -> ex.Expression:
    """An operand at one end of a whole, in which what stands at that very end is compared."""
    if not _is_bitwise(part) or part.span[end] != whole.span[end]:
        return compared(part)
    if end:
        return replace(part, right=_meant_of(part.right, part, end, compared))
    return replace(part, left=_meant_of(part.left, part, end, compared))
