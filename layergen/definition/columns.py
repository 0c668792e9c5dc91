"""The terms of a reduction, or entries, all at once: each step goes over a column of values, one for each of them.

What no index has a part in is computed once for all terms. What has its own way of going on, as a sum inside, or a
chain of comparisons, is computed term by term, and so is what fails, for the one that does tells the fault.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, repeat
from typing import Any, NamedTuple, Protocol

from layergen.definition.calling import inputs_at
from layergen.definition.draws import DRAWN
from layergen.definition.entries import Entry, entry_of
from layergen.definition.functions import FUNCTIONS, bounded, have_limits
from layergen.definition.grammar import is_run, letter, run_name
from layergen.definition.numbers import Compute, Index, Names, Reader, Source
from layergen.definition.whole import held_whole
from layergen.lang import expression as ex
from layergen.lang.interpreter import COMPARISONS

FEW = 3  # terms: fewer are computed one by one

Column = Sequence[Any]


class Terms(NamedTuple):
    """The terms of a reduction, or entries."""

    names: Names  # what all other names stand for
    columns: Mapping[str, Column]  # of each index, what it stands for in each term
    total: int

    def kept(self, flags: Column) -> "Terms":
        """Those terms at which something is true."""
        columns = {name: [*compress(column, flags)] for name, column in self.columns.items()}
        return Terms(self.names, columns, len(next(iter(columns.values()))))

    def one_by_one(self) -> Iterator[Names]:
        """What all names stand for, term by term: the same names, changed from one to the next."""
        for name in self.columns:  # what is named like it in another reduction, has been computed
            self.names.pop(letter(name) if is_run(name) else f"{name}...", None)
        for values in zip(*self.columns.values(), strict=True):
            self.names.update(zip(self.columns, values, strict=True))
            yield self.names


Whole = Callable[[Terms], Column]


class Single(Protocol):
    """Makes functions of expressions that compute one value: a compiler."""

    source: Source

    def compiled(self, node: ex.Expression) -> Compute:
        """A function that computes an expression, given what its names stand for."""

    def is_whole(self, node: ex.Expression) -> bool:
        """Whether the words show that an index is an integer."""

    def whole(self, node: ex.Expression) -> Compute:
        """A function that computes an index, which is an integer."""

    def arithmetic(self, sign: str) -> Callable[[Any, Any], Any]:
        """What an operator makes of two numbers."""

    def unchanged(self, sign: str, left: Compute, right: Compute) -> Compute | None:
        """The operand that a sum or a product is, where the other one changes nothing."""

    def reader(self, node: ex.Subscript, name: str, padded: bool) -> Callable[[], Reader]:
        """What gives the reader of a tensor or of a name, when it is asked for the first time."""

    def several_readers(self, node: ex.Subscript, name: str, padded: bool) -> Callable[[int], Reader]:
        """What gives the reader of each tensor of a family."""

    def is_computed(self, name: str) -> bool:
        """Whether a name stands for more than an index or a number."""

    def handed(self, node: ex.Expression) -> Compute:
        """What a member is given."""

    def reduced(self, node: ex.Apply) -> "Reduction":
        """A reduction."""


class Reduction(Protocol):
    """A sum or the like."""

    def across(self, outer: "Columns") -> Whole | None:
        """A function that computes it for all terms of an outer one; None where each goes by itself."""


class Columns:
    """Makes functions that compute expressions for all terms of a reduction, or for some entries.

    Args:
        single: Makes those that compute one value.
        letters: The indices of the reduction, or of the entries.
    """

    def __init__(self, single: Single, letters: Iterable[str]) -> None:
        self.single = single
        self.letters = frozenset(letters)
        self.varying = frozenset({*self.letters, *map(letter, self.letters)})

    def compiled(self, node: ex.Expression) -> Whole:
        """A function that computes an expression for all terms."""
        if self.is_once(node):
            once = self.single.compiled(node)
            return lambda terms: [once(terms.names)] * terms.total if terms.total else []
        match node:
            case ex.Name(id=name) if not self.single.is_computed(name):
                meant = name if name in self.letters else f"{name}..."
                return lambda terms: terms.columns[meant]
            case ex.Unary(operator="-", operand=operand):
                inner = self.compiled(operand)
                return self.guarded(node, lambda terms: map(operator.neg, inner(terms)))
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
            case ex.Apply():
                return self.single.reduced(node).across(self) or self.singly(node)
        return self.singly(node)

    def is_once(self, node: ex.Expression) -> bool:
        """Whether an expression has one value for all terms."""
        varying = self.varying
        return varying.isdisjoint(ex.names(node)) and not ("..." in varying and any(map(run_name, ex.walk(node))))

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

    def whole(self, node: ex.Expression) -> Callable[[Terms], Iterable[Any]]:
        """A function that gives an index for each term, which is an integer."""
        if self.single.is_whole(node):
            return self.operand(node)
        if self.is_once(node):
            once = self.single.whole(node)
            return lambda terms: repeat(once(terms.names), terms.total)
        several = self.compiled(node)

        def held(terms: Terms) -> Column:
            values = several(terms)
            return values if {*map(type, values)} <= {int} else [held_whole(node, value) for value in values]

        return held

    def call(self, node: ex.Call) -> Whole:
        function, arguments = FUNCTIONS[node.function], [self.operand(argument) for argument in node.arguments]

        def compute(terms: Terms) -> Column:
            values = [*map(function, *(argument(terms) for argument in arguments))]
            if have_limits(node.function, values):
                raise ValueError  # each value by itself tells whether it is a limit
            return values

        return self.guarded(node, compute)

    def subscript(self, node: ex.Subscript) -> Whole:
        found = entry_of(node)
        readable = self.readable(found) if found is not None else None
        if found is None or readable is None:
            return self.singly(node)
        of_family = not found.inner and found.name.id in self.single.source.definition.scene.families
        index = self.index(found.all[of_family:])
        account = self.single.source.account

        def whole(terms: Terms) -> Column:
            reader, indices = readable(terms.names), [*index(terms)]
            values = [*map(reader.known.get, indices)]
            if None not in values:
                return values
            known, read = reader.known, reader.read
            reader.ahead([one for one in dict.fromkeys(indices) if one not in known])
            values = [*map(known.get, indices)]
            if reader.drawn:
                account.draws += 1
                values = [*map(reader.drawn.get, indices, values)]
            if None not in values:
                return values
            return [read(one) if value is None else value for value, one in zip(values, indices, strict=True)]

        return whole

    def readable(self, found: Entry) -> Callable[[Names], Reader] | None:
        """What reads the entries that a subscript means, given what does not depend on the indices."""
        source, name = self.single.source, found.name.id
        if not found.inner:
            if name in source.definition.scene.families:
                first, *_ = found.all
                if not self.is_once(first):
                    return None
                several = self.single.several_readers(found.node, name, found.padded)
                which = self.single.whole(first)
                return lambda names: several(which(names))
            if name not in {*source.tensors, *source.definition.named}:
                return None
            reader = self.single.reader(found.node, name, found.padded)
            return lambda names: reader()
        handed = inputs_at(source.definition, found)
        others = (*handed.values(), *(() if found.which is None else (found.which,)))
        if not all(map(self.is_once, others)):
            return None
        which = self.single.whole(found.which) if found.which is not None else lambda _: None
        parts = [(name, self.single.handed(node)) for name, node in handed.items()]
        return lambda names: source.inner(found, which(names), tuple([(name, part(names)) for name, part in parts]))

    def index(self, nodes: Sequence[ex.Expression]) -> Callable[[Terms], Iterable[Index]]:
        """A function that gives the index at which each term reads."""
        parts = [
            (run, None if run else self.whole(node)) for run, node in zip(map(run_name, nodes), nodes, strict=True)
        ]

        def indices(terms: Terms) -> Iterable[Index]:
            columns: list[Iterable[Any]] = []
            for run, operand in parts:
                if operand is not None:
                    columns.append(operand(terms))
                if run is not None and run in terms.columns:
                    columns += zip(*terms.columns[run], strict=True)
                elif run is not None:
                    columns += [repeat(one, terms.total) for one in terms.names[run]]
            return zip(*columns, strict=True) if columns else [()] * terms.total

        return indices


def _products(left: Iterable[Any], right: Iterable[Any]) -> Column:
    return [value if type(value) is float else bounded(value) for value in map(operator.mul, left, right)]


def _varying(node: ex.Expression) -> Compute:
    """Stands for an expression that has another value in each term."""
    return lambda names: node


def draws(node: ex.Expression) -> bool:
    """Whether an expression draws random numbers itself, other ones for each term."""
    return any(isinstance(part, ex.Call) and part.function in DRAWN for part in ex.walk(node))
