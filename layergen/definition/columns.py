"""The terms of a reduction, all at once: each step goes over a column of values, one for each term.

What no index has a part in is computed once for all terms. What has its own way of going on, as a sum inside, or a
chain of comparisons, is computed term by term, and so is what fails, for the one that does tells the fault.
"""

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import compress, product, repeat
from typing import Any, NamedTuple, Protocol

from layergen.definition.calling import inputs_at
from layergen.definition.draws import DRAWN
from layergen.definition.entries import Entry, entry_of
from layergen.definition.functions import FUNCTIONS, bounded
from layergen.definition.grammar import is_run, run_name
from layergen.definition.numbers import Compute, Index, Names, Reader, Source
from layergen.definition.terms import terms_of
from layergen.lang import expression as ex
from layergen.lang.interpreter import COMPARISONS

FEW = 3  # terms: fewer are computed one by one

Column = Sequence[Any]


class Terms(NamedTuple):
    """The terms of a reduction."""

    names: Names  # what all other names stand for
    columns: Mapping[str, Column]  # of each index, what it stands for in each term
    total: int

    def kept(self, flags: Column) -> "Terms":
        """Those terms at which something is true."""
        columns = {name: [*compress(column, flags)] for name, column in self.columns.items()}
        return Terms(self.names, columns, len(next(iter(columns.values()))))

    def one_by_one(self) -> Iterator[Names]:
        """What all names stand for, term by term: the same names, changed from one to the next."""
        for values in zip(*self.columns.values(), strict=True):
            self.names.update(zip(self.columns, values, strict=True))
            yield self.names


Whole = Callable[[Terms], Column]


class Single(Protocol):
    """Makes functions of expressions that compute one value: a compiler."""

    source: Source

    def compiled(self, node: ex.Expression) -> Compute:
        """A function that computes an expression, given what its names stand for."""

    def arithmetic(self, sign: str) -> Callable[[Any, Any], Any]:
        """What an operator makes of two numbers."""

    def unchanged(self, sign: str, left: Compute, right: Compute) -> Compute | None:
        """The operand that a sum or a product is, where the other one changes nothing."""

    def reader(self, node: ex.Subscript, name: str, padded: bool) -> Callable[[], Reader]:
        """What gives the reader of a tensor or of a name, when it is asked for the first time."""

    def is_computed(self, name: str) -> bool:
        """Whether a name stands for more than an index or a number."""

    def handed(self, node: ex.Expression) -> Compute:
        """What a member is given."""


class Columns:
    """Makes functions that compute expressions for all terms of a reduction.

    Args:
        single: Makes those that compute one value.
        letters: The indices of the reduction.
    """

    def __init__(self, single: Single, letters: Iterable[str]) -> None:
        self.single = single
        self.letters = frozenset(letters)

    def compiled(self, node: ex.Expression) -> Whole:
        """A function that computes an expression for all terms."""
        if self.is_once(node):
            once = self.single.compiled(node)
            return lambda terms: [once(terms.names)] * terms.total if terms.total else []
        match node:
            case ex.Name(id=name) if not self.single.is_computed(name):
                return lambda terms: terms.columns[name]
            case ex.Unary(operator="-", operand=operand):
                inner = self.compiled(operand)
                return lambda terms: [-value for value in inner(terms)]
            case ex.Conditional(test=test, then=then, orelse=orelse):
                return self.conditional(*map(self.compiled, (test, then, orelse)))
            case ex.Binary(operator="and" | "or" as word, left=left, right=right):
                return self.lazily(word == "and", self.compiled(left), self.compiled(right))
            case ex.Binary():
                return self.binary(node)
            case ex.Compare(operators=(sign,), comparators=(right,)):
                sides = [self.compiled(node.left), self.compiled(right)]
                return self.guarded(node, lambda terms: map(COMPARISONS[sign], *(side(terms) for side in sides)))
            case ex.Call(function=name) if name in FUNCTIONS and name not in self.single.source.definition.callables:
                return self.call(node)
            case ex.Subscript():
                return self.subscript(node)
        return self.singly(node)

    def is_once(self, node: ex.Expression) -> bool:
        """Whether an expression has one value for all terms."""
        return not (ex.names(node) & self.letters)

    def singly(self, node: ex.Expression) -> Whole:
        """A function that computes an expression term by term."""
        one = self.single.compiled(node)
        return lambda terms: [one(names) for names in terms.one_by_one()]

    def guarded(self, node: ex.Expression, compute: Callable[[Terms], Iterable[Any]]) -> Whole:
        """A function that computes an expression for all terms, or else term by term, where one of them fails."""
        singly: list[Whole] = []

        def whole(terms: Terms) -> Column:
            try:
                return list(compute(terms))
            except (ArithmeticError, TypeError, ValueError):
                if not singly:
                    singly.append(self.singly(node))
                return singly[0](terms)

        return whole

    def conditional(self, test: Whole, then: Whole, orelse: Whole) -> Whole:
        def whole(terms: Terms) -> Column:
            flags = [bool(flag) for flag in test(terms)]
            if all(flags):
                return then(terms)
            if not any(flags):
                return orelse(terms)
            first, second = iter(then(terms.kept(flags))), iter(orelse(terms.kept([not flag for flag in flags])))
            return [next(first) if flag else next(second) for flag in flags]

        return whole

    def lazily(self, both: bool, left: Whole, right: Whole) -> Whole:
        """``and`` or ``or``, whose right side counts where the left one does not tell."""

        def whole(terms: Terms) -> Column:
            first = left(terms)
            open = [bool(value) == both for value in first]
            if not any(open):
                return first
            second = iter(right(terms.kept(open)))
            return [next(second) if flag else value for flag, value in zip(open, first, strict=True)]

        return whole

    def binary(self, node: ex.Binary) -> Whole:
        sides = node.left, node.right
        alike = [self.single.compiled(side) if self.is_once(side) else _varying(side) for side in sides]
        if (same := self.single.unchanged(node.operator, alike[0], alike[1])) is not None:
            return self.compiled(sides[alike.index(same)])
        left, right = map(self.operand, sides)
        if node.operator == "*":
            return self.guarded(node, lambda terms: _products(left(terms), right(terms)))
        combine = self.single.arithmetic(node.operator)
        return self.guarded(node, lambda terms: map(combine, left(terms), right(terms)))

    def operand(self, node: ex.Expression) -> Callable[[Terms], Iterable[Any]]:
        """A function that gives a value for each term, without a column where it is the same for all of them."""
        if not self.is_once(node):
            return self.compiled(node)
        once = self.single.compiled(node)
        return lambda terms: repeat(once(terms.names), terms.total)

    def call(self, node: ex.Call) -> Whole:
        function, arguments = FUNCTIONS[node.function], [self.operand(argument) for argument in node.arguments]

        def compute(terms: Terms) -> Column:
            values = [*map(function, *(argument(terms) for argument in arguments))]
            if not all(map(math.isfinite, values)):
                raise ValueError  # each value by itself tells whether it is a limit
            return values

        return self.guarded(node, compute)

    def subscript(self, node: ex.Subscript) -> Whole:
        found = entry_of(node)
        readable = self.readable(found) if found is not None else None
        if found is None or readable is None:
            return self.singly(node)
        index = self.index(found.all)

        def whole(terms: Terms) -> Column:
            reader, indices = readable(terms.names), [*index(terms)]
            values = [*map(reader.known.get, indices)]
            if None not in values:
                return values
            read = reader.read
            return [read(one) if value is None else value for value, one in zip(values, indices, strict=True)]

        return whole

    def readable(self, found: Entry) -> Callable[[Names], Reader] | None:
        """What reads the entries that a subscript means, given what does not depend on the indices."""
        source, name = self.single.source, found.name.id
        if not found.inner:
            if name in source.definition.scene.families or name not in {*source.tensors, *source.definition.named}:
                return None
            reader = self.single.reader(found.node, name, found.padded)
            return lambda names: reader()
        handed = inputs_at(source.definition, found)
        others = (*handed.values(), *(() if found.which is None else (found.which,)))
        if not all(map(self.is_once, others)):
            return None
        which = self.single.compiled(found.which) if found.which is not None else lambda _: None
        parts = [(name, self.single.handed(node)) for name, node in handed.items()]
        return lambda names: source.inner(found, which(names), tuple([(name, part(names)) for name, part in parts]))

    def index(self, nodes: Sequence[ex.Expression]) -> Callable[[Terms], Iterable[Index]]:
        """A function that gives the index at which each term reads."""
        parts = [
            (run, None if run else self.operand(node)) for run, node in zip(map(run_name, nodes), nodes, strict=True)
        ]

        def indices(terms: Terms) -> Iterable[Index]:
            columns: list[Iterable[Any]] = []
            for run, operand in parts:
                if operand is not None:
                    columns.append(operand(terms))
                if run is not None:
                    columns += [repeat(one, terms.total) for one in terms.names[run]]
            return zip(*columns, strict=True)

        return indices


def _products(left: Iterable[Any], right: Iterable[Any]) -> Column:
    return [value if type(value) is float else bounded(value) for value in map(operator.mul, left, right)]


def _varying(node: ex.Expression) -> Compute:
    """Stands for an expression that has another value in each term."""
    return lambda names: node


def _draws(node: ex.Expression) -> bool:
    """Whether an expression draws random numbers itself, other ones for each term."""
    return any(isinstance(part, ex.Call) and part.function in DRAWN for part in ex.walk(node))


class Reduced:
    """Computes the terms of a reduction, at once where there are some.

    Args:
        single: Makes functions that compute one value.
        runs: The names of the indices, each with what gives its values.
        body: The term.
        apart: Whether how far each index runs does not depend on the others.
    """

    def __init__(self, single: Single, runs: Sequence[tuple[str, Compute]], body: ex.Expression, apart: bool) -> None:
        self.single = single
        self.runs = runs
        self.body = body
        self.apart = apart and not any(is_run(name) for name, _ in runs) and not _draws(body)
        self.columns = cache(self.made)

    def terms(self, names: Names) -> Column:
        """All terms, the last index running fastest.

        Raises:
            TooLongError: If there are too many.
        """
        if not self.apart:
            return self.one_by_one(names)
        ranges = tuple([values(names) for _, values in self.runs])
        count = math.prod(map(len, ranges))
        if count < FEW:
            return self.one_by_one(names)
        self.single.source.account.turn(count)
        return self.at_once(Terms(names, self.columns(ranges), count))

    @cached_property
    def one_by_one(self) -> Callable[[Names], Column]:
        return terms_of(self.runs, self.single.compiled(self.body), self.single.source.account)

    @cached_property
    def at_once(self) -> Whole:
        return Columns(self.single, (name for name, _ in self.runs)).compiled(self.body)

    def made(self, ranges: tuple[range, ...]) -> Mapping[str, Column]:
        """What each index stands for in each term."""
        return dict(zip((name for name, _ in self.runs), zip(*product(*ranges), strict=True), strict=True))
