"""The sizes of the parts into which ``chunk`` and ``split`` take a tensor, where the words tell them."""

from layergen.lang import expression as ex

Size = ex.Expression | None  # None: the words do not tell it
Sizes = tuple[Size, ...]


def part_of(shape: Sizes, call: ex.Call, place: int, count: int) -> Sizes:
    """The shape of one of so many parts of a tensor: ``2 * n`` features are two parts of ``n``."""
    given = (*call.arguments[1:], ex.Literal(None), ex.Literal(None))
    words = {word.name: word.value for word in call.keywords}
    dim = axis(words.get("dim", given[1] if len(call.arguments) > 2 else ex.Literal(0)), len(shape))
    if dim is None:
        return (None,) * len(shape)
    size = shape[dim]
    match given[0]:
        case ex.Sequence(items=items) if call.function == "split" and len(items) == count:
            own: Size = items[place]
        case ex.Literal() if call.function == "chunk":
            own = _times(size, count)
        case wanted if call.function == "split":
            own = wanted if _times(size, count) == wanted else None
        case _:
            own = None
    return (*shape[:dim], own, *shape[dim + 1 :])


def axis(node: ex.Expression, rank: int) -> int | None:
    """A dimension that is written as a number, counted from the first."""
    match node:
        case ex.Literal(value=int(dim)) if dim < rank:
            return dim
        case ex.Unary(operator="-", operand=ex.Literal(value=int(behind))) if behind <= rank:
            return rank - behind
    return None


def _times(size: Size, count: int) -> Size:
    """What a size is so many times of, as it is written."""
    match size:
        case ex.Literal(value=int(number)) if number % count == 0:
            return ex.Literal(number // count)
        case ex.Binary(operator="*", left=ex.Literal(value=number), right=one) if number == count:
            return one
        case ex.Binary(operator="*", left=one, right=ex.Literal(value=number)) if number == count:
            return one
    return None
