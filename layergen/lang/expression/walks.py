"""Walks over expressions, and copies of them with a part replaced."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import TypeGuard

from layergen.lang.expression.tree import Comprehension, Expression, Keyword, Literal, Node, Sequence


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes under it, each before those under it."""
    yield node
    for child in node.children:
        yield from walk(child)


def names(node: Node) -> frozenset[str]:
    """The names that an expression mentions as values."""
    return node.names


def with_children(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """A copy of an expression in which ``change`` has been applied to each expression directly under it."""

    def changed(value: object) -> object:
        if isinstance(value, Expression):
            return change(value)
        if isinstance(value, Keyword):
            return replace(value, value=change(value.value))
        return tuple(map(changed, value)) if isinstance(value, tuple) else value

    parts = {item.name: getattr(node, item.name) for item in fields(node)}
    if isinstance(node, Comprehension):
        del parts["target"]
    inner = {name: changed(value) for name, value in parts.items() if isinstance(value, Expression | tuple)}
    return replace(node, **inner) if inner else node  # type: ignore[arg-type]


def transform(node: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """A copy of an expression in which ``change`` has replaced the nodes for which it returns one.

    The name that a comprehension binds stays.
    """
    replaced = change(node)
    return with_children(node, lambda part: transform(part, change)) if replaced is None else replaced


def is_spliced(node: Node) -> TypeGuard[Sequence]:
    """Whether a node is a list with ``...`` in it, ``[..., dim]``: the leading dimensions stand there."""
    return isinstance(node, Sequence) and bool(node.bracket) and Literal(...) in node.items
