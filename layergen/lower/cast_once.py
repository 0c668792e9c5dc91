"""Casts a tensor to a wide dtype once where several statements read it so.

What is asked for its dtype alone, as by `type_as`, is left as it is: no cast is made for that. A tensor that is
assigned anew is another one from there on: what was cast before stands for none of it.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.visitor import assigned, assignments, expressions, mapped, parts
from layergen.lower.wide import floating
from layergen.resolve.inference import TENSOR
from layergen.resolve.program import Program

Block = tuple[ex.Statement, ...]
DTYPE_ALONE = frozenset({"type_as", "loss_as"})  # ops that read no more of their second operand


def cast_once(block: Block, program: Program) -> Block:
    """A block in which casts of one tensor that is always there share a name, as long as it does not change."""
    inputs = (name for name, part in program.inputs.items() if not part.optional)
    owned = (name for name, part in program.tensors.items() if part.when is None and part.each is None)
    taken = {*program.names, *program.forward.assigned, *(target.id for target in assignments(block))}
    for name in (*inputs, *owned):
        if floating(program, name):
            called = f"wide_{name}"
            while called in taken:
                called += "_"
            taken.add(called)
            block = _shared(block, name, called, program.buffers)
    return block


def _shared(block: Block, name: str, called: str, kept: Collection[str]) -> Block:
    """The same of one tensor, between each two statements that assign it anew.

    A statement reads what a name is before it assigns that; a branch or loop may do so behind that, and stays.
    """
    for at, statement in enumerate(block):
        if name in assigned((statement,)):
            end = at if parts(statement).blocks else at + 1
            before, rest = _alike(block[:end], name, called, kept), _shared(block[at + 1 :], name, called, kept)
            return (*before, *block[end : at + 1], *rest)
    return _alike(block, name, called, kept)


def _alike(block: Block, name: str, called: str, kept: Collection[str]) -> Block:
    """The same where the tensor does not change, from the first statement on that always casts it."""
    first = next((at for at, part in enumerate(block) if _casts(part, name)), len(block))
    count = sum(1 for value in expressions(block[first:]) for _ in _found(value, name))
    if count < 2:
        return _in_branches(block, name, called, kept)
    before, here, after = _in_branches(block[:first], name, called, kept), block[first], block[first + 1 :]
    match here:
        case ex.Assign(targets=(own,), value=value) if _is_cast(value, name):
            if own.id in kept or sum(target.id == own.id for target in assignments(block)) > 1:
                return (*before, here, *_in_branches(after, name, called, kept))
            return (*before, here, *_named(after, name, replace(own, role=Role.LOCAL, kinds=TENSOR)))
    local = ex.Name(called, role=Role.LOCAL, kinds=TENSOR)
    cast = next(found for value in expressions((here,)) for found in _found(value, name))
    return (*before, ex.Assign((local,), cast, span=here.span), *_named((here, *after), name, local))


def _in_branches(block: Block, name: str, called: str, kept: Collection[str]) -> Block:
    """The same inside of each branch by itself, where the block around it has no cast to share."""

    def inside(part: ex.Statement) -> ex.Statement:
        if not isinstance(part, ex.If):
            return part
        body, others = (_shared(inner, name, called, kept) for inner in (part.body, part.orelse))
        return replace(part, body=body, orelse=others)

    return tuple(map(inside, block))


def _casts(statement: ex.Statement, name: str) -> bool:
    """Whether a statement always casts a tensor itself."""
    own = isinstance(statement, ex.Assign | ex.Append)
    return own and any(True for _ in _found(statement.value, name, always=True))  # type: ignore[attr-defined]


def _is_cast(node: ex.Node, name: str) -> bool:
    return isinstance(node, ex.Call) and node.function == "upcast" and node.arguments == (ex.Name(name),)


def _found(node: ex.Node, name: str, always: bool = False) -> Iterator[ex.Expression]:
    """The casts of a tensor in an expression; but for those in branches, if only what is always computed counts."""
    if isinstance(node, ex.Call) and _is_cast(node, name):
        yield node
    elif not (always and isinstance(node, ex.Conditional)):
        read = node.children[:1] if isinstance(node, ex.Call) and node.function in DTYPE_ALONE else node.children
        for child in read:
            yield from _found(child, name, always)


def _named(block: Block, name: str, local: ex.Name) -> Block:
    """Statements that read a name in the place of the casts."""

    def change(node: ex.Expression) -> ex.Expression | None:
        match node:
            case ex.Call() if _is_cast(node, name):
                return local
            case ex.Call(function=function, arguments=(first, *rest)) if function in DTYPE_ALONE:
                return replace(node, arguments=(ex.transform(first, change), *rest))
        return None

    return mapped(block, lambda node: ex.transform(node, change))
