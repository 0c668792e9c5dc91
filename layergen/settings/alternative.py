"""The alternatives of constraints with `or`: what holds of a layer by one of them need not hold by another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter


@dataclass(frozen=True)
class Alternative:
    """One way of keeping a constraint that others keep, too."""

    constraint: ex.Expression
    holds: ex.Expression
    others: tuple[ex.Expression, ...]

    def alone(self, names: Mapping[str, Any]) -> bool:
        """Whether it is this one alone by which the constraint is kept."""
        return _is_true(self.holds, names) and not any(_is_true(other, names) for other in self.others)


def alternatives(constraint: ex.Expression) -> Iterator[Alternative]:
    """The alternatives of a constraint; none where there is but one way of keeping it."""
    found = tuple(_operands(constraint))
    if len(found) > 1:
        for index, holds in enumerate(found):
            yield Alternative(constraint, holds, (*found[:index], *found[index + 1 :]))


def _operands(node: ex.Expression) -> Iterator[ex.Expression]:
    if isinstance(node, ex.Binary) and node.operator == "or":
        yield from _operands(node.left)
        yield from _operands(node.right)
    else:
        yield node


def _is_true(node: ex.Expression, names: Mapping[str, Any]) -> bool:
    """Whether an alternative holds, as it does not where it cannot be asked: those before it see to that."""
    try:
        return Interpreter(names).truth(node)
    except EvaluationFault:
        return False
