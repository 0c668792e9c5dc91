"""The terms of sums, products and the like, and the indices at which they are read: what is done most often."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from layergen.definition.functions import multiply
from layergen.definition.numbers import Account, Compute, Index, Names


def looked_up(letters: Callable[[Names], Index], plain: Sequence[Compute]) -> Callable[[Names], Index]:
    """A function that looks up an index of letters alone at once; one by one where something is a run of them."""

    def index(names: Names) -> Index:
        try:
            return letters(names)
        except KeyError:
            return tuple([one(names) for one in plain])

    return index


def terms_of(runs: Sequence[tuple[str, Compute]], body: Compute, account: Account) -> Callable[[Names], list[Any]]:
    """A function that computes a body at all values of some indices, the last one running fastest."""
    (name, values), *rest = runs
    if rest:
        inner = terms_of(rest, body, account)

        def outer(names: Names) -> list[Any]:
            found: list[Any] = []
            for value in values(names):
                names[name] = value
                found += inner(names)
            return found

        return outer

    def innermost(names: Names) -> list[Any]:
        found: list[Any] = []
        for value in values(names):
            names[name] = value
            account.turn()
            found.append(body(names))
        return found

    return innermost


def product_of(values: Iterable[Any]) -> Any:
    """The product of some numbers."""
    product: Any = 1
    for value in values:
        product = multiply(product, value)
    return product
