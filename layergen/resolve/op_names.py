"""The names of what a layer computes with."""

from collections.abc import Iterator

from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.resolve.program import Child, Program


def op_names(program: Program) -> Iterator[str]:
    """The ops of a layer and its members, those of arithmetic by their signs, modules of torch by their classes."""
    yield from (op.name for op in program.forward.ops)
    made = (made.of for member in program.members.values() for made in member.made)
    yield from (of.name.rpartition(".")[2].lower() for of in made if not isinstance(of, Child))
    yield from (node.operator for node in nodes(program.forward.statements) if isinstance(node, ex.Binary))
    for child in program.children.values():
        yield from op_names(child.program)
