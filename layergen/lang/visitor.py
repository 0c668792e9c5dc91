"""The one place that knows what each kind of statement is made of, and the walks over blocks of them.

Who asks what a block reads, assigns or calls asks here. Who treats each kind of statement in a way of its own, in an
order of its own, is a `Visitor`. Both refuse a kind that they do not know, so that none is passed over in silence.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from layergen.lang import expression as ex

Block = Sequence[ex.Statement]

METHODS: dict[type[ex.Statement], str] = {
    ex.Comment: "comment", ex.Assign: "assign", ex.If: "branch", ex.For: "loop", ex.Append: "append",
}  # fmt: skip  # of a visitor


@dataclass(frozen=True)
class Parts:
    """What a statement is made of, each in the order in which it is written."""

    expressions: tuple[ex.Expression, ...] = ()  # what it computes itself
    targets: tuple[ex.Name, ...] = ()  # the names that it gives a value
    blocks: tuple[Block, ...] = ()  # the statements in it


def parts(statement: ex.Statement) -> Parts:
    """What a statement is made of. The list that an ``append`` makes longer is read, not assigned."""
    match statement:
        case ex.Comment():
            return Parts()
        case ex.Assign(targets=targets, value=value):
            return Parts((value,), targets)
        case ex.If(test=test, body=body, orelse=orelse):
            return Parts((test,), blocks=(body, orelse))
        case ex.For(targets=targets, iterable=iterable, body=body):
            return Parts((iterable,), targets, (body,))
        case ex.Append(list=name, value=value):
            return Parts((name, value))
        case _:
            raise _unknown(statement)


def statements(block: Block) -> Iterator[ex.Statement]:
    """All statements of a block, each before those in it."""
    for statement in block:
        yield statement
        for inner in parts(statement).blocks:
            yield from statements(inner)


def expressions(block: Block) -> Iterator[ex.Expression]:
    """The expressions that a block computes, in the order in which they are written."""
    for statement in statements(block):
        yield from parts(statement).expressions


def nodes(block: Block) -> Iterator[ex.Node]:
    """The expressions of a block and all nodes under them."""
    for expression in expressions(block):
        yield from ex.walk(expression)


def reads(block: Block) -> Iterator[ex.Name]:
    """The names that a block reads, in the order in which they are written."""
    return (node for node in nodes(block) if isinstance(node, ex.Name))


def calls(block: Block) -> Iterator[ex.Call]:
    """The calls of functions by name in a block, in the order in which they are written."""
    return (node for node in nodes(block) if isinstance(node, ex.Call))


def assignments(block: Block) -> Iterator[ex.Name]:
    """The names that a block gives values, in the order in which they are written."""
    for statement in statements(block):
        yield from parts(statement).targets


def mentioned(block: Block) -> set[str]:
    """The names that a block reads, each once."""
    return {name.id for name in reads(block)}


def assigned(block: Block) -> set[str]:
    """The names that a block gives values, each once."""
    return {name.id for name in assignments(block)}


def sources(block: Block, name: str) -> Iterator[ex.Expression]:
    """What a name is given its values from: what it is assigned, or what a loop of it runs over."""
    for statement in statements(block):
        if any(target.id == name for target in parts(statement).targets):
            yield from parts(statement).expressions


def mapped(block: Block, change: Callable[[ex.Expression], ex.Expression]) -> tuple[ex.Statement, ...]:
    """A block in which ``change`` has been applied to each expression."""
    return tuple(_mapped(statement, change) for statement in block)


def _mapped(statement: ex.Statement, change: Callable[[ex.Expression], ex.Expression]) -> ex.Statement:
    match statement:
        case ex.Comment():
            return statement
        case ex.Assign(value=value):
            return replace(statement, value=change(value))
        case ex.If(test=test, body=body, orelse=orelse):
            return replace(statement, test=change(test), body=mapped(body, change), orelse=mapped(orelse, change))
        case ex.For(iterable=iterable, body=body):
            return replace(statement, iterable=change(iterable), body=mapped(body, change))
        case ex.Append(value=value):
            return replace(statement, value=change(value))
        case _:
            raise _unknown(statement)


class Visitor:
    """Does something of its own with each kind of statement. A subclass has a method for each kind that it knows."""

    def block(self, block: Block) -> None:
        for statement in block:
            self.visit(statement)

    def visit(self, statement: ex.Statement) -> None:
        method = METHODS.get(type(statement))
        if method is None:
            raise _unknown(statement)
        getattr(self, method)(statement)

    def comment(self, statement: ex.Comment) -> None:
        """Comments do nothing, unless a subclass prints them."""

    def assign(self, statement: ex.Assign) -> None:
        raise self.unable(statement)

    def branch(self, statement: ex.If) -> None:
        raise self.unable(statement)

    def loop(self, statement: ex.For) -> None:
        raise self.unable(statement)

    def append(self, statement: ex.Append) -> None:
        raise self.unable(statement)

    def unable(self, statement: ex.Statement) -> TypeError:
        """The fault of ours that a statement reaches a visitor that does not know its kind."""
        return TypeError(f"{type(self).__name__} does not know {type(statement).__name__}")


def _unknown(statement: ex.Statement) -> TypeError:
    return TypeError(f"no kind of statement: {type(statement).__name__}")
