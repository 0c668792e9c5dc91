"""How an evaluation refuses what is not there, or what nothing tells."""

from typing import Any

from layergen.definition.numbers import IndexFault
from layergen.lang import expression as ex


def absent(node: ex.Node, name: str) -> Any:
    """Refuse to read what is not there."""
    raise IndexFault(node, f"`{name}` is None here", f"ask for it: `… if {name} is not None else …`")


def unsayable(node: ex.Call, choice: object) -> Any:
    """Refuse to call a function of which no formula is known."""
    help = f"ask for it: `… if {node.function} is not None else …`" if choice is None else None
    what = "None here" if choice is None else f"`{choice}` here, of which a definition knows no formula"
    raise IndexFault(node, f"`{node.function}` is {what}", help)


def in_zeros(name: str, told: ex.Expression, index: ex.Expression) -> tuple[str, str]:
    """What is wrong with reading zeros where an equation tells something else, and what helps.

    Args:
        name: What is read.
        told: The index outside, at which the equation holds.
        index: Those at which it is read.
    """
    message = f"`padded({name})` is zero outside, though an equation says what `{name}` is at `{ex.show(told)}`"
    return message, f"write `{ex.show(ex.Subscript(ex.Name(name), index))}`, which reads that equation"
