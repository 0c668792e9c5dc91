"""A forward with a slip: a cast that is left out, or autocast that is on where it should be off."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.facts import Autocast
from layergen.lang.visitor import statements
from layergen.resolve.program import Program
from layergen.run.forward import ForwardInterpreter

CASTS = ("upcast", "type_as")


@dataclass(frozen=True, eq=False)
class Slip:
    """Where a slip is made: at a call of a cast, or in a statement that is kept from autocast."""

    place: ex.Call | ex.Statement

    def running(self, *given: Any) -> ForwardInterpreter:
        """What runs the forward with the slip in it."""
        return Slipping(self.place, *given)


class Slipping(ForwardInterpreter):
    """Runs a forward with a slip.

    Args:
        place: Where it is.
        given: What any run is given.
    """

    def __init__(self, place: ex.Call | ex.Statement, *given: Any) -> None:
        super().__init__(*given)
        self.place = place

    def watched(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        return arguments[0] if node is self.place else super().watched(node, arguments, keywords)

    def visit(self, statement: ex.Statement) -> None:
        super().visit(replace(statement, autocast=Autocast.ON) if statement is self.place else statement)


def slips(program: Program) -> Iterator[Slip]:
    """The slips of a layer's own forward and penalty."""
    penalty = () if program.penalty is None else ex.walk(program.penalty)
    own = (*program.forward.calls, *(node for node in penalty if isinstance(node, ex.Call)))
    yield from (Slip(call) for call in own if call.function in CASTS)
    for statement in statements(program.forward.statements):
        if statement.autocast is Autocast.OFF and not isinstance(statement, ex.If | ex.For):
            yield Slip(statement)
