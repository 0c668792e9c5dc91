"""What a block reads before it assigns it, and the block without the statements whose values nobody reads."""

from collections.abc import Iterable
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.visitor import Block, mentioned, parts

Statements = tuple[ex.Statement, ...]
Read = frozenset[str]  # the names whose values are read afterwards


def without_unread(block: Block, results: Iterable[str]) -> Statements:
    """The statements of a block that it takes to give some names their values."""
    return _block(block, frozenset(results))[0]


def read_before(block: Block, results: Iterable[str]) -> Read:
    """The names whose values at the start of a block tell what some names are at its end."""
    return _block(block, frozenset(results))[1]


def _block(block: Block, read: Read) -> tuple[Statements, Read]:
    """What is left of a block, and the names that are read in it or afterwards before they are assigned."""
    found: list[ex.Statement] = []
    for statement in reversed(block):
        left, read = _statement(statement, read)
        found[:0] = [left] if left is not None else []
    return tuple(found), read


def _statement(statement: ex.Statement, read: Read) -> tuple[ex.Statement | None, Read]:
    match statement:
        case ex.Assign(targets=targets):
            names = {target.id for target in targets}
            return (None, read) if read.isdisjoint(names) else (statement, (read - names) | mentioned((statement,)))
        case ex.If(test=test, body=body, orelse=orelse):
            (then, one), (other, two) = _block(body, read), _block(orelse, read)
            if not _acts(then) and not _acts(other):
                return None, read
            if not _acts(then):
                return ex.If(ex.Unary("not", test), other, span=statement.span), read | two | ex.names(test)
            return replace(statement, body=then, orelse=other), one | two | ex.names(test)
        case ex.For(body=body):
            after = read
            while not (wanted := _block(body, after)[1]) <= after:  # by the next turn
                after |= wanted
            inner = _block(body, after)[0]
            left = replace(statement, body=inner)
            return (left, read | mentioned((left,))) if _acts(inner) else (None, read)
        case ex.Append(list=name):
            return statement, read | mentioned((statement,)) | {name.id}
    return statement, read


def _acts(block: Block) -> bool:
    """Whether a block does anything."""
    return any(parts(statement).expressions for statement in block)
