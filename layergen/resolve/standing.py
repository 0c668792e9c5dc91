"""Where a dimension stands in a tensor, at a setting."""

from collections.abc import Iterator, Sequence

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Tensor
from layergen.resolve.signature import alternatives


def axes(part: Tensor, name: str, rank: int) -> tuple[int, ...] | None:
    """Where a dimension stands in a tensor, if it does as an entry of its own and nowhere else.

    Args:
        part: The tensor as it is declared.
        name: The dimension, or ``...`` for the leading ones.
        rank: How many dimensions the tensor has.
    """
    if not isinstance(part.shape, tuple):
        return None
    entry: ex.Expression = ex.Literal(...) if name == "..." else ex.Name(name)
    dots = ex.Literal(...)
    if part.shape.count(entry) != 1 or (name != "..." and sum(name in ex.names(e) for e in part.shape) != 1):
        return None
    position, leading = part.shape.index(entry), rank - len(part.shape) + 1
    if entry == dots:
        return tuple(range(position, position + leading))
    behind = dots in part.shape[:position]
    return (position + leading - 1 if behind else position,)


def declared(part: Tensor, known: Interpreter) -> Tensor:
    """A tensor as it is declared at a setting: of a shape that depends on a condition, the one that holds there."""
    shape = part.shape
    try:
        while isinstance(shape, ex.Conditional):
            shape = shape.then if known.truth(shape.test) else shape.orelse
        found = next(iter(alternatives(shape)), None)
        entries = () if found is None else tuple(_apart(found.entries, known))
    except EvaluationFault:
        return part
    return part if found is None else part.model_copy(update={"shape": entries})


def _apart(entries: Sequence[ex.Expression], known: Interpreter) -> Iterator[ex.Expression]:
    """The entries of a shape, with those of each list one by one."""
    for entry in entries:
        if isinstance(entry, ex.Splice):
            count = len(known.evaluate(entry.value))
            yield from (ex.Subscript(entry.value, ex.Literal(index)) for index in range(count))
        else:
            yield entry
