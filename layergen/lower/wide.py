"""Computes in a dtype that is wide enough.

The integers of which an initial value makes fractions get a dtype, where torch would round to its default. What is
known to hold floating numbers is converted where it is narrow alone: ``x.float() if x.dtype.itemsize < 4 else x`` takes
a fifteenth of the time of ``x.to(torch.promote_types(x.dtype, torch.float32))`` where there is nothing to convert. A
range of integers that is converted to floating numbers is made of these: a step less.
"""

from collections.abc import Mapping
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import sources
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program


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


def floating(program: Program, name: str) -> bool:
    """Whether a name of a forward always stands for floating numbers."""
    if name in program.forward.assigned:
        return False
    if name in program.inputs:
        return program.inputs[name].floating
    return name in program.tensors and program.tensors[name].dtype is None and program.tensors[name].each is None


def floating_or_wide(program: Program, name: str) -> bool:
    """Whether a name of a forward always stands for floating numbers, or for such in a wide dtype."""
    values = list(sources(program.forward.statements, name))
    wide = (
        isinstance(value, ex.Call)
        and value.function == "upcast"
        and isinstance(value.arguments[0], ex.Name)
        and floating(program, value.arguments[0].id)
        for value in values
    )
    return all(wide) if values else floating(program, name)


def converted(node: ex.Expression, program: Program, names: Mapping[str, str]) -> ex.Expression:
    """An expression that converts to a wide dtype only what is narrow, as far as it knows what it converts.

    Args:
        node: The expression.
        program: The layer.
        names: The source text of its names.
    """

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Call(function="upcast", arguments=(ex.Name(id=name) as own,)) if floating(program, name):
                source = names.get(name, name)
                narrow = ex.Compare(ex.Name(f"{source}.dtype.itemsize"), ("<",), (ex.Literal(4),))
                return ex.Conditional(narrow, ex.Name(f"{source}.float()"), own)
            case ex.Call(function="type_as", arguments=(ex.Call(function="arange") as made, ex.Name(id=name))) if (
                not made.keywords and floating_or_wide(program, name)
            ):
                source = names.get(name, name)
                like = (ex.Keyword(word, ex.Name(f"{source}.{word}")) for word in ("device", "dtype"))
                return replace(made, keywords=tuple(like))
        return None

    return ex.transform(node, change)
