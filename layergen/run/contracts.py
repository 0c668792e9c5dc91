"""What a run relies on that runs members by their contracts."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from layergen.lang.interpreter import EvaluationFault, Function, Interpreter
from layergen.resolve.program import Child


class Contracts:
    """The contracts that a run relied on, and what these say that the members cost."""

    def __init__(self) -> None:
        self.relied: dict[str, Child] = {}  # by class
        self.flops: list[Any] = []
        self.counted = True  # whether all costs are known

    def rely(self, child: Child, values: Mapping[str, Any], calls: Function) -> None:
        """Take a call in."""
        self.relied[child.name] = child
        flops = None
        if "flops" in child.costs:
            with suppress(EvaluationFault):
                flops = Interpreter(values, calls).evaluate(child.costs["flops"])
        self.counted = self.counted and flops is not None
        self.flops.append(flops)
