"""A call as its transfer function sees it: what it is given, and where it says that an edge may be reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from layergen.domains.size import Knowledge
from layergen.domains.value import UNKNOWN, Value, constant
from layergen.lang import expression as ex


class Edge(StrEnum):
    """Where an op or its derivative stops being finite."""

    ROOT = "a root of 0 or less"
    LOGARITHM = "a logarithm of 0 or less"
    DIVISION = "a division by 0"
    POWER = "a power of 0 or less"
    ARC = "an inverse function at the end of its domain"
    SPREAD = "the spread of a single value"
    EMPTY = "a softmax over nothing but minus infinity"
    IGNORED = "a mean over nothing"
    INDEX = "an index outside of its table"
    OVERFLOW = "exponentials that overflow"


@dataclass(frozen=True)
class Suspect:
    """An op that may be given something at an edge of its domain."""

    node: ex.Expression
    edge: Edge
    follows: frozenset[str] = field(default=frozenset(), compare=False)  # the names in which index and table are known


@dataclass(frozen=True)
class Site:
    """One evaluation of an op: of a call, an operator or an index."""

    node: ex.Expression
    arguments: Sequence[Any]
    keywords: Mapping[str, Any]
    knowledge: Knowledge
    report: Callable[[Suspect], None]

    def edge(self, edge: Edge, follows: frozenset[str] = frozenset()) -> None:
        """Say that an edge may be reached here."""
        self.report(Suspect(self.node, edge, follows))

    def get(self, position: int | None, *names: str) -> Any:
        """What is given at a position or by one of some names; None where nothing is."""
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return self.arguments[position] if position is not None and position < len(self.arguments) else None

    def value(self, position: int | None, *names: str) -> Value:
        """The same as a value; anything where it is none, or there is no telling."""
        return as_value(self.get(position, *names))

    @property
    def first(self) -> Value:
        return self.value(0, "input", "self", "x")


def as_value(given: Any) -> Value:
    """What is given as one value; the items of a list are taken together."""
    if isinstance(given, Value):
        return given
    if isinstance(given, bool | int | float):
        return constant(given)
    if isinstance(given, list | tuple) and given:
        values = [as_value(item) for item in given]
        joined = values[0]
        for value in values[1:]:
            joined = joined.union(value)
        return joined
    return UNKNOWN
