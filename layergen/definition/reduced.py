"""A reduction: its terms, and what is made of them, for one entry or for several at once."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import cache, cached_property
from itertools import chain, product, repeat
from typing import Any

from layergen.definition.columns import FEW, Column, Columns, Single, Terms, Whole, draws
from layergen.definition.grammar import INDEX_OF, is_run
from layergen.definition.numbers import Compute, Names
from layergen.definition.terms import folding, index_of, terms_of
from layergen.lang import expression as ex

MOST_AT_ONCE = 20_000  # terms: more are computed in parts, for the memory that their columns take


class Reduced:
    """The terms of a reduction, computed at once where there are some.

    Args:
        single: Makes functions that compute one value.
        node: The reduction.
        word: What kind it is of.
        runs: The names of the indices, each with what gives its values.
        body: The term.
        bounds: The names that say how far an index runs.
    """

    def __init__(
        self,
        single: Single,
        node: ex.Expression,
        word: str,
        runs: Sequence[tuple[str, Compute]],
        body: ex.Expression,
        bounds: Set[str],
    ) -> None:
        self.single = single
        self.node = node
        self.word = word
        self.runs = runs
        self.body = body
        self.bounds = bounds
        self.letters = [name for name, _ in runs]
        self.plain = not any(map(is_run, self.letters)) and not draws(body)
        self.apart = self.plain and bounds.isdisjoint(self.letters)  # each index runs as far whatever the others are
        self.columns: Callable[[tuple[range, ...]], Mapping[str, tuple[int, ...]]] = cache(self.made)

    @cached_property
    def compute(self) -> Compute:
        """A function that computes the reduction, given what its names stand for."""
        if self.word in INDEX_OF:
            return index_of(self.node, self.word, self.runs[0][1], self.terms)
        fold, terms = folding(self.node, self.word, self.single.source.account), self.terms
        return lambda names: fold(terms(names))

    def terms(self, names: Names) -> Column:
        """All terms, the last index running fastest.

        Raises:
            TooLongError: If there are too many.
        """
        if not self.apart:
            return self.one_by_one(names)
        ranges = self.ranges(names)
        count = math.prod(map(len, ranges))
        if count < FEW:
            return self.one_by_one(names)
        self.single.source.account.turn(count)
        return self.at_once(Terms(names, self.columns(ranges), count))

    def ranges(self, names: Names) -> tuple[range, ...]:
        return tuple([values(names) for _, values in self.runs])

    @cached_property
    def one_by_one(self) -> Callable[[Names], Column]:
        return terms_of(self.runs, self.single.compiled(self.body), self.single.source.account)

    @cached_property
    def at_once(self) -> Whole:
        return Columns(self.single, self.letters).compiled(self.body)

    def made(self, ranges: tuple[range, ...]) -> Mapping[str, tuple[int, ...]]:
        """What each index stands for in each term."""
        return dict(zip(self.letters, zip(*product(*ranges), strict=True), strict=True))

    def across(self, outer: Columns) -> Whole | None:
        """A function that computes the reduction for all terms of an outer one; None where each goes by itself."""
        if not self.apart or self.word in INDEX_OF or not self.bounds.isdisjoint(outer.varying):
            return None
        account = self.single.source.account
        fold = folding(self.node, self.word, account)
        within = Columns(self.single, {*outer.letters, *self.letters}).compiled(self.body)

        def whole(terms: Terms) -> Column:
            ranges = self.ranges(terms.names)
            each = math.prod(map(len, ranges))
            if not each:
                return [fold(()) for _ in range(terms.total)]
            account.turn(each * terms.total)
            found: list[Any] = []
            for part in _parts(terms, max(1, MOST_AT_ONCE // each)):
                values = within(self.repeated(part, ranges, each))
                found += [fold(values[start : start + each]) for start in range(0, len(values), each)]
            return found

        return whole

    def repeated(self, terms: Terms, ranges: tuple[range, ...], each: int) -> Terms:
        """The terms of the reduction for each of those of an outer one."""
        columns: dict[str, Column] = {name: column * terms.total for name, column in self.columns(ranges).items()}
        for name, column in terms.columns.items():
            columns[name] = [*chain.from_iterable(map(repeat, column, repeat(each)))]
        return Terms(terms.names, columns, each * terms.total)


def _parts(terms: Terms, most: int) -> Iterator[Terms]:
    """Terms, some at a time."""
    for start in range(0, terms.total, most):
        columns = {name: column[start : start + most] for name, column in terms.columns.items()}
        yield Terms(terms.names, columns, min(most, terms.total - start))
