"""Wrapped: an index that is below 0 where an integer input is at the low end of its range reads nothing that counts.

Torch counts such an index from the end: `a[t - 1]` reads the last entry where `t` is 0. Of an input whose range has
numbers below 0 that is meant, and so it is of an index that is below 0 whatever the inputs are. Nor is it told where
the entry makes no difference, as behind a `where`.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.probing import differs
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, SMALL, started
from layergen.contracts.values import drawn
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.rules.values import WrappedIndex
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.words import listed


class Counting(ForwardInterpreter):
    """Notes the indices that have entries below 0."""

    least = -(2**63)  # that an entry is made where it is below

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.below: list[ex.Subscript] = []

    def subscript(self, node: ex.Subscript) -> Any:
        return self.pick(node, self.evaluate(node.value), self.from_start(node, self.index(node.index)))

    def from_start(self, node: ex.Subscript, index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(self.from_start(node, part) for part in index)
        whole = isinstance(index, Tensor) and index.dtype in (torch.int32, torch.int64)
        if not whole or not bool((index < 0).any()):
            return index
        self.below.append(node)
        return index.clamp(min=self.least)


class FromStart(Counting):
    """Reads the first entry where an index is below 0."""

    least = 0


def check_wrapped(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that depends on what an index below 0 reads."""
    program = ways.program
    whole = [name for name, part in program.inputs.items() if part.range is not None and not part.floating]
    for runs in ways.runs if whole else ():
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        instance = Instance(program, runs.setting, Placement(CPU, torch.float64))
        ranges = {name: limits for name, limits in instance.ranges() if name in whole}
        if any(low < 0 for low, _ in ranges.values()):
            continue
        for training in program.modes:
            lows, highs = ({name: limits[end] - end for name, limits in ranges.items()} for end in (0, 1))
            try:
                _, anyway = _run(instance, training, highs, Counting)
                low, below = _run(instance, training, lows, Counting)
                other, _ = _run(instance, training, lows, FromStart)
            except TrialFault:
                continue
            found = next((node for node in below if node not in anyway), None)
            for name, output in floats(low).items() if found is not None else ():
                if found is not None and differs(output, other.outputs[name]):
                    yield _finding(found, name, list(ranges), instance)
                    return


WRAPPED = Promise(check_wrapped, (SMALL,))


def _run(
    instance: Instance, training: bool, integers: dict[str, float], kind: type[Counting]
) -> tuple[Run, list[ex.Subscript]]:
    """A run on the numbers of a seed with the integer inputs at some, and the indices that had entries below 0.

    Raises:
        TrialFault: If the layer does not run.
    """
    made: list[Counting] = []

    def interpreter(*given: Any) -> ForwardInterpreter:
        made.append(kind(*given))
        return made[-1]

    with drawn():
        started(instance)
        for name, number in integers.items():
            tensor = instance.inputs[name]
            if tensor is not None:
                tensor.fill_(int(number))
        run = instance.run(training, interpreter=interpreter)
    return run, made[0].below


def _finding(node: ex.Subscript, name: str, inputs: list[str], instance: Instance) -> Finding:
    read, given = ex.show(node.value), listed(f"`{part}`" for part in inputs)
    where = f"where {given} {'is' if len(inputs) == 1 else 'are'} at the low end"
    message = f"an index into `{read}` is below 0 {where}, and `{name}` then gets an entry from the end"
    help = "let `clamp(…, min=0)` keep the index in the table, and `where` choose what there is before the first "
    help += "entry; or leave the low end out of the `range`"
    return WrappedIndex.at(Place(FORWARD, node.span), message, notes=instance.explainer.notes(), help=help)
