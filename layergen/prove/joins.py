"""What the functions of a forward give of lists whose length is a formula."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen.run.endless import Endless, Size, Unproven


def joined(name: str, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """What a function gives of a list whose length is a formula.

    Raises:
        Unproven: If that is not known of this function.
    """
    items, dim = (*arguments, *keywords.values())[0], (*arguments[1:], keywords.get("dim", 0))[0]
    join = JOINS.get(name)
    if isinstance(items, Endless) and name == "len":
        return items.length
    if not isinstance(items, Endless) or join is None or not isinstance(dim, int):
        raise Unproven(f"`{name}` is given a list whose length is a dimension")
    if not items.length >= 1:
        raise ValueError("there is nothing in the list")
    return join(items, dim)


def _stack(items: Endless, dim: int) -> Tensor:
    one = items.item()
    return _repeated(one, items.length, dim if dim >= 0 else dim + one.dim() + 1)


def _cat(items: Endless, dim: int) -> Tensor:
    parts = []
    for count, item in items.runs:
        at = dim if dim >= 0 else dim + item.dim()
        parts.append(item if type(count) is int and count == 1 else _repeated(item, count, at).flatten(at, at + 1))
    return torch.cat(parts, dim) if len(parts) > 1 else parts[0]


def _repeated(item: Tensor, count: Size, dim: int) -> Tensor:
    """So many tensors along a new dimension, in memory of their own."""
    longer = item.unsqueeze(dim)
    shape = [*longer.shape[:dim], count, *longer.shape[dim + 1 :]]
    return longer.expand(shape).clone(memory_format=torch.contiguous_format)


JOINS: dict[str, Callable[[Endless, int], Tensor]] = {"stack": _stack, "cat": _cat, "concat": _cat}
