"""Walks over expressions, and copies of them with a part replaced."""

import operator
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
    """An expression in which ``change`` has been applied to each expression directly under it."""
    inner = {name: _changed(getattr(node, name), change) for name in _PARTS[type(node)]}
    inner = {name: value for name, value in inner.items() if value is not getattr(node, name)}
    return replace(node, **inner) if inner else node  # type: ignore[arg-type]


def _changed(value: object, change: Callable[[Expression], Expression]) -> object:
    if isinstance(value, Expression):
        return change(value)
    if isinstance(value, Keyword):
        inner = change(value.value)
        return value if inner is value.value else replace(value, value=inner)
    if isinstance(value, tuple):
        parts = tuple([_changed(part, change) for part in value])
        return value if all(map(operator.is_, parts, value)) else parts
    return value


# What each kind of expression may have other expressions in; the name that a comprehension binds stays.
_PARTS = {
    kind: tuple(
        item.name
        for item in fields(kind)
        if item.name not in ("span", "kinds") and (kind, item.name) != (Comprehension, "target")
    )
    for kind in Expression.__subclasses__()
}


def transform(node: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """A copy of an expression in which ``change`` has replaced the nodes for which it returns one.

    The name that a comprehension binds stays.
    """
    replaced = change(node)
    return with_children(node, lambda part: transform(part, change)) if replaced is None else replaced


def is_spliced(node: Node) -> TypeGuard[Sequence]:
    """Whether a node is a list with ``...`` in it, ``[..., dim]``: the leading dimensions stand there."""
    return isinstance(node, Sequence) and bool(node.bracket) and Literal(...) in node.items
