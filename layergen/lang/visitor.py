"""Walks the statements of a block."""

from collections.abc import Iterator, Sequence

from layergen.lang import expression as ex


def statements(block: Sequence[ex.Statement]) -> Iterator[ex.Statement]:
    """All statements of a block, those of branches too."""
    for statement in block:
        yield statement
        if isinstance(statement, ex.If):
            yield from statements((*statement.body, *statement.orelse))


def expressions(statement: ex.Statement) -> Iterator[ex.Expression]:
    """The expressions that a statement computes itself."""
    if isinstance(statement, ex.Assign):
        yield statement.value
    elif isinstance(statement, ex.If):
        yield statement.test


def assignments(block: Sequence[ex.Statement]) -> Iterator[ex.Name]:
    """The names that a block assigns, in the order in which they are written."""
    for statement in statements(block):
        if isinstance(statement, ex.Assign):
            yield from statement.targets


def reads(block: Sequence[ex.Statement]) -> Iterator[ex.Name]:
    """The names that a block reads, in the order in which they are written."""
    for statement in statements(block):
        for expression in expressions(statement):
            yield from (node for node in ex.walk(expression) if isinstance(node, ex.Name))


def calls(block: Sequence[ex.Statement]) -> Iterator[ex.Call]:
    """The calls in a block, in the order in which they are written."""
    for statement in statements(block):
        for expression in expressions(statement):
            yield from (node for node in ex.walk(expression) if isinstance(node, ex.Call))
