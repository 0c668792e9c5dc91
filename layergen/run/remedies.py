"""What to write instead of a call that torch refuses, where its message tells."""

import re

from layergen.lang import expression as ex
from layergen.run.said import lacks_half


def remedy(node: ex.Node, message: str) -> str | None:
    """Help with a node of a forward that fails with this message."""
    return _bounded(node, message) or _reshaped(node, message) or _parted(node) or _upcast(node, message)


def _bounded(node: ex.Node, message: str) -> str | None:
    """The bound or constraint that keeps a size from becoming negative."""
    negative = re.search(r"^the size .* is negative$|^a size cannot be negative", message)
    if not isinstance(node, ex.Expression) or not ex.names(node) or negative is None:
        return None
    match node:
        case ex.Binary("-", ex.Name(id=name), ex.Literal(value=int(less))):
            return f"where that is not meant, give `{name}` the bound `min: {less + 1}`"
    return f"where that is not meant, add the constraint `{ex.show(node)} >= 1`"


def _upcast(node: ex.Node, message: str) -> str | None:
    """The call in float32 or wider, where torch has none in half precision."""
    if not isinstance(node, ex.Call) or not node.arguments or not lacks_half(message):
        return None
    first, *rest = node.arguments
    upcast = ex.Call(node.function, (ex.Call("upcast", (first,)), *rest), node.keywords)
    return f"write `{ex.show(upcast)}`; `type_as` brings a result back to the dtype of an input"


def _parted(node: ex.Node) -> str | None:
    """The call that gives as many parts as there are names for them."""
    match node:
        case ex.Assign(targets=targets, value=ex.Call(function="split", arguments=(x, *_), keywords=keywords)):
            parted = ex.Call(
                "chunk", (x, ex.Literal(len(targets))), tuple(word for word in keywords if word.name == "dim")
            )
            return f"`split` takes the size of a part: for {len(targets)} parts, write `{ex.show(parted)}`"
    return None


def _reshaped(node: ex.Node, message: str) -> str | None:
    """The call that copies where a view is impossible."""
    if not isinstance(node, ex.Call) or node.function != "view" or "stride" not in message:
        return None
    return f"write `{ex.show(ex.Call('reshape', node.arguments, node.keywords))}`, which copies where it must"
