"""Ways back: torch computes the gradients of what the layer gives for real data, too.

A graph that is connected may still not be walked back: some ops of torch write in place to what their gradient needs,
and torch knows only when it goes back.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen import ops
from layergen.contracts.finite import POINTS
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.sites import CPU, started
from layergen.probe.slopes import Slopes
from layergen.probe.values import ORDINARY, drawn
from layergen.probe.ways import Ways
from layergen.rules.behaviour import NoGradient
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import Bystander, Seen
from layergen.words import listed

USUAL = POINTS[ORDINARY][0]
IN_PLACE = "modified by an inplace operation"
LONGEST = 120  # characters of what torch says


class BackWatch(Bystander):
    """Goes back from what each op gives, and notes the first one where that fails."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.found: ex.Call | ex.Binary | None = None

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        ends = [one.sum() for one in _followed(value)]
        given = list(_followed(list(operands)))
        if self.found is None and ends and given:
            try:
                torch.autograd.grad(ends, given, retain_graph=True, allow_unused=True)
            except RuntimeError:
                self.found = node


def check_ways_back(ways: Ways) -> Iterator[Finding]:
    """Yield the first op whose gradient torch cannot compute."""
    for seen in ways.seen(USUAL):
        if seen.fault is None and seen.evidence.refusal:
            yield _finding(seen)
            return


WAYS_BACK = Promise(check_ways_back, (USUAL,))


def _followed(value: Any) -> Iterator[Tensor]:
    for part in value if isinstance(value, list | tuple) else (value,):
        if isinstance(part, Tensor) and part.requires_grad:
            yield part


def _finding(seen: Seen[Slopes]) -> Finding:
    node = _failing(seen)
    name = "the forward" if node is None else f"`{node.function if isinstance(node, ex.Call) else node.operator}`"
    written = IN_PLACE in seen.evidence.refusal
    reason = "what it needs has been written to in place" if written else _first(seen.evidence.refusal)
    help = "compute it by other ops, or, where no gradient is wanted, say `gradient: false`"
    others = _alike(node.function) if isinstance(node, ex.Call) else []
    if others:
        help = f"see whether {listed([f'`{other}`' for other in others], 'or')} gives what is wanted; else {help}"
    elif node is None and written:
        help = "write to a copy, by an op without an underscore at the end of its name"
    place = FORWARD if node is None else Place(FORWARD, node.span)
    return NoGradient.at(place, f"the gradient of {name} cannot be computed: {reason}", help=help)


def _failing(seen: Seen[Slopes]) -> ex.Call | ex.Binary | None:
    """The first op of a run whose own gradient fails; None where it fails by what comes behind it."""
    with drawn(gradients=True):
        instance = Instance(seen.instance.program, seen.instance.setting, Placement(CPU, gradients=True))
        with torch.no_grad():
            started(instance)
        watch = BackWatch(instance)
        try:
            instance.run(seen.training, watch)
        except TrialFault:
            return None
    return watch.found


def _first(refusal: str) -> str:
    """The first sentence of what torch says."""
    return refusal.splitlines()[0].partition(". ")[0].rstrip(".")[:LONGEST]


def _alike(function: str) -> list[str]:
    """Ops of the same name in another part of torch."""
    last = function.rpartition(".")[2]
    return [name for name in ops.names() if name != function and name.rpartition(".")[2] == last]
