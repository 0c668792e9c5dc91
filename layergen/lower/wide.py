"""Gives the integers of which an initial value makes fractions a dtype, where torch would round to its default."""

from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import kinds_of


def widened(node: ex.Expression, dtype: str, rounds: bool = False) -> ex.Expression:
    """An initial value whose ranges of integers have a dtype where fractions are computed of them.

    Args:
        node: The value.
        dtype: The source text of the dtype.
        rounds: Whether fractions are computed of the value.
    """
    match node:
        case ex.Call(function="arange", keywords=()) if rounds and node.callee and not node.callee.floating:
            return replace(node, keywords=(ex.Keyword("dtype", ex.Name(dtype)),))
        case ex.Binary(operator="+" | "-" | "*" | "/" | "**" as operator, left=left, right=right):
            rounds = rounds or operator == "/" or Kind.FLOAT in kinds_of(left) | kinds_of(right)
            return replace(node, left=widened(left, dtype, rounds), right=widened(right, dtype, rounds))
        case ex.Unary(operator="-", operand=operand):
            return replace(node, operand=widened(operand, dtype, rounds))
        case ex.Subscript(value=value):
            return replace(node, value=widened(value, dtype, rounds))
        case ex.Conditional(then=then, orelse=orelse):
            return replace(node, then=widened(then, dtype, rounds), orelse=widened(orelse, dtype, rounds))
        case ex.Call(arguments=(first, *rest)) if (op := ops.called(node)) is not None and op.name in ELEMENTWISE:
            return replace(node, arguments=(widened(first, dtype, rounds=True), *rest))
        case _:
            return node
