"""Axes: what a reshape takes for one axis has been one, or consists of neighbours."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise
from operator import mul
from typing import Any, TypeVar

from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.contracts.regrouped import Joined
from layergen.contracts.sheared import sheared
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import sources
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.meaning import MixedAxes
from layergen.run.forward import Run
from layergen.run.watching import TRAINING, WITHOUT_DATA, Seen, Watch, Watcher

Sizes = tuple[int, ...]
Item = TypeVar("Item")
RESHAPES = frozenset({"reshape", "view"})
WINDOWS = "unfold"  # whose windows stand with their channels on one axis
REGROUPS = RESHAPES | {"flatten", "unflatten"}


@dataclass(frozen=True)
class Reshape:
    """A tensor is given another shape."""

    node: ex.Call
    before: Sizes
    after: Sizes


class ReshapeWatch(Watcher[Sequence[Reshape]]):
    """Notes from which shape to which the reshapes of a run go."""

    def __init__(self, instance: Any) -> None:
        super().__init__(instance)
        self.found: list[Reshape] = []

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        match operands:
            case (Tensor() as given, *_) if isinstance(node, ex.Call) and node.function in REGROUPS and node.arguments:
                if isinstance(value, Tensor):
                    self.found.append(Reshape(node, tuple(given.shape), tuple(value.shape)))
            case (Tensor(shape=(*batch, channels, _, _)), *_) if isinstance(node, ex.Call) and node.function == WINDOWS:
                if isinstance(value, Tensor) and channels:
                    *_, joined, places = value.shape
                    before = (*batch, channels, joined // channels, places)
                    self.found.append(Reshape(node, before, tuple(value.shape)))

    def evidence(self, run: Run | None) -> Sequence[Reshape]:
        return self.found


WATCH = Watch(WITHOUT_DATA, TRAINING, ReshapeWatch)


def check_axes(ways: Ways) -> Iterator[Finding]:
    """Yield the reshapes that put entries of two axes into each other, where nothing tells what values are meant.

    A formula or a module to match says more than any arrangement. So is said only what one exchange of two axes mends,
    and nothing of values that come from parameters alone, which may be learned in any arrangement.
    """
    program = ways.program
    if program.matches or program.definition is not None or program.formula is not None:
        return
    told: set[ex.Call] = set()
    shifted = sheared(program.forward.statements, _by_node(ways))
    for seen in ways.seen(WATCH):
        joined = Joined()
        for one in seen.evidence:
            other = joined.reshaped(one.before, one.after)
            if one.node in told or not _is_given(one.node, program):
                continue
            if other is not None:
                told.add(one.node)
                yield _regrouped(seen, one, *other)
            elif one.node not in shifted and not keeps_axes(one.before, one.after):
                finding = _finding(seen, one)
                if finding is not None:
                    told.add(one.node)
                    yield finding


AXES = Promise(check_axes, (WATCH,))


def keeps_axes(before: Sizes, after: Sizes) -> bool:
    """Whether axes are split and joined with their neighbours, and no entry leaves the row of its neighbours.

    So it is where the numbers of entries behind each axis, on both sides, are multiples of one another.
    """
    if not math.prod(before) or math.prod(before) != math.prod(after):
        return True
    ends = sorted({*accumulate(reversed(before), mul), *accumulate(reversed(after), mul)})
    return all(larger % smaller == 0 for smaller, larger in pairwise(ends))


def _by_node(ways: Ways) -> dict[ex.Call, list[tuple[Sizes, Sizes]]]:
    found: dict[ex.Call, list[tuple[Sizes, Sizes]]] = {}
    for seen in ways.seen(WATCH):
        for one in seen.evidence:
            found.setdefault(one.node, []).append((one.before, one.after))
    return found


def _is_given(node: ex.Call, program: Program) -> bool:
    """Whether an input has a share in what is reshaped."""
    seen: set[str] = set()
    waiting = set(ex.names(node.arguments[0]))
    while waiting:
        seen |= waiting
        read = (ex.names(value) for name in waiting for value in sources(program.forward.statements, name))
        waiting = set[str]().union(*read) - seen
    return not seen.isdisjoint(program.inputs)


def _finding(seen: Seen[Any], one: Reshape) -> Finding | None:
    """The finding, if one exchange of two axes mends it, before the reshape or behind it."""
    mended = _mended(one)
    if mended is None:
        return None
    message = f"`{ex.show(one.node)}` mixes axes: {list(one.before)} becomes {list(one.after)}"
    help = f"write `{mended}`: what becomes one axis stands side by side first, and what is split stays in its place"
    notes = seen.instance.explainer.notes()
    return MixedAxes.at(Place(FORWARD, one.node.span), message, notes=notes, help=help)


def _regrouped(seen: Seen[Any], one: Reshape, joined: Sizes, split: Sizes) -> Finding:
    message = f"`{ex.show(one.node)}` mixes axes: what became one of {list(joined)} is split into {list(split)}"
    help = "split an axis in the order in which its parts became one, and let them change places behind that"
    return MixedAxes.at(Place(FORWARD, one.node.span), message, notes=seen.instance.explainer.notes(), help=help)


def _mended(one: Reshape) -> str | None:
    value, *rest = one.node.arguments
    if one.node.keywords:
        return None
    for first, second in _exchanges(one.before):
        if keeps_axes(_exchanged(one.before, first, second), one.after):
            call = ex.Call("transpose", (value, ex.Literal(first), ex.Literal(second)))
            return ex.show(ex.Call(one.node.function, (call, *rest)))
    if len(rest) != 1 or not isinstance(rest[0], ex.Sequence) or len(rest[0].items) != len(one.after):
        return None
    for first, second in _exchanges(one.after):
        if keeps_axes(one.before, _exchanged(one.after, first, second)):
            items = ex.Sequence(_exchanged(rest[0].items, first, second), rest[0].bracket)
            call = ex.Call(one.node.function, (value, items))
            return ex.show(ex.Call("transpose", (call, ex.Literal(first), ex.Literal(second))))
    return None


def _exchanges(sizes: Sizes) -> Iterator[tuple[int, int]]:
    return combinations([place for place, size in enumerate(sizes) if size > 1], 2)


def _exchanged(items: tuple[Item, ...], first: int, second: int) -> tuple[Item, ...]:
    changed = [*items]
    changed[first], changed[second] = items[second], items[first]
    return tuple(changed)
