"""Mistakes that a check of a constraint may have: what a layer's tests must tell from the constraint itself."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce
from itertools import pairwise
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter

SHIFTED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
EXTREMES = frozenset({"max", "min"})
KEPT = ex.Literal(True)


def mistakes(constraint: ex.Expression, counts: Mapping[str, int]) -> tuple[ex.Expression, ...]:
    """What a constraint becomes by one mistake: it or a part of it is left out, or a bound shifted by its equality.

    Args:
        constraint: The constraint.
        counts: How many entries lists have, of which one may stand in the place of another one.
    """
    found: list[ex.Expression] = [KEPT]
    for node in ex.walk(constraint):
        for other in (*_without_a_part(node), *_shifted(node), *_of_other_entries(node, counts)):
            found.append(ex.transform(constraint, partial(_in_place, node, other)))
    return tuple(found)


def outcome(constraint: ex.Expression, names: Mapping[str, Any]) -> bool | None:
    """Whether a constraint holds; None where it cannot be computed."""
    try:
        return Interpreter(names).truth(constraint)
    except EvaluationFault:
        return None


def _without_a_part(node: ex.Node) -> Iterator[ex.Expression]:
    match node:
        case ex.Binary("and" | "or", left, right):
            yield from (left, right)
        case ex.Call(function=function, arguments=several) if function in EXTREMES and len(several) > 1:
            yield from several
        case ex.Compare() if len(node.operators) > 1:
            yield from _shorter(node)


def _shorter(node: ex.Compare) -> Iterator[ex.Expression]:
    """A chain of comparisons without one of its links, or without one of its numbers where all are to be equal."""
    numbers = (node.left, *node.comparators)
    if set(node.operators) == {"=="}:
        for place in range(len(numbers)):
            rest = (*numbers[:place], *numbers[place + 1 :])
            yield replace(node, left=rest[0], operators=node.operators[1:], comparators=rest[1:])
        return
    pairs = zip(pairwise(numbers), node.operators, strict=True)
    links = [ex.Compare(left, (operator,), (right,)) for (left, right), operator in pairs]
    for place in range(len(links)):
        others: list[ex.Expression] = [*links[:place], *links[place + 1 :]]
        yield reduce(partial(ex.Binary, "and"), others)


def _shifted(node: ex.Node) -> Iterator[ex.Expression]:
    """A comparison that decides otherwise where both sides are equal."""
    if isinstance(node, ex.Compare):
        for place, operator in enumerate(node.operators):
            if operator in SHIFTED:
                operators = (*node.operators[:place], SHIFTED[operator], *node.operators[place + 1 :])
                yield replace(node, operators=operators)


def _of_other_entries(node: ex.Node, counts: Mapping[str, int]) -> Iterator[ex.Expression]:
    """One entry of a list in the place of another one."""
    match node:
        case ex.Subscript(ex.Name(id=name), ex.Literal(value=int(place))):
            for other in range(counts.get(name, 0)):
                if other != place:
                    yield replace(node, index=ex.Literal(other))


def _in_place(old: ex.Node, new: ex.Expression, node: ex.Expression) -> ex.Expression | None:
    return new if node is old else None
