"""Quotients that are floats where an int is wanted: with `//` in the place of `/`, they would be one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from layergen.diagnostics import Label, Place
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import Block, statements
from layergen.resolve.inference import INT, kinds_of

WHOLE = frozenset({Kind.INT, Kind.INTS})
Derived = Mapping[str, ex.Expression]


def whole_meant(value: ex.Expression, derived: Derived) -> str | None:
    """What to write for a value that would be an int, or ints, if it or a derived value were divided with `//`."""
    divided = whole(value)
    if divided != value and kinds_of(divided) <= WHOLE:
        return f"write `{ex.show(divided)}`"
    name = quotient_in(value, derived)
    return f"under `derived`, write `{name}: {ex.show(whole(derived[name]))}`: `/` gives a float" if name else None


def labels_of(value: ex.Expression, derived: Derived) -> tuple[Label, ...]:
    """Where the quotient stands that makes a value a float, if a derived value is one."""
    name = quotient_in(value, derived)
    if name is None or whole(value) != value:
        return ()
    return (Label(Place(("derived", name), derived[name].span), "a float"),)


def quotient_in(value: ex.Expression, derived: Derived) -> str | None:
    """The derived value in a value that is a float by a quotient of ints alone."""
    for name in sorted(ex.names(value) & set(derived)):
        divided = whole(derived[name])
        if divided != derived[name] and kinds_of(divided) == INT:
            return name
    return None


def own_quotients(block: Block) -> Derived:
    """What the names of a forward are that it assigns once, alone, and no tensor."""
    assigned = [each for each in statements(block) if isinstance(each, ex.Assign)]
    times = Counter(target.id for each in assigned for target in each.targets)
    return {
        each.targets[0].id: each.value
        for each in assigned
        if len(each.targets) == 1 and times[each.targets[0].id] == 1 and kinds_of(each.value) <= {Kind.FLOAT}
    }


def whole(node: ex.Expression) -> ex.Expression:
    """An expression whose quotients of ints are ints."""
    if isinstance(node, ex.Name | ex.Literal):
        return node
    inner = replace(ex.with_children(node, whole), kinds=None)
    if isinstance(inner, ex.Binary) and inner.operator == "/" and kinds_of(inner.left) == kinds_of(inner.right) == INT:
        return replace(inner, operator="//")
    return inner
