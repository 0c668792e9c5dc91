"""Tensors that do not broadcast: the dimensions that the smaller one was meant for, and how to bring it there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from torch import Tensor

from layergen.lang import expression as ex

Shape = tuple[int, ...]
UNFIT = re.compile(r"broadcast a dimension|broadcastable|must match the (existing )?size")


def broadcast(left: Shape, right: Shape) -> bool:
    """Whether two shapes fit each other, aligned from the right."""
    return all(a == b or 1 in (a, b) for a, b in zip(reversed(left), reversed(right), strict=False))


def together(few: Shape, many: Shape) -> Shape | None:
    """Where the sizes of one shape stand in another, side by side, if there is but one such place."""
    starts = [start for start in range(len(many) - len(few) + 1) if few and many[start : start + len(few)] == few]
    return tuple(range(starts[0], starts[0] + len(few))) if len(starts) == 1 else None


def apart(few: Shape, many: Shape) -> Shape | None:
    """The last place where the sizes of one shape stand in another in their order."""
    places = [at for at in combinations(range(len(many)), len(few)) if few and tuple(many[axis] for axis in at) == few]
    return places[-1] if places else None


def spread(small: ex.Expression, place: Shape, rank: int) -> ex.Expression | None:
    """A tensor with its dimensions at some place among those of a tensor of some rank: ``mask[:, None, :]``."""
    if isinstance(small, ex.Unary):
        inner = spread(small.operand, place, rank)
        return inner and replace(small, operand=inner)
    if ex.precedence(small) != ex.PRECEDENCE["primary"]:
        return None
    whole = ex.Slice(None, None, None)
    marks = tuple(whole if axis in place else ex.Literal(None) for axis in range(place[0], rank))
    return ex.Subscript(small, ex.Sequence(marks, ""))


def unfit(node: ex.Node, values: Mapping[str, Any], message: str) -> tuple[ex.Expression, ex.Expression] | None:
    """The arguments of a call, the smaller one first, whose shapes torch says it cannot broadcast."""
    if not isinstance(node, ex.Call) or UNFIT.search(message) is None:
        return None
    shapes = [(part, shape) for part in node.arguments if (shape := shape_of(part, values)) is not None]
    for at, (first, one) in enumerate(shapes):
        for second, other in shapes[at + 1 :]:
            if not broadcast(one, other):
                return (first, second) if len(one) < len(other) else (second, first)
    return None


def shape_of(node: ex.Expression, values: Mapping[str, Any]) -> Shape | None:
    """The shape of a tensor that goes by a name, or of ``~mask``."""
    if isinstance(node, ex.Unary):
        return shape_of(node.operand, values)
    value = values.get(node.id) if isinstance(node, ex.Name) else None
    return tuple(value.shape) if isinstance(value, Tensor) else None


def with_argument(call: ex.Call, old: ex.Expression, new: ex.Expression) -> ex.Call:
    """A call with another argument in the place of one."""
    arguments: Sequence[ex.Expression] = [new if part is old else part for part in call.arguments]
    return replace(call, arguments=tuple(arguments))
