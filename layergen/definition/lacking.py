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
