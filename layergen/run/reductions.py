"""Tensors that do not broadcast because a reduction has dropped a dimension that it was meant to keep."""

from collections.abc import Iterator
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.visitor import Block, sources

DEEPEST = 4  # names that are followed back
KEEPING = ex.Keyword("keepdim", ex.Literal(True))


def keeping(body: Block, small: ex.Expression, few: tuple[int, ...], many: tuple[int, ...]) -> str | None:
    """What to write so that the smaller of two tensors keeps the dimensions that the larger one has more.

    Args:
        body: The forward.
        small: The expression of the smaller tensor.
        few: Its shape.
        many: The shape of the larger one.
    """
    found = list(_reductions(body, small))
    gone = _dropped(found[0], len(many)) if len(found) == 1 else None
    if gone is None or tuple(size for axis, size in enumerate(many) if axis not in gone) != few:
        return None
    return ex.show(replace(found[0], keywords=(*found[0].keywords, KEEPING)))


def _reductions(body: Block, node: ex.Expression, depth: int = 0) -> Iterator[ex.Call]:
    """The calls behind an expression that drop dimensions."""
    for part in ex.walk(node):
        if isinstance(part, ex.Call) and _drops(part):
            yield part
        if isinstance(part, ex.Name) and depth < DEEPEST:
            for value in sources(body, part.id):
                yield from _reductions(body, value, depth + 1)


def _drops(call: ex.Call) -> bool:
    """Whether a call reduces dimensions that it could keep."""
    op = ops.called(call)
    may = op is not None and any(one.parameter("keepdim") for one in op.signatures)
    return may and not any(word.name == KEEPING.name for word in call.keywords)


def _dropped(call: ex.Call, rank: int) -> set[int] | None:
    """The dimensions of a tensor of some rank that a call drops, where it names them."""
    second = call.arguments[1] if len(call.arguments) > 1 else None
    dims = next((word.value for word in call.keywords if word.name == "dim"), second)
    found = [_number(item) for item in (dims.items if isinstance(dims, ex.Sequence) else (dims,))]
    axes = {axis % rank for axis in found if axis is not None and -rank <= axis < rank}
    return axes if len(axes) == len(found) else None


def _number(node: ex.Expression | None) -> int | None:
    match node:
        case ex.Literal(value=int() as number):
            return number
        case ex.Unary(operator="-", operand=ex.Literal(value=int() as number)):
            return -number
    return None
