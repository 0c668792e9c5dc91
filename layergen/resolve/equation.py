"""Entries of shapes that determine a dimension: ``C * r ** 2``, where arguments say all but one name."""

from collections.abc import Set
from dataclasses import dataclass

from layergen.lang import expression as ex

INVERSE = {"*": "//", "+": "-", "-": "+"}


@dataclass(frozen=True)
class Equation:
    """A size that is a dimension times, plus or minus what arguments say."""

    dimension: str
    operator: str
    known: ex.Expression

    def solution(self, size: ex.Expression) -> ex.Expression:
        """The dimension, where the size is known."""
        return ex.Binary(INVERSE[self.operator], size, self.known)

    def condition(self, size: ex.Expression) -> ex.Expression | None:
        """When a size is that of a dimension; None if each one is."""
        match self.operator:
            case "*":
                return ex.Compare(ex.Binary("%", size, self.known), ("==",), (ex.Literal(0),))
            case "+":
                return ex.Compare(size, (">=",), (self.known,))
        return None


def equation(entry: ex.Expression, known: Set[str]) -> Equation | None:
    """Read an entry as one that determines a dimension.

    Args:
        entry: An entry of an input's shape.
        known: The names of arguments and derived values.
    """
    match entry:
        case ex.Binary("*" | "+" as operator, left, right):
            sides = [(left, right), (right, left)]
        case ex.Binary("-" as operator, left, right):
            sides = [(left, right)]
        case _:
            return None
    for unknown, other in sides:
        if ex.names(other) <= known:
            if isinstance(unknown, ex.Name):
                return None if unknown.id in known else Equation(unknown.id, operator, other)
            inner = equation(unknown, known)  # `C * r` of `C * r * s`
            if inner is not None and inner.operator == operator != "-":
                return Equation(inner.dimension, operator, ex.Binary(operator, inner.known, other))
    return None
