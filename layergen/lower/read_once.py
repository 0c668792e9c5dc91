"""Reads a tensor of a family by its name once where several statements of a block need it, and casts it once."""

from collections.abc import Iterator
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.visitor import assigned, expressions, mapped
from layergen.lower.cast_once import cast_once
from layergen.lower.families import constant, named_families
from layergen.resolve.inference import TENSOR
from layergen.resolve.program import Program

Block = tuple[ex.Statement, ...]


def read_once(block: Block, program: Program) -> Block:
    """A block in which tensors that are looked up by a name that is made, or cast, have a name where they are shared.

    Families that the forward updates are left as they are, and so are those of which some need not be there.
    """
    taken = {*program.names, *program.forward.assigned}
    for family, tensor in named_families(program).items():
        if tensor.when is None and family not in program.forward.assigned:
            block = _in_loops(block, family, taken)
    return cast_once(block, program)


def _in_loops(block: Block, family: str, taken: set[str]) -> Block:
    """The same of one family, in the body of each loop: its index is another one there at each turn."""
    found = []
    for statement in block:
        match statement:
            case ex.For(body=body):
                statement = replace(statement, body=_shared(_in_loops(body, family, taken), family, taken))
            case ex.If(body=body, orelse=orelse):
                inner = (_in_loops(part, family, taken) for part in (body, orelse))
                statement = replace(statement, body=next(inner), orelse=next(inner))
        found.append(statement)
    return tuple(found)


def _shared(body: Block, family: str, taken: set[str]) -> Block:
    """The body of a loop that reads a tensor of a family more than once at the same index, a name."""
    reads = [read for value in expressions(body) for read in _reads(value, family)]
    for read in reads:
        assert isinstance(read, ex.Subscript)
        first = next((at for at, part in enumerate(body) if _always(part, read)), None)
        if reads.count(read) < 2 or first is None or ex.names(read.index) & assigned(body):
            continue
        name = f"{family}_{ex.show(read.index)}"
        while name in taken:
            name += "_"
        taken.add(name)
        local = ex.Name(name, role=Role.LOCAL, kinds=TENSOR)
        return (*body[:first], ex.Assign((local,), read, span=body[first].span), *_named(body[first:], read, local))
    return body


def _named(block: Block, read: ex.Expression, local: ex.Name) -> Block:
    """Statements that read a name in the place of a tensor of a family."""

    def change(node: ex.Expression) -> ex.Expression | None:
        return local if node == read else None

    return mapped(block, lambda node: ex.transform(node, change))


def _reads(value: ex.Node, family: str) -> Iterator[ex.Node]:
    """Where an expression reads a tensor of a family by an index that is a name."""
    for node in ex.walk(value):
        match node:
            case ex.Subscript(value=ex.Name(id=name), index=ex.Name() as index) if name == family:
                if constant(index) is None:
                    yield node


def _always(statement: ex.Statement, read: ex.Expression) -> bool:
    """Whether a statement reads a tensor whatever comes."""
    if not isinstance(statement, ex.Assign | ex.Append):
        return False
    return not any(isinstance(node, ex.Conditional) for node in ex.walk(statement.value)) and any(
        node == read for node in ex.walk(statement.value)
    )
