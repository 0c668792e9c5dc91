"""Axes: what a reshape takes for one axis has been one, or consists of neighbours."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise, permutations
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
    or one move of an axis past others, and nothing of values that come from parameters alone, which may be learned in
    any arrangement.
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
    return all(larger % smaller == 0 for smaller, larger in pairwise(_ends(before, after)))


def _ends(before: Sizes, after: Sizes) -> list[int]:
    """The numbers of entries behind each axis, on both sides."""
    return sorted({*accumulate(reversed(before), mul), *accumulate(reversed(after), mul)})


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
    """The finding, if one exchange of two axes or one move mends it, before the reshape or behind it."""
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
    """What the reshape is meant to be, with two axes exchanged or one moved; of several, that which splits least."""
    found = list(_mends(one)) if not one.node.keywords else []
    return ex.show(min(found, key=lambda mend: mend[0])[1]) if found else None


def _mends(one: Reshape) -> Iterator[tuple[int, ex.Expression]]:
    """What keeps the axes, in what is reshaped or in what that gives, and at how many places axes end then."""
    value, *rest = one.node.arguments
    for change in _changes(one.before):
        before = change.of(one.before)
        if keeps_axes(before, one.after):
            yield len(_ends(before, one.after)), ex.Call(one.node.function, (change.written(value), *rest))
    if len(rest) != 1 or not isinstance(rest[0], ex.Sequence) or len(rest[0].items) != len(one.after):
        return
    for change in _changes(one.after):
        after = change.of(one.after)
        if keeps_axes(one.before, after):
            items = ex.Sequence(change.of(rest[0].items), rest[0].bracket)
            yield len(_ends(one.before, after)), change.back.written(ex.Call(one.node.function, (value, items)))


@dataclass(frozen=True)
class Exchange:
    """Two axes take each other's place."""

    first: int
    second: int

    @property
    def back(self) -> "Exchange":
        return self

    def of(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        changed = [*items]
        changed[self.first], changed[self.second] = items[self.second], items[self.first]
        return tuple(changed)

    def written(self, value: ex.Expression) -> ex.Expression:
        return ex.Call("transpose", (value, ex.Literal(self.first), ex.Literal(self.second)))


@dataclass(frozen=True)
class Move:
    """One axis goes elsewhere, and all others keep their order: as channels that stood last, or are to."""

    start: int
    end: int

    @property
    def back(self) -> "Move":
        return Move(self.end, self.start)

    def of(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        others = [*items[: self.start], *items[self.start + 1 :]]
        return (*others[: self.end], items[self.start], *others[self.end :])

    def written(self, value: ex.Expression) -> ex.Expression:
        return ex.Call("movedim", (value, ex.Literal(self.start), ex.Literal(self.end)))


def _changes(sizes: Sizes) -> Iterator[Exchange | Move]:
    """The exchanges of neighbours, the moves of one axis past several others, and the exchanges across others."""
    places = [place for place, size in enumerate(sizes) if size > 1]
    exchanges = [Exchange(first, second) for first, second in combinations(places, 2)]
    yield from (change for change in exchanges if change.second - change.first == 1)
    yield from (Move(start, end) for start, end in permutations(places, 2) if abs(start - end) > 1)
    yield from (change for change in exchanges if change.second - change.first > 1)
