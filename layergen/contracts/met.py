"""Met: axes that were made of the same two in different orders do not meet entry by entry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from torch import Tensor

from layergen.contracts.axes import REGROUPS
from layergen.contracts.promise import Promise
from layergen.contracts.regrouped import Sizes, blocks, exchanged
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.ways import Ways
from layergen.prove.abstract_run import storage
from layergen.rules.meaning import MixedAxes
from layergen.run.equations import tensors_in
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import TRAINING, WITHOUT_DATA, Watch, Watcher

BY_ENTRY = frozenset({"add", "sub", "mul", "div", "where", "lerp", "maximum", "minimum", "addcmul"})
Orders = dict[int, Sizes | None]  # of what the axes of a tensor are made, by their sizes; None: of this and that


@dataclass(frozen=True)
class Meeting:
    """Two values whose entries meet, and the orders in which the axes became one that meet there."""

    node: ex.Call | ex.Binary
    orders: tuple[Sizes, Sizes] | None


class MeetWatch(Watcher[Sequence[Meeting]]):
    """Follows of what axes are made through a run; views share what is known with what they are views of.

    Of the axes of parameters nothing is known, which are learned in any arrangement.
    """

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.known: dict[object, Orders] = {}
        self.owned = {storage(tensor)[0] for tensor in instance.state.values() if tensor is not None}
        self.kept: list[Tensor] = []  # as long as one is there, no other has its memory
        self.meetings: list[Meeting] = []

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        given, found = tensors_in(tuple(operands)), tensors_in(value)
        self.kept += (*given, *found)
        if node.operator != "@" if isinstance(node, ex.Binary) else node.function in BY_ENTRY:
            self.meetings.append(Meeting(node, self.apart(given)))
        for tensor in found:
            own = self.known.setdefault(storage(tensor)[0], {})
            for size, order in (pair for each in given for pair in self.orders(each).items()):
                if size in tensor.shape:
                    own[size] = order if own.get(size, order) == order else None
        if isinstance(node, ex.Call) and node.function in REGROUPS and storage(given[0])[0] not in self.owned:
            joined = blocks(tuple(given[0].shape), tuple(found[0].shape))
            self.known[storage(found[0])[0]] |= {new[0]: old for old, new in joined if len(old) > 1 and len(new) == 1}

    def evidence(self, run: Run | None) -> Sequence[Meeting]:
        return self.meetings

    def orders(self, tensor: Tensor) -> Orders:
        return {size: order for size, order in self.known.get(storage(tensor)[0], {}).items() if size in tensor.shape}

    def apart(self, given: Sequence[Tensor]) -> tuple[Sizes, Sizes] | None:
        """The orders of two axes that meet, where they are different ones of the same sizes."""
        for one, other in combinations(given, 2):
            left, right = self.orders(one), self.orders(other)
            for size, beside in zip(reversed(one.shape), reversed(other.shape), strict=False):
                first, second = left.get(int(size)), right.get(int(size))
                if size == beside and first and second and exchanged(first, second):
                    return first, second
        return None


WATCH = Watch(WITHOUT_DATA, TRAINING, MeetWatch)


def check_met(ways: Ways) -> Iterator[Finding]:
    """Yield where entries meet of axes that were made of the same two in different orders, at each run."""
    program = ways.program
    if program.matches or program.definition is not None or program.formula is not None:
        return
    seen = [(one.instance, meeting) for one in ways.seen(WATCH) for meeting in one.evidence]
    for node in dict.fromkeys(meeting.node for _, meeting in seen):
        mine = [(instance, meeting.orders) for instance, meeting in seen if meeting.node == node]
        instance, orders = mine[0]
        if orders is not None and all(other is not None for _, other in mine):
            one, other = map(list, orders)
            message = f"`{ex.show(node)}` mixes axes: what became one of {one} meets what became one of {other}"
            help = "let the axes that become one stand in the same order on both sides"
            yield MixedAxes.at(Place(FORWARD, node.span), message, notes=instance.explainer.notes(), help=help)
            return


MET = Promise(check_met, (WATCH,))
