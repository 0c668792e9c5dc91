"""What is assigned, or what a loop names: names, and tuples of them among others, ``y, (h, c)``."""

from collections.abc import Callable, Sequence

from layergen.lang import expression as ex
from layergen.lang.tokens import SyntaxFault

Targets = tuple[tuple[ex.Name, ...], tuple[ex.Assign, ...]]  # and the statements that take the tuples apart


def grouped(items: Sequence[ex.Expression], refuse: Callable[[ex.Expression], SyntaxFault]) -> Targets:
    """Names among which tuples have become names too, and the statements that take these apart."""
    names: list[ex.Name] = []
    taken: list[ex.Assign] = []
    for item in items:
        if isinstance(item, ex.Name):
            names.append(item)
            continue
        if not isinstance(item, ex.Sequence) or item.bracket != "(" or len(item.items) < 2:
            raise refuse(item)
        inner, further = grouped(item.items, refuse)
        name = ex.Name(ex.show(item), span=item.span)
        names.append(name)
        taken += [ex.Assign(inner, name, span=item.span), *further]
    return tuple(names), tuple(taken)
