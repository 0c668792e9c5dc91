"""Calls that write running statistics, as one writes them by hand: ``y = F.batch_norm(x, self.running_mean, …)``."""

from collections.abc import Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind, Role
from layergen.lang.kinds import Kind
from layergen.lang.visitor import calls, mapped, reads, statements
from layergen.ops.updating import AVERAGED
from layergen.resolve.inference import bound, kinds_of
from layergen.resolve.method import Method
from layergen.resolve.program import Program
from layergen.resolve.updates import written

FLOAT = frozenset({Kind.FLOAT})
ARITHMETIC = frozenset({"+", "-", "*", "/", "**"})  # which numbers know as tensors of one number do


def numbered(program: Program) -> Program:
    """A layer in which a name that is read as a momentum alone is that of a number: ``factor = 1 / float(count)``."""
    names = _momenta(program.forward.statements)
    if not names:
        return program
    return replace(program, forward=Method(_numbered(program.forward.statements, names)))


def _momenta(block: Sequence[ex.Statement]) -> frozenset[str]:
    """The names that have a tensor in some place, and that nothing but such calls reads, as their momentum."""
    shares = [bound(call).get(AVERAGED) for call in calls(block) if written(call)]
    names = [share.id for share in shares if isinstance(share, ex.Name) and share.role is Role.LOCAL]
    read = [name.id for name in reads(block)]
    among_others = {
        target.id
        for part in statements(block)
        if not (isinstance(part, ex.Assign) and len(part.targets) == 1)
        for target in getattr(part, "targets", ())
    }
    alone = {name for name in names if names.count(name) == read.count(name)} - among_others
    return frozenset(name.id for name in reads(block) if name.id in alone and Kind.TENSOR in kinds_of(name))


def _numbered(block: Sequence[ex.Statement], names: frozenset[str]) -> tuple[ex.Statement, ...]:
    def change(part: ex.Expression) -> ex.Expression | None:
        return replace(part, kinds=FLOAT) if isinstance(part, ex.Name) and part.id in names else None

    def assigned(statement: ex.Statement) -> ex.Statement:
        match statement:
            case ex.If(body=body, orelse=orelse):
                return replace(statement, body=tuple(map(assigned, body)), orelse=tuple(map(assigned, orelse)))
            case ex.For(body=body):
                return replace(statement, body=tuple(map(assigned, body)))
            case ex.Assign(targets=(target,), value=value) if target.id in names:
                return replace(statement, targets=(replace(target, kinds=FLOAT),), value=_number(value))
            case _:
                return statement

    return tuple(map(assigned, mapped(block, lambda part: ex.transform(part, change))))


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
    match node:
        case ex.Conditional(then=then, orelse=orelse):
            return replace(node, then=_number(then), orelse=_number(orelse), kinds=FLOAT)
        case ex.Binary(left=left, operator=operator, right=right) if operator in ARITHMETIC:
            return replace(node, left=_number(left), right=_number(right), kinds=FLOAT)
        case ex.Call(function="double", arguments=(of,)):  # a number of Python has as many digits
            return _number(of)
    return ex.Call("float", (node,), callee=Callee(CalleeKind.SCALAR, "float"), kinds=FLOAT, span=node.span)
