"""Which tensors made from nothing are made in a wide dtype: those of which an ``upcast`` is computed.

What half precision has rounded no conversion brings back, so that ``upcast(linspace(0, 1, n))`` makes a wide tensor at
once. Where the operand also reads a tensor, that decides its dtype, and the whole stays in it until it is converted.
"""

from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.inits import Initial
from layergen.lang.kinds import Kind
from layergen.lang.visitor import Block, mapped
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import kinds_of

OWN = frozenset({Kind.TENSOR, Kind.TENSORS, Kind.MEMBER, Kind.MEMBERS, Kind.UNKNOWN})  # what has a dtype of its own
ARITHMETIC = frozenset({"+", "-", "*", "/", "**", "%", "//"})


def with_wide_makings(node: ex.Expression) -> ex.Expression:
    """An expression in which each call that makes what is upcast knows that it makes it wide."""

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Call(function="upcast", arguments=(operand,)) if ops.called(part) and _made_from_nothing(operand):
                return replace(part, arguments=(ex.transform(operand, _wide),))
        return None

    return ex.transform(node, change)


def block_with_wide_makings(block: Block) -> tuple[ex.Statement, ...]:
    """The statements of a block, with the same in each."""
    return mapped(block, with_wide_makings)


def with_wide_start(init: Initial) -> Initial:
    """An initial value with the same."""
    return replace(init, before=block_with_wide_makings(init.before), value=with_wide_makings(init.value))


def is_wide(node: ex.Expression) -> bool:
    """Whether an operand of ``upcast`` is known to be wide already."""
    match node:
        case ex.Call(callee=callee) if callee is not None and callee.wide:
            return True
        case ex.Call(arguments=(first, *_)) if (op := ops.called(node)) is not None and op.name in ELEMENTWISE:
            return is_wide(first)
        case ex.Binary(operator=operator, left=left, right=right) if operator in ARITHMETIC:
            return is_wide(left) or is_wide(right)
        case ex.Unary(operator="-", operand=inner) | ex.Subscript(value=inner):
            return is_wide(inner)
    return False


def _made_from_nothing(node: ex.Expression) -> bool:
    """Whether an expression reads no tensor, and runs nothing of the layer's or the caller's."""
    parts = list(ex.walk(node))
    reads = any(isinstance(part, ex.Name | ex.Member) and kinds_of(part) & OWN for part in parts)
    return not reads and all(_is_known(part) for part in parts if isinstance(part, ex.Call))


def _is_known(call: ex.Call) -> bool:
    op = ops.called(call)
    return (op is not None and op.name != "upcast") or not kinds_of(call) & OWN


def _wide(node: ex.Expression) -> ex.Expression | None:
    match node:
        case ex.Call(callee=callee, keywords=keywords) if callee is not None and callee.floating:
            if all(keyword.name != "dtype" for keyword in keywords):
                return replace(node, callee=replace(callee, wide=True))
    return None
