"""Calls that write running statistics, as one writes them by hand: ``y = F.batch_norm(x, self.running_mean, …)``."""

from collections.abc import Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.kinds import Kind
from layergen.ops.updating import AVERAGED
from layergen.resolve.inference import bound, kinds_of
from layergen.resolve.updates import written

FLOAT = frozenset({Kind.FLOAT})


def in_place(block: Sequence[ex.Statement]) -> tuple[ex.Statement, ...]:
    """The statements of a forward, in which such a call gives its result alone: torch writes the rest."""
    return tuple(map(_statement, block))


def _statement(statement: ex.Statement) -> ex.Statement:
    match statement:
        case ex.If(body=body, orelse=orelse):
            return replace(statement, body=in_place(body), orelse=in_place(orelse))
        case ex.For(body=body):
            return replace(statement, body=in_place(body))
        case ex.Assign(targets=(first, *_), value=ex.Call() as call) if written(call):
            return replace(statement, targets=(first,), value=_with_number(call))
        case _:
            return statement


def _with_number(call: ex.Call) -> ex.Call:
    """The call with a number as its momentum."""
    share = bound(call).get(AVERAGED)
    arguments = (_number(part) if part is share else part for part in call.arguments)
    keywords = (replace(word, value=_number(word.value)) if word.value is share else word for word in call.keywords)
    return replace(call, arguments=tuple(arguments), keywords=tuple(keywords))


def _number(node: ex.Expression) -> ex.Expression:
    """What torch takes as a number: of a tensor, the one that is in it."""
    if Kind.TENSOR not in kinds_of(node):
        return node
    if isinstance(node, ex.Conditional):
        return replace(node, then=_number(node.then), orelse=_number(node.orelse), kinds=FLOAT)
    return ex.Call("float", (node,), callee=Callee(CalleeKind.SCALAR, "float"), kinds=FLOAT, span=node.span)
