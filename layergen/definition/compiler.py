"""Turns the expressions of a definition into functions, which compute them for each entry."""

import math
import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from layergen.definition.calling import inputs_at
from layergen.definition.draws import DRAWN
from layergen.definition.entries import Entry, entry_of, passed
from layergen.definition.functions import FUNCTIONS, NUMBER, divide, formula, have_limits, multiply, power
from layergen.definition.grammar import is_run, reduction, run_name
from layergen.definition.lacking import unsayable
from layergen.definition.numbers import (
    Compute,
    Computed,
    Entries,
    Index,
    IndexFault,
    Names,
    Part,
    Reader,
    Source,
)
from layergen.definition.readers import reader_of, readers_of, within_zeros
from layergen.definition.reduced import Reduced
from layergen.definition.scene import written_index
from layergen.definition.terms import comparison, drawing, looked_up
from layergen.definition.turns import turns
from layergen.definition.whole import held_whole, is_whole
from layergen.lang import expression as ex

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": multiply, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
SMALL = 2**31  # numbers below it can be put together beforehand, for nothing of theirs is out of bounds


class Compiler:
    """Makes functions of expressions.

    Args:
        source: Gives the entries and sizes that they ask for.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.fixed: dict[Compute, Any] = {}  # the functions that always give the same, and what

    def always(self, value: Any) -> Compute:
        """A function that gives a value whatever its names stand for."""

        compute: Compute = lambda names: value  # noqa: E731 (by which it is known again)
        self.fixed[compute] = value
        return compute

    def compiled(self, node: ex.Expression) -> Compute:
        """A function that computes an expression, given what its names stand for."""
        match node:
            case ex.Literal(value=value):
                return self.always(value)
            case ex.Name(id=name):
                return self.name(name)
            case ex.Sequence(items=items):
                several = [self.compiled(item) for item in items]
                return lambda names: [item(names) for item in several]
            case ex.Conditional(test=test, then=then, orelse=orelse):
                asked, first, second = map(self.compiled, (test, then, orelse))
                return lambda names: first(names) if asked(names) else second(names)
            case ex.Unary(operator=sign, operand=operand):
                return self.unary(node, sign, self.compiled(operand))
            case ex.Binary():
                return self.binary(node)
            case ex.Compare():
                return self.compare(node)
            case ex.Call():
                return self.call(node)
            case ex.Subscript():
                return self.subscript(node)
            case ex.Apply():
                return self.reduced(node).compute
        raise IndexFault(node, "this is no number")

    def name(self, name: str) -> Compute:
        if name in self.source.tensors:
            tensor = self.source.tensors[name]
            if isinstance(tensor, Computed) and tensor.shape == ():
                return lambda names: tensor.at(())
            value = tensor.values[0] if isinstance(tensor, Entries) and tensor.shape == () else tensor
            return lambda names: value
        if name in self.source.definition.scene.members:
            return lambda names: self.source.member(name) or None
        if name in self.source.definition.named:
            return lambda names: self.source.entry(name, ())
        if name in self.source.numbers and name not in self.source.definition.letters:
            return self.always(self.source.numbers[name])
        run = f"{name}..."

        def read(names: Names) -> Any:
            try:
                return names[name]
            except KeyError:
                return names[run]

        return read

    def is_computed(self, name: str) -> bool:
        """Whether a name stands for more than an index or a number."""
        definition = self.source.definition
        return name in self.source.tensors or name in definition.scene.members or name in definition.named

    def unary(self, node: ex.Expression, sign: str, inner: Compute) -> Compute:
        if sign == "not":
            return lambda names: not inner(names)
        turned = operator.neg if sign == "-" else operator.pos

        def compute(names: Names) -> Any:
            try:
                return turned(inner(names))
            except TypeError:
                raise IndexFault(node, f"`{sign}` goes with numbers") from None

        return compute

    def binary(self, node: ex.Binary) -> Compute:
        left, right = self.compiled(node.left), self.compiled(node.right)
        if node.operator == "and":
            return lambda names: left(names) and right(names)
        if node.operator == "or":
            return lambda names: left(names) or right(names)
        combine = self.arithmetic(node.operator)
        operands = [self.fixed.get(left), self.fixed.get(right)]
        whole = node.operator in ("+", "-", "*") or (node.operator in ("//", "%") and operands[1])
        if whole and all(type(part) is int and abs(part) < SMALL for part in operands):
            return self.always(combine(*operands))
        if (same := self.unchanged(node.operator, left, right)) is not None:
            return same
        account = self.source.account

        def compute(names: Names) -> Any:
            try:
                return combine(left(names), right(names))
            except OverflowError:
                account.limited = True
                return math.inf
            except ZeroDivisionError:
                raise IndexFault(node, "this divides by zero") from None
            except TypeError:
                raise IndexFault(node, f"`{node.operator}` goes with numbers") from None

        return compute

    def arithmetic(self, sign: str) -> Callable[[Any, Any], Any]:
        """What an operator makes of two numbers."""
        return self.divide if sign == "/" else self.power if sign == "**" else _ARITHMETIC[sign]

    def divide(self, left: Any, right: Any) -> Any:
        """A quotient, of which it is noted where it is a limit."""
        if not right:
            self.source.account.limited = True
        return divide(left, right)

    def power(self, base: Any, exponent: Any) -> Any:
        """A power, of which it is noted where plain Python has none among the floats."""
        value = power(base, exponent)
        if not math.isfinite(value) and _is_finite(base) and _is_finite(exponent):
            self.source.account.limited = True
        return value

    def unchanged(self, sign: str, left: Compute, right: Compute) -> Compute | None:
        """The operand that a sum with 0 or a product with 1 is, as they are of a padding and of a stride."""
        for own, other, signs in ((left, right, "+-"), (right, left, "+")):
            number = self.fixed.get(other)
            if type(number) is int and ((number == 0 and sign in signs) or (number == 1 and sign == "*")):
                return own
        return None

    def compare(self, node: ex.Compare) -> Compute:
        operands = [self.compiled(part) for part in (node.left, *node.comparators)]
        return comparison(node, operands)

    def chosen(self, node: ex.Call) -> Compute:
        """A function that calls the one that an argument is."""
        choice = self.source.numbers[node.function]
        meant, argument = formula(choice), self.compiled(node.arguments[0])
        if meant is None:
            return lambda names: unsayable(node, choice)
        inner = self.compiled(meant)
        return lambda names: inner({NUMBER: argument(names)})

    def call(self, node: ex.Call) -> Compute:
        if node.function in self.source.definition.callables:
            return self.chosen(node)
        arguments = [self.compiled(argument) for argument in node.arguments]
        if node.function in DRAWN:
            return drawing(node, arguments, self.source.account)
        function = FUNCTIONS[node.function]

        def compute(names: Names) -> Any:
            values = [argument(names) for argument in arguments]
            try:
                value = function(*values)
            except (OverflowError, ValueError) as error:
                self.source.account.limited = True
                return math.inf if isinstance(error, OverflowError) else math.nan
            except TypeError:
                raise IndexFault(node, f"`{node.function}` does not take these arguments") from None
            if isinstance(value, float) and have_limits(node.function, [value]) and all(map(_is_finite, values)):
                self.source.account.limited = True
            return value

        return compute

    def index(self, nodes: Sequence[ex.Expression]) -> Callable[[Names], Index]:
        """A function that computes indices."""
        runs = [run_name(node) for node in nodes]
        if not any(runs):
            plain = [self.whole(node) for node in nodes]
            letters = [node.id for node in nodes if isinstance(node, ex.Name) and self.is_whole(node)]
            if len(letters) == len(nodes) > 1:
                return looked_up(operator.itemgetter(*letters), plain)
            return lambda names: tuple([one(names) for one in plain])
        several = [self.several(node) for node in nodes]
        return lambda names: tuple([one for part in several for one in part(names)])

    def several(self, node: ex.Expression) -> Callable[[Names], Index]:
        """A function that computes an index, or those of a run."""
        run = run_name(node)
        if run is not None:
            return lambda names: names[run]
        one = self.whole(node)
        return lambda names: (one(names),)

    def is_whole(self, node: ex.Expression) -> bool:
        """Whether the words show that an index is an integer."""
        source = self.source
        is_letter: Callable[[str], bool] = lambda name: not self.is_computed(name) and name not in source.numbers  # noqa: E731
        numbers = {name: number for name, number in source.numbers.items() if not self.is_computed(name)}
        return is_whole(node, is_letter, numbers)

    def whole(self, node: ex.Expression) -> Compute:
        """A function that computes an index, which is an integer."""
        compute = self.compiled(node)
        return compute if self.is_whole(node) else lambda names: held_whole(node, compute(names))

    def subscript(self, node: ex.Subscript) -> Compute:
        found = entry_of(node)
        assert found is not None
        if found.inner:
            return self.inner(found)
        name = found.name.id
        if name not in self.source.tensors and name not in self.source.definition.named:
            return self.listed(node, name)
        index = self.index(found.all)
        if name in self.source.definition.scene.families:
            return self.family(node, name, index, found.padded)
        reader = self.reader(node, name, found.padded)
        return lambda names: reader().read(index(names))

    def reader(self, node: ex.Subscript, name: str, padded: bool) -> Callable[[], Reader]:
        """What gives the reader of a tensor or of a name, but not of a family, when it is asked for the first time."""
        if name in self.source.tensors:
            there = reader_of(self.source.account, node, name, self.source.tensors[name], padded)
            return lambda: there
        if padded:
            return cache(lambda: within_zeros(self.source, name, node))
        return cache(lambda: self.source.reader(name, node))

    def listed(self, node: ex.Subscript, name: str) -> Compute:
        """Read an item of a list of numbers, or several, or one of a run of indices."""
        inner, item = self.name(name), self.item(node.index)
        if inner in self.fixed and item in self.fixed:
            with suppress(IndexError, TypeError):  # which is told where the item is read
                return self.always(self.fixed[inner][self.fixed[item]])

        def pick(names: Names) -> Any:
            items, which = inner(names), item(names)
            try:
                return items[which]
            except (IndexError, TypeError):
                told = f"{len(items)} item{'s' * (len(items) != 1)}, and none at {which}"
                raise IndexFault(node, f"`{name}` has {told}") from None

        return pick

    def item(self, index: ex.Expression) -> Compute:
        """A function that computes which item of a list is meant, or which items."""
        if not isinstance(index, ex.Slice):
            return self.compiled(index)
        ends = [self.compiled(end) if end is not None else None for end in (index.start, index.stop, index.step)]
        return lambda names: slice(*(end(names) if end is not None else None for end in ends))

    def inner(self, entry: Entry) -> Compute:
        """Read what a member gives, or a tensor that it owns."""
        source, index = self.source, self.index(entry.indices)
        which = self.whole(entry.which) if entry.which is not None else lambda _: None
        handed = [(name, self.handed(node)) for name, node in inputs_at(source.definition, entry).items()]

        def compute(names: Names) -> Any:
            given = tuple([(name, value(names)) for name, value in handed])
            return source.inner(entry, which(names), given).read(index(names))

        return compute

    def handed(self, node: ex.Expression) -> Compute:
        """What a member is given: a part of a tensor or of a name, or a number."""
        handed = passed(node)
        if handed is None or handed.name.id not in {*self.source.tensors, *self.source.definition.named}:
            return self.compiled(node)
        name, first = handed.name.id, self.index(handed.first)
        if name in self.source.tensors and self.source.tensors[name] is None:
            return lambda names: None
        return lambda names: Part(name, first(names))

    def family(self, node: ex.Subscript, name: str, index: Callable[[Names], Index], padded: bool) -> Compute:
        """Read a tensor of several: the first index tells which."""
        several = self.several_readers(node, name, padded)

        def compute(names: Names) -> Any:
            which, *own = index(names)
            return several(which).read(tuple(own))

        return compute

    def several_readers(self, node: ex.Subscript, name: str, padded: bool) -> Callable[[int], Reader]:
        """What gives the reader of each tensor of a family."""
        return readers_of(self.source.account, node, name, self.source.tensors[name], padded)

    def reduced(self, node: ex.Apply) -> Reduced:
        """A reduction, which computes its terms."""
        found = reduction(node)
        assert found is not None
        word, indices, inner = found
        runs = [self.run_of(index, inner) for index in indices]
        sizes = [written[1] for index in indices if (written := written_index(index)) and written[1] is not None]
        return Reduced(self, node, word, runs, inner, frozenset().union(*map(ex.names, sizes)))

    def run_of(self, index: ex.Expression, body: ex.Expression) -> tuple[str, Compute]:
        """The name of an index of a sum, and a function that gives its values."""
        written = written_index(index)
        assert written is not None
        name, size = written
        if size is not None:
            bound = self.compiled(size)
            return name, lambda names: turns(size, bound(names), is_run(name))
        told = self.source.ranges.read(name, (body,))[0]
        extent = cache(lambda: self.source.extent(told))
        return name, lambda _: turns(index, extent(), is_run(name))


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
