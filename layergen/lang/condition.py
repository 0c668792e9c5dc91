"""Conditions that are asked of thousands of settings: what one has come to for some values is known for them."""

from collections.abc import Mapping
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter


class Condition:
    """A condition on numbers.

    Args:
        node: What must be true.
    """

    def __init__(self, node: ex.Expression) -> None:
        self.node = node
        self.names = ex.names(node)
        self._order = tuple(sorted(self.names))
        self._known: dict[tuple[Any, ...], bool | None] = {}

    def holds(self, values: Mapping[str, Any]) -> bool | None:
        """Whether it is true of some values; None where it cannot be computed, or one of its names has none."""
        if not self.names <= values.keys():
            return None
        key = tuple(_hashable(values[name]) for name in self._order)
        if key not in self._known:
            try:
                self._known[key] = Interpreter(values).truth(self.node)
            except EvaluationFault:
                self._known[key] = None
        return self._known[key]


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
