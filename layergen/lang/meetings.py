"""The runs of dimensions of a layer that are broadcast with each other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import product

from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.runs import LEADING
from layergen.lang.scalars import BROADCAST, BROADCASTABLE
from layergen.lang.values import Shape

FULL = ex.Name("...")  # the sizes that `...` stands for where runs meet, which have no name of their own


def implied(spec: LayerSpec) -> tuple[ex.Expression, ...]:
    """The constraints that a spec need not write: what the shapes of its outputs broadcast can be."""
    wanted: dict[ex.Expression, list[tuple[ex.Expression, ...]]] = {}  # each with that under which it is not demanded
    for part in spec.outputs.values():
        own = () if part.when is None else (_unless(part.when),)
        for unless, call in (found for entry in part.entries for found in _demanded(spec, entry)):
            wanted.setdefault(call, []).append((*unless, *own))
    nodes = (_any_of((*unless, call)) for call, several in wanted.items() for unless in _joined(several))
    return tuple(node for node in dict.fromkeys(nodes) if node not in spec.constraints)


def _joined(several: Sequence[tuple[ex.Expression, ...]]) -> Sequence[tuple[ex.Expression, ...]]:
    """Conditions one of which frees from a demand: none at all where it is demanded whatever one of them is."""
    alone = {unless[0] for unless in several if len(unless) == 1}
    return [()] if () in several or any(_unless(test) in alone for test in alone) else several


def _demanded(spec: LayerSpec, node: ex.Expression) -> Iterator[tuple[tuple[ex.Expression, ...], ex.Expression]]:
    """What an expression broadcasts, as constraints, each with that under which it is not computed."""
    if isinstance(node, ex.Conditional):
        for test, side in ((_unless(node.test), node.then), (node.test, node.orelse)):
            yield from (((test, *unless), call) for unless, call in _demanded(spec, side))
        return
    if isinstance(node, ex.Call) and node.function == BROADCAST and len(node.arguments) == 2:
        for pair in product(*map(broadcast_in, node.arguments)):
            if ex.names(node) & {*spec.runs} and all(_is_list(spec, part) for part in pair):
                yield (), ex.Call(BROADCASTABLE, pair, span=node.span)
    for part in node.children:
        if isinstance(part, ex.Expression):
            yield from _demanded(spec, part)


def _unless(test: ex.Expression) -> ex.Expression:
    match test:
        case ex.Compare(operators=("==" | "!=" as sign,)):
            return replace(test, operators=("!=" if sign == "==" else "==",))
        case ex.Unary("not", operand):
            return operand
    return ex.Unary("not", test)


def _any_of(nodes: Sequence[ex.Expression]) -> ex.Expression:
    return reduce(lambda left, right: ex.Binary("or", left, right), nodes)


def broadcast_in(node: ex.Expression) -> tuple[ex.Expression, ...]:
    """The lists of sizes that are broadcast with each other in an expression: itself, where it is none of them."""
    if isinstance(node, ex.Call) and node.function == BROADCAST:
        return tuple(part for argument in node.arguments for part in broadcast_in(argument))
    return (node,)


def met_in(spec: LayerSpec) -> frozenset[str]:
    """The runs of a spec that are broadcast with that which ``...`` stands for, it among them."""
    found = meetings((*spec.constraints, *implied(spec)), spec.runs)
    return found[spec.run] | {spec.run} if spec.run is not None and spec.run in found else frozenset()


def at_full_shape(shape: Shape, met: frozenset[str]) -> Shape:
    """A shape in which the runs that meet, and what they are together, have become ``...``."""

    def change(node: ex.Expression) -> ex.Expression | None:
        match node:
            case ex.Splice(value=ex.Name(id=name)) if name in met:
                return replace(LEADING, span=node.span)
            case ex.Splice(value=value) if _is_whole(value, met):
                return replace(LEADING, span=node.span)
            case ex.Subscript(value=value) if _is_whole(value, met):  # a part of them
                return replace(node, value=replace(FULL, span=value.span))
            case ex.Call() if _is_whole(node, met):
                return ex.Sequence((LEADING,), span=node.span)
        return None

    if isinstance(shape, tuple):
        return tuple(ex.transform(entry, change) for entry in shape)
    return ex.transform(shape, change)


def with_full_sizes(node: ex.Expression, met: frozenset[str]) -> ex.Expression:
    """An expression in which what the runs that meet are together is called by the name of these sizes."""

    def change(part: ex.Expression) -> ex.Expression | None:
        return replace(FULL, span=part.span) if _is_whole(part, met) else None

    return ex.transform(node, change)


def without_full_sizes(node: ex.Expression, runs: Sequence[str]) -> ex.Expression:
    """The same as it is written, of the runs that meet."""
    first, *others = map(ex.Name, runs) if runs else (FULL,)
    whole: ex.Expression = first
    for other in others:
        whole = ex.Call(BROADCAST, (whole, other))
    return ex.transform(node, lambda part: whole if part == FULL else None)


def _is_whole(node: ex.Expression, met: frozenset[str]) -> bool:
    """Whether runs that meet, and nothing else, are broadcast."""
    called = isinstance(node, ex.Call) and node.function == BROADCAST
    return called and all(isinstance(part, ex.Name) and part.id in met for part in broadcast_in(node))


def _is_list(spec: LayerSpec, node: ex.Expression) -> bool:
    """Whether an expression may be a list of sizes."""
    if not isinstance(node, ex.Name):
        return not isinstance(node, ex.Literal)
    argument = spec.arguments.get(node.id)
    return node.id in {*spec.runs, *spec.derived} or (argument is not None and argument.type.listed)


def meetings(constraints: Iterable[ex.Expression], runs: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """The runs that are broadcast, each with those that it meets."""
    found: dict[str, frozenset[str]] = {}
    for one, other in _pairs(constraints):
        for name, met in ((one, other), (other, one)):
            if {name, met} <= {*runs} and name != met:
                found[name] = found.get(name, frozenset()) | {met}
    return found


def _pairs(constraints: Iterable[ex.Expression]) -> Iterator[tuple[str, str]]:
    for node in (part for constraint in constraints for part in ex.walk(constraint)):
        match node:
            case ex.Call(function=function, arguments=(one, other)) if function == BROADCASTABLE:
                yield from product(_plain(one), _plain(other))


def _plain(node: ex.Expression) -> tuple[str, ...]:
    """The runs that are broadcast as a whole in a list of sizes."""
    return tuple(part.id for part in broadcast_in(node) if isinstance(part, ex.Name))
