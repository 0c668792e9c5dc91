"""The terms of sums, products and the like, comparisons, draws, and the indices at which entries are read."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import Any

from layergen.definition.draws import DRAWN, TAKES, RandomFault
from layergen.definition.functions import bounded, multiply
from layergen.definition.grammar import is_run, letter
from layergen.definition.numbers import Account, Compute, Index, IndexFault, Names
from layergen.lang import expression as ex
from layergen.lang.interpreter import COMPARISONS

OF_SOME = frozenset({"mean", "max", "min"})  # what has no value of nothing


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
    hidden = letter(name) if is_run(name) else f"{name}..."  # of another reduction, which has been computed
    if rest:
        inner = terms_of(rest, body, account)

        def outer(names: Names) -> list[Any]:
            found: list[Any] = []
            names.pop(hidden, None)
            for value in values(names):
                names[name] = value
                found += inner(names)
            return found

        return outer

    def innermost(names: Names) -> list[Any]:
        found: list[Any] = []
        names.pop(hidden, None)
        for value in values(names):
            names[name] = value
            account.turn()
            found.append(body(names))
        return found

    return innermost


def comparison(node: ex.Compare, operands: Sequence[Compute]) -> Compute:
    """A function that compares some values, each with the next one."""
    signs = [COMPARISONS[sign] for sign in node.operators]
    first, pairs = operands[0], tuple(zip(signs, operands[1:], strict=True))

    def compute(names: Names) -> bool:
        left = first(names)
        for sign, operand in pairs:
            right = operand(names)
            try:
                if not sign(left, right):
                    return False
            except TypeError:
                raise IndexFault(node, "these cannot be compared") from None
            left = right
        return True

    return compute


def drawing(node: ex.Call, arguments: Sequence[Compute], account: Account) -> Compute:
    """A function that draws a number, given what the names in the arguments stand for."""
    draw = DRAWN[node.function]

    def compute(names: Names) -> float:
        if account.random is None:
            raise RandomFault
        account.draws += 1
        values = [argument(names) for argument in arguments]
        try:
            return draw(account.random, *values)
        except TypeError:
            takes = " and a ".join(TAKES[node.function])
            raise IndexFault(node, f"`{node.function}` takes a {takes}") from None
        except ValueError as error:
            raise IndexFault(node, str(error)) from None

    return compute


def index_of(node: ex.Node, word: str, values: Compute, terms: Callable[[Names], Sequence[Any]]) -> Compute:
    """A function that gives the first index at which a term is the greatest or the least."""
    best = max if word == "argmax" else min

    def compute(names: Names) -> int:
        indices, found = list(values(names)), terms(names)
        if not indices:
            raise IndexFault(node, f"there is nothing to take the {word} of")
        try:
            return int(indices[best(range(len(found)), key=found.__getitem__)])
        except TypeError:
            raise IndexFault(node, f"`{word}` goes over numbers") from None

    return compute


def folding(node: ex.Node, word: str, account: Account) -> Callable[[Sequence[Any]], Any]:
    """A function that makes one value of the terms of a reduction."""
    fold, of_some = _FOLDED[word], word in OF_SOME

    def folded(values: Sequence[Any]) -> Any:
        if of_some and not values:
            raise IndexFault(node, f"there is nothing to take the {word} of")
        try:
            value = fold(values)
        except TypeError:
            raise IndexFault(node, f"`{word}` goes over numbers") from None
        if word == "mean" and not math.isfinite(value) and not _has_mean(values):
            account.limited = True
        return value

    return folded


def _sum(values: Sequence[Any]) -> Any:
    return bounded(sum(values))


def _mean(values: Sequence[Any]) -> Any:
    return sum(values) / len(values)


def _has_mean(values: Sequence[Any]) -> bool:
    """Whether plain Python has a mean of some numbers: none where they overflow, or where both infinities meet."""
    try:
        fmean(values)
    except (OverflowError, ValueError):
        return False
    return True


def logsumexp(values: Sequence[Any]) -> float:
    """The logarithm of the sum of the exponentials of some numbers, of which none overflows and not all vanish."""
    top = max(values, default=-math.inf)
    return top + math.log(sum(math.exp(value - top) for value in values)) if math.isfinite(top) else top


def product_of(values: Iterable[Any]) -> Any:
    """The product of some numbers."""
    product: Any = 1
    for value in values:
        product = multiply(product, value)
    return product


_FOLDED: Mapping[str, Callable[[Sequence[Any]], Any]] = MappingProxyType(
    {"sum": _sum, "prod": product_of, "logsumexp": logsumexp, "mean": _mean, "max": max, "min": min}
)
