"""Sheared: rows that are read again with one entry more or less, so that each is shifted by its number.

So a product with distances becomes one with positions: a column is added, rows and columns are read the other way
round, a row is cut off, and what is left is read in rows again. The reshapes alone mix axes; both together do not.
"""

from collections.abc import Iterator, Mapping, Sequence

from layergen.contracts.regrouped import Sizes
from layergen.lang import expression as ex
from layergen.resolve.values import Values

CUTS = frozenset({"pad", "narrow", "cat", "concat", "contiguous"})  # which take entries away, or put some beside them
Sides = Sequence[tuple[Sizes, Sizes]]  # from which shapes to which the runs of a reshape go


def sheared(statements: Sequence[ex.Statement], reshapes: Mapping[ex.Call, Sides]) -> frozenset[ex.Call]:
    """The reshapes that shift rows by their numbers, by themselves or one behind the other."""
    found = {node for node, sides in reshapes.items() if all(_swaps(*side) for side in sides)}
    for first, second in _in_a_row(statements, reshapes):
        ones, others = reshapes[first], reshapes[second]
        if len(ones) == len(others) and all(map(_shifts, ones, (after for _, after in others))):
            found |= {first, second}
    return frozenset(found)


def _swaps(before: Sizes, after: Sizes) -> bool:
    """Whether two neighbours change places of which one is greater by one."""
    different = [place for place, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    if len(before) != len(after) or len(different) != 2 or different[1] - different[0] != 1:
        return False
    first, second = (before[place] for place in different)
    return abs(first - second) == 1 and (after[different[0]], after[different[1]]) == (second, first)


def _shifts(one: tuple[Sizes, Sizes], after: Sizes) -> bool:
    """Whether there are as many rows as before the first reshape, each one entry longer or shorter."""
    before, between = one
    different = [place for place, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    if len(before) != len(after) or len(different) != 1 or not different[0]:
        return False
    behind = len(after) - different[0] - 1  # axes of what stands in the rows
    kept = between[len(between) - behind :] == after[len(after) - behind :]
    return kept and abs(before[different[0]] - after[different[0]]) == 1


def _in_a_row(
    statements: Sequence[ex.Statement], reshapes: Mapping[ex.Call, Sides]
) -> Iterator[tuple[ex.Call, ex.Call]]:
    """The pairs of reshapes between which entries are cut off or added, and nothing else is done."""
    nodes: dict[int, ex.Call] = {}
    for site in Values(statements).sites:
        if isinstance(site.node, ex.Call) and isinstance(site.value, ex.Call) and site.node in reshapes:
            nodes.setdefault(id(site.value), site.node)
            for value in _uncut(site.value.arguments[0]):
                if id(value) in nodes:
                    yield nodes[id(value)], site.node


def _uncut(value: ex.Expression) -> Iterator[ex.Expression]:
    """A value, and those of which it has entries, where some were cut off or added."""
    yield value
    match value:
        case ex.Subscript(value=inner):
            yield from _uncut(inner)
        case ex.Call(function=function, arguments=(ex.Sequence(items=items), *_)) if function in CUTS:
            for item in items:
                yield from _uncut(item)
        case ex.Call(function=function, arguments=(inner, *_)) if function in CUTS:
            yield from _uncut(inner)
