"""Tensors that are taken apart into fewer names than there are parts, as told by the call that does so."""

from layergen.lang import expression as ex
from layergen.lang.visitor import Block, statements
from layergen.words import plural


def without_name(forward: Block, name: str) -> str | None:
    """Help with a name that is not known where a part before it has got none.

    Args:
        forward: The statements.
        name: The name.
    """
    for statement in statements(forward):
        if not isinstance(statement, ex.Assign) or len(statement.targets) < 2:
            continue
        count, given = _parts(statement.value), len(statement.targets)
        if count is not None and count > given and isinstance(statement.value, ex.Call):
            parts = f"`{statement.value.function}` gives {plural(count, 'part')} for {plural(given, 'name')}"
            return f"{parts}, from `{statement.targets[0].id}` on: give `{name}` one of them, or assign it before"
    return None


def _parts(value: ex.Expression) -> int | None:
    """How many parts a call gives, where it says so."""
    match value:
        case ex.Call(function="chunk", arguments=(_, ex.Literal(value=int(count)), *_)):
            return count
        case ex.Call(function="split", arguments=(_, ex.Sequence(items=items), *_)) if not ex.is_spliced(
            value.arguments[1]
        ):
            return len(items)
    return None
