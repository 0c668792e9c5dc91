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
from layergen.lang.visitor import Block, assignments, expressions, mapped, sources
from layergen.lower.dtypes import by_dtype
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program


def widened_block(before: Block, value: ex.Expression, dtype: str) -> tuple[tuple[ex.Statement, ...], ex.Expression]:
    """An initial value and what comes before it, whose ranges of integers have a dtype where fractions come of them.

    A range that has a name is widened where all that reads the name makes fractions of it.
    """
    read = (*expressions(before), value)
    named = [
        found[0]
        for name in {target.id for target in assignments(before)}
        if len(found := list(sources(before, name))) == 1 and all(_is_rounded(name, found[0], node) for node in read)
    ]
    block = mapped(before, lambda node: widened(node, dtype, rounds=any(node is made for made in named)))
    return block, widened(value, dtype)


def _is_rounded(name: str, made: ex.Expression, node: ex.Expression) -> bool:
    """Whether an expression makes fractions of what has a name wherever it reads that."""
    if name not in ex.names(node):
        return True
    written = ex.transform(node, lambda part: made if isinstance(part, ex.Name) and part.id == name else None)
    return all(part is not made for part in ex.walk(widened(written, "float32")))


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
        case ex.Call(function="upcast", arguments=(first,)):
            return replace(node, arguments=(widened(first, dtype),))
        case _:
            return node


def takes_dtype_of_input(call: ex.Call) -> bool:
    """Whether a call makes a floating tensor from nothing, and leaves its dtype open."""
    op, callee = ops.called(call), call.callee
    free = all(keyword.name != "dtype" for keyword in call.keywords)
    return free and op is not None and op.factory and callee is not None and callee.floating


def asks_dtype_of_input(call: ex.Call) -> bool:
    """Whether the dtype of what a call gives is that of an input, or is promoted with it."""
    return takes_dtype_of_input(call) or (call.callee is not None and call.callee.whole)


def made_wide(node: ex.Expression, dtype: str) -> ex.Expression | None:
    """A range of integers that is made in a wide dtype at once; None of anything else.

    Args:
        node: What is to be converted.
        dtype: The source text of the dtype.
    """
    match node:
        case ex.Call(function="arange", keywords=()):
            return replace(node, keywords=(ex.Keyword("dtype", ex.Name(dtype)),))
    return None


def floating(program: Program, name: str) -> bool:
    """Whether a name of a forward always stands for floating numbers."""
    if name in program.forward.assigned:
        return name in program.floats
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
    return floating(program, name) or (bool(values) and all(wide))


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
            case ex.Call() if (lent := by_dtype(part, names)) is not None:
                return ex.with_children(lent, lambda inner: converted(inner, program, names))
        return None

    return ex.transform(node, change)
