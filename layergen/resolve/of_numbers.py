"""What is written of plain numbers where tensors have an op of their own, or torch takes a bool for a number."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind, Kinds
from layergen.resolve.inference import kinds_of

NUMBERS = frozenset({Kind.INT, Kind.FLOAT})
ONE = ex.Literal(1)

# Ops of tensors that no function of numbers is named after, by what is the same of one.
OF_NUMBERS: Mapping[str, Callable[[ex.Expression], ex.Expression]] = MappingProxyType(
    {
        "log1p": lambda number: ex.Call("log", (ex.Binary("+", ONE, number),)),
        "expm1": lambda number: ex.Binary("-", ex.Call("exp", (number,)), ONE),
        "exp2": lambda number: ex.Binary("**", ex.Literal(2), number),
        "rsqrt": lambda number: ex.Binary("/", ONE, ex.Call("sqrt", (number,))),
        "reciprocal": lambda number: ex.Binary("/", ONE, number),
        "square": lambda number: ex.Binary("**", number, ex.Literal(2)),
        "neg": lambda number: ex.Unary("-", number),
        "relu": lambda number: ex.Call("max", (number, ex.Literal(0))),
    }
)


def number_meant(call: ex.Call, value: ex.Expression, accepts: Kinds) -> str | None:
    """What to write for a call of an op of tensors with a number, or for a bool that torch takes for a number."""
    found = kinds_of(value)
    if len(call.arguments) == 1 and not call.keywords and call.function in OF_NUMBERS and found <= NUMBERS:
        return ex.show(OF_NUMBERS[call.function](value))
    word = next((word.name for word in call.keywords if word.value is value), None)
    match value:
        case ex.Literal(value=bool(truth)) if word is not None and Kind.FLOAT in accepts:
            return f"{word}={float(truth)}"
    return None
