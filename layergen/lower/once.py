"""Copies a buffer once where several statements of a block read what it is before its update."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.visitor import assigned, mapped
from layergen.resolve.inference import TENSOR
from layergen.resolve.program import Program

Block = tuple[ex.Statement, ...]


def once(block: Block, program: Program) -> Block:
    """A block in which copies of one buffer that are the same share a name."""
    taken = {*program.names, *program.forward.assigned}

    def free(buffer: str) -> str:
        name = f"old_{buffer}"
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    for buffer in program.buffers:
        block = _once(block, buffer, free)
    return block


def _once(block: Block, buffer: str, free: Callable[[str], str]) -> Block:
    """The same of one buffer: the copies in a block itself, and those in each of the blocks in it."""
    found = tuple(_inner(statement, buffer, free) for statement in block)
    places = [at for at, statement in enumerate(found) for _ in _copies(statement, buffer)]
    if len(places) < 2 or buffer in assigned(found[places[0] : places[-1]]):
        return found
    name = ex.Name(free(buffer), role=Role.LOCAL, kinds=TENSOR)
    copy = next(_copies(found[places[0]], buffer))
    shared = (_with_name(part, copy, name) if at in places else part for at, part in enumerate(found))
    return (*found[: places[0]], ex.Assign((name,), copy, span=found[places[0]].span), *[*shared][places[0] :])


def _inner(statement: ex.Statement, buffer: str, free: Callable[[str], str]) -> ex.Statement:
    match statement:
        case ex.If(body=body, orelse=orelse):
            return replace(statement, body=_once(body, buffer, free), orelse=_once(orelse, buffer, free))
        case ex.For(body=body):
            return replace(statement, body=_once(body, buffer, free))
        case _:
            return statement


def _copies(statement: ex.Statement, buffer: str) -> Iterator[ex.Expression]:
    """The copies of a buffer that a statement always makes itself."""
    if isinstance(statement, ex.Assign | ex.Append):
        yield from _always(statement.value, buffer)


def _always(node: ex.Node, buffer: str) -> Iterator[ex.Expression]:
    match node:
        case ex.Call(function="clone", arguments=(ex.Name(id=name),), keywords=()) if name == buffer:
            yield node
        case ex.Conditional():
            return
        case _:
            for child in node.children:
                yield from _always(child, buffer)


def _with_name(statement: ex.Statement, copy: ex.Expression, name: ex.Name) -> ex.Statement:
    """A statement that reads a name in the place of a copy."""

    def change(part: ex.Expression) -> ex.Expression | None:
        return name if part == copy else None

    (found,) = mapped([statement], lambda node: ex.transform(node, change))
    return found
