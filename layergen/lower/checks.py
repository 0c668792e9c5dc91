"""A check of generated code, and what it says."""

from dataclasses import dataclass

from layergen.lang import expression as ex


@dataclass(frozen=True)
class Check:
    """A check of the constructor or the forward: when it fails, and with what message."""

    condition: str
    message: str  # source of a string or an f-string

    def lines(self) -> tuple[str, str]:
        return f"if {self.condition}:", f"    raise ValueError({self.message})"


def must_be(node: ex.Expression) -> str:
    """What a constraint demands, as the beginning of a message."""
    match node:
        case ex.Compare(ex.Binary("%", number, ex.Literal(value=2)), ("==",), (ex.Literal(value=0 | 1 as rest),)):
            return f"{ex.show(number)} must be {'odd' if rest else 'even'}"
        case ex.Compare(ex.Binary("%", number, divisor), ("==",), (ex.Literal(value=0),)):
            return f"{ex.show(number)} must be divisible by {ex.show(divisor)}"
    return f"expected {ex.show(node)}"
