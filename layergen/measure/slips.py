"""A forward with a slip: casts that are left out, or autocast that is on where it should be off."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.facts import Autocast
from layergen.lang.visitor import parts, statements
from layergen.resolve.program import Program
from layergen.run.forward import ForwardInterpreter

CASTS = ("upcast", "type_as")


@dataclass(frozen=True, eq=False)
class Slip:
    """Where a slip is made: at calls of casts, or in statements that are kept from autocast."""

    places: tuple[ex.Call | ex.Statement, ...]

    @property
    def lowers(self) -> bool:
        """Whether it lets autocast in, and so makes no difference without it."""
        return all(isinstance(place, ex.Statement) for place in self.places)

    def running(self, *given: Any) -> ForwardInterpreter:
        """What runs the forward with the slip in it."""
        return Slipping(self.places, *given)


class Slipping(ForwardInterpreter):
    """Runs a forward with a slip.

    Args:
        places: Where it is.
        given: What any run is given.
    """

    def __init__(self, places: tuple[ex.Call | ex.Statement, ...], *given: Any) -> None:
        super().__init__(*given)
        self.places = places

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        return arguments[0] if self.is_place(node) else super().call(node, arguments, keywords)

    def visit(self, statement: ex.Statement) -> None:
        if any(map(self.is_place, statements((statement,)))):  # a statement with others in it keeps them all
            mark = Autocast.ANY if parts(statement).blocks else Autocast.ON
            statement = replace(statement, autocast=mark)
        super().visit(statement)

    def is_place(self, node: ex.Call | ex.Statement) -> bool:
        return any(node is place for place in self.places)


def slips(program: Program) -> Iterator[Slip]:
    """The slips of a layer's own forward and penalty: each by itself, then all that only make one together.

    Of two factors of a product, one that is cast makes the other one wide.
    """
    penalty = () if program.penalty is None else ex.walk(program.penalty)
    own = (*program.forward.calls, *(node for node in penalty if isinstance(node, ex.Call)))
    casts = tuple(call for call in own if call.function in CASTS)
    kept = tuple(
        statement
        for statement in statements(program.forward.statements)
        if statement.autocast is Autocast.OFF and not parts(statement).blocks
    )
    yield from (Slip((call,)) for call in casts)
    yield from (Slip((statement,)) for statement in kept)
    upcasts = tuple(call for call in casts if call.function == "upcast")
    if len(upcasts) > 1:
        yield Slip(upcasts)
    if len(kept) > 1:
        yield Slip(kept)
