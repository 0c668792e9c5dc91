"""Gives what is cast to a wide dtype a name of its own, on a line before, where it has none.

A cast asks its operand for the dtype, so that the operand has to be read twice. Where the cast is all of what a name is
given, the operand gets that name first; elsewhere it is called ``value``. In a branch of an expression it is left
alone, for a line before would compute it on either branch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind, Role
from layergen.lower.dtypes import wide_dtype
from layergen.resolve.inference import TENSOR
from layergen.resolve.made_wide import is_wide
from layergen.resolve.program import Program


def named_casts(block: Sequence[ex.Statement], program: Program, free: str) -> tuple[ex.Statement, ...]:
    """A forward in which what is cast has a name.

    Args:
        block: The statements.
        program: The layer.
        free: A name that nothing has.
    """
    return tuple(part for statement in block for part in _statement(statement, program, free))


def _statement(statement: ex.Statement, program: Program, free: str) -> Iterator[ex.Statement]:
    match statement:
        case ex.If(body=body, orelse=orelse):
            then, others = (named_casts(part, program, free) for part in (body, orelse))
            yield replace(statement, body=then, orelse=others)
        case ex.For(body=body):
            yield replace(statement, body=named_casts(body, program, free))
        case ex.Assign() | ex.Append() if (cast := _cast(statement, program)) is not None:
            name = ex.Name(_called(statement, cast) or free, role=Role.LOCAL, kinds=TENSOR)
            made = ex.Assign((name,), cast.arguments[0], span=statement.span, autocast=statement.autocast)
            dtype = ex.Name(wide_dtype(f"{name.id}.dtype"))  # of what may hold whole numbers too
            wide = replace(cast, function="to", arguments=(name, dtype), callee=Callee(CalleeKind.OP, "to"))
            yield made
            yield replace(statement, value=ex.transform(statement.value, lambda node: wide if node is cast else None))
        case _:
            yield statement


def _cast(statement: ex.Assign | ex.Append, program: Program) -> ex.Call | None:
    """The one cast that may stand before a statement: a buffer is updated where nothing is on the way back.

    What is drawn is drawn in the same order.
    """
    casts = list(_casts(statement.value))
    written = isinstance(statement, ex.Assign) and any(target.id in program.buffers for target in statement.targets)
    drawn = [node for node in ex.walk(statement.value) if isinstance(node, ex.Call) and _draws(node)]
    return casts[0] if len(casts) == 1 and not written and not drawn else None


def _draws(call: ex.Call) -> bool:
    op = ops.called(call)
    return op.random if op is not None else call.callee is not None and call.callee.kind is CalleeKind.MEMBER


def _called(statement: ex.Statement, cast: ex.Call) -> str | None:
    """The name that a statement gives to a cast alone, if it is one that may have another value before."""
    match statement:
        case ex.Assign(targets=(target,), value=value) if value is cast:
            return target.id
    return None


def _casts(node: ex.Node) -> Iterator[ex.Call]:
    """The casts of what has no name that an expression always makes."""
    match node:
        case ex.Conditional() | ex.Binary(operator="and" | "or"):
            return
        case ex.Call(function="upcast", arguments=(ex.Call() | ex.Binary() | ex.Subscript() as operand,)):
            if not is_wide(operand) and not (node.callee and node.callee.whole):
                yield node
                return
    for child in node.children:
        yield from _casts(child)
