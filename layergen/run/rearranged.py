"""Outputs that have the sizes that are declared, and others of 1 beside them or in another order."""

from collections.abc import Sequence
from itertools import permutations

Shape = tuple[str, ...]  # by the texts of the sizes
ONE = "1"
MOST = 5  # dimensions of which each order is looked at


def rearranged(name: str, declared: Shape, found: Shape) -> str | None:
    """What to write at the end of a forward for an output to have the shape that is declared, where that is easy."""
    if len(found) > len(declared):
        return _dropped(name, declared, found)
    if len(found) == len(declared) - 1:
        places = [at for at, size in enumerate(declared) if size == ONE and declared[:at] + declared[at + 1 :] == found]
        return f"end the forward with `{name} = unsqueeze({name}, {places[-1]})`" if places else None
    if len(found) == len(declared) <= MOST and len({*declared}) == len(declared):
        order = next((axes for axes in permutations(range(len(found))) if _of(found, axes) == declared), None)
        return f"end the forward with `{name} = permute({name}, {list(order)})`" if order else None
    return None


def _dropped(name: str, declared: Shape, found: Shape) -> str | None:
    """The call that drops dimensions of size 1."""
    more = len(found) - len(declared)
    if more == 1:
        places = [at for at, size in enumerate(found) if size == ONE and found[:at] + found[at + 1 :] == declared]
        return f"end the forward with `{name} = squeeze({name}, {places[-1]})`" if places else None
    if declared and found == declared + (ONE,) * more:
        return f"end the forward with `{name} = flatten({name}, {len(declared) - 1})`"
    return None


def _of(shape: Shape, axes: Sequence[int]) -> Shape:
    return tuple(shape[axis] for axis in axes)
