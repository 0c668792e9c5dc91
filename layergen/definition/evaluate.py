"""Computes a definition at numbers, entry by entry, in plain Python: the expected values of a layer.

An expression becomes a function once, and is called for each entry; each entry of a name is computed when it is asked
for, and kept.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from layergen.definition.functions import FUNCTIONS, bounded, divide, multiply, power
from layergen.definition.grammar import RUN, Equation, index_items, reduction
from layergen.definition.ranges import Ranges, Size
from layergen.definition.scene import Definition, entry_of, parts, written_index
from layergen.lang import expression as ex
from layergen.lang.interpreter import COMPARISONS, EvaluationFault, Interpreter
from layergen.lang.scalars import NUMBERS

MOST_TURNS = 400_000  # terms of sums, and entries, of all that is computed

Index = tuple[int, ...]
Names = dict[str, Any]
Compute = Callable[[Names], Any]

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": multiply, "/": divide, "//": operator.floordiv, "%": operator.mod,
    "**": power,
}  # fmt: skip


class IndexFault(Exception):  # the fault is the definition's
    """An entry that a definition asks for and that is not there."""

    def __init__(self, node: ex.Node, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.node = node
        self.message = message
        self.help = help


class TooLongError(Exception):
    """A definition takes more than it may."""


@dataclass(frozen=True)
class Entries:
    """The numbers of a tensor."""

    shape: tuple[int, ...]
    values: Sequence[Any]  # in the order of the indices, the last one running fastest


class Evaluation:
    """A definition at some numbers.

    Args:
        definition: The equations.
        numbers: What the names of numbers stand for.
        tensors: The tensors, None where they do not exist.
        leading: The dimensions that ``...`` stands for.
    """

    def __init__(
        self,
        definition: Definition,
        numbers: Mapping[str, Any],
        tensors: Mapping[str, Entries | None],
        leading: tuple[int, ...] = (),
    ) -> None:
        self.definition = definition
        self.numbers = {**NUMBERS, **numbers}
        self.tensors = tensors
        self.leading = leading
        self.ranges = Ranges(definition)
        self.turns = 0
        self.limited = False  # whether a value was a limit, such as 1 / 0, where plain Python raises an error
        self.tables: dict[str, _Table] = {}
        self.sizes: dict[ex.Expression, int] = {}

    def entry(self, name: str, index: Index, node: ex.Node | None = None) -> Any:
        """An entry of a name that has equations.

        Raises:
            IndexFault: If it needs an entry that is not there.
            TooLongError: If it takes too long.
        """
        if name not in self.tables:
            self.tables[name] = _Table(self, name)
        return self.tables[name].entry(index, node)

    def shape(self, name: str, rank: int) -> tuple[int, ...] | None:
        """The sizes that the indices of a name's equations run over, for as many dimensions; None where none fits."""
        for equation in self.active(name):
            sizes: list[int] = []
            for position, free in enumerate(self.definition.free(equation)):
                told = self.ranges.left(equation, position)
                if free is None or not told:
                    break
                sizes += self.leading if free == "..." else [self.size(told[0])]
            else:
                if len(sizes) == rank:
                    return tuple(sizes)
        return None

    def active(self, name: str) -> Iterator[Equation]:
        """The equations of a name that hold at the numbers."""
        for equation in self.definition.named.get(name, ()):
            if all(self.compiled(condition)(self.names) for condition in equation.conditions):
                yield equation

    @cached_property
    def names(self) -> Names:
        return dict(self.numbers)

    def size(self, size: Size) -> int:
        """A range as a number."""
        if size.size not in self.sizes:
            self.sizes[size.size] = int(self.number(size.size))
        return self.sizes[size.size]

    def number(self, node: ex.Expression) -> Any:
        try:
            return Interpreter(self.numbers).evaluate(node)
        except EvaluationFault as fault:
            raise IndexFault(fault.node, fault.message) from None

    def agreed(self) -> Iterator[tuple[str, Size, Size]]:
        """The indices for which two tensors say different sizes at the numbers, each with the two."""
        for equation in self.definition.equations:
            if not all(self.compiled(condition)(self.names) for condition in equation.conditions):
                continue
            for position, free in enumerate(self.definition.free(equation)):
                if free is not None and free != "...":
                    yield from self.differing(free, self.ranges.left(equation, position))
            for node in (node for part in parts(equation) for node in ex.walk(part)):
                if found := reduction(node):
                    for index in found[1]:
                        written = written_index(index)
                        if written and written[1] is None and written[0] != "...":
                            yield from self.differing(written[0], self.ranges.read(written[0], (found[2],)))

    def differing(self, name: str, told: Sequence[Size]) -> Iterator[tuple[str, Size, Size]]:
        known = [size for size in told if ex.names(size.size) <= self.numbers.keys()]  # no input gives the others
        other = next((size for size in known if self.size(size) != self.size(known[0])), None)
        if other is not None:
            yield name, known[0], other

    def turn(self) -> None:
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise TooLongError

    # Expressions to functions

    def compiled(self, node: ex.Expression) -> Compute:
        """A function that computes an expression, given what its names stand for."""
        match node:
            case ex.Literal(value=value):
                return lambda names: value
            case ex.Name(id=name):
                return self.name(name)
            case ex.Sequence(items=items):
                several = [self.compiled(item) for item in items]
                return lambda names: [item(names) for item in several]
            case ex.Conditional(test=test, then=then, orelse=orelse):
                asked, first, second = map(self.compiled, (test, then, orelse))
                return lambda names: first(names) if asked(names) else second(names)
            case ex.Unary(operator=sign, operand=operand):
                inner = self.compiled(operand)
                if sign == "not":
                    return lambda names: not inner(names)
                return lambda names: -inner(names) if sign == "-" else +inner(names)
            case ex.Binary():
                return self.binary(node)
            case ex.Compare():
                return self.compare(node)
            case ex.Call():
                return self.call(node)
            case ex.Subscript():
                return self.subscript(node)
            case ex.Apply():
                return self.reduce(node)
        raise IndexFault(node, "this is no number")

    def name(self, name: str) -> Compute:
        if name in self.tensors:
            tensor = self.tensors[name]
            value = tensor.values[0] if tensor is not None and tensor.shape == () else tensor
            return lambda names: value
        if name in self.definition.named:
            return lambda names: self.entry(name, ())
        return lambda names: names[name]

    def binary(self, node: ex.Binary) -> Compute:
        left, right = self.compiled(node.left), self.compiled(node.right)
        if node.operator == "and":
            return lambda names: left(names) and right(names)
        if node.operator == "or":
            return lambda names: left(names) or right(names)
        combine = _ARITHMETIC[node.operator]

        def compute(names: Names) -> Any:
            one, other = left(names), right(names)
            try:
                if combine is divide and not other:
                    self.limited = True
                return combine(one, other)
            except OverflowError:
                self.limited = True
                return math.inf
            except ZeroDivisionError:
                raise IndexFault(node, "this divides by zero") from None
            except TypeError:
                raise IndexFault(node, f"`{node.operator}` goes with numbers") from None

        return compute

    def compare(self, node: ex.Compare) -> Compute:
        operands = [self.compiled(part) for part in (node.left, *node.comparators)]
        signs = [COMPARISONS[sign] for sign in node.operators]

        def compute(names: Names) -> bool:
            left = operands[0](names)
            for sign, operand in zip(signs, operands[1:], strict=True):
                right = operand(names)
                try:
                    if not sign(left, right):
                        return False
                except TypeError:
                    raise IndexFault(node, "these cannot be compared") from None
                left = right
            return True

        return compute

    def call(self, node: ex.Call) -> Compute:
        function = FUNCTIONS[node.function]
        arguments = [self.compiled(argument) for argument in node.arguments]

        def compute(names: Names) -> Any:
            values = [argument(names) for argument in arguments]
            try:
                value = function(*values)
            except OverflowError:
                value = math.inf
            except ValueError:
                value = math.nan
            except TypeError:
                raise IndexFault(node, f"`{node.function}` does not take these arguments") from None
            if isinstance(value, float) and not math.isfinite(value) and all(map(_is_finite, values)):
                self.limited = True
            return value

        return compute

    def index(self, nodes: Sequence[ex.Expression]) -> Callable[[Names], Index]:
        """A function that computes indices."""
        if RUN not in nodes:
            plain = [self.compiled(node) for node in nodes]
            return lambda names: tuple([one(names) for one in plain])
        place = list(nodes).index(RUN)
        before = [self.compiled(node) for node in nodes[:place]]
        after = [self.compiled(node) for node in nodes[place + 1 :]]
        return lambda names: (*(one(names) for one in before), *names["..."], *(one(names) for one in after))

    def subscript(self, node: ex.Subscript) -> Compute:
        found = entry_of(node)
        assert found is not None
        name, padded = found[0].id, found[1]
        index = self.index(index_items(node.index))
        if name in self.tensors:
            return self.read(node, name, index, padded)
        if name in self.definition.named:
            if padded:
                return lambda names: self.padded(name, index(names), node)
            return lambda names: self.entry(name, index(names), node)
        inner = self.compiled(found[0])

        def pick(names: Names) -> Any:
            try:
                return inner(names)[index(names)[0]]
            except (IndexError, TypeError):
                raise IndexFault(node, f"`{name}` has no such item") from None

        return pick

    def padded(self, name: str, index: Index, node: ex.Node) -> Any:
        shape = self.shape(name, len(index))
        if shape is not None and not all(0 <= one < size for one, size in zip(index, shape, strict=True)):
            return 0
        return self.entry(name, index, node)

    def read(self, node: ex.Subscript, name: str, index: Callable[[Names], Index], padded: bool) -> Compute:
        tensor = self.tensors[name]
        if tensor is None:
            help = f"ask for it: `… if {name} is not None else …`"

            def absent(_: Names) -> Any:
                raise IndexFault(node, f"`{name}` is None here", help)

            return absent
        shape, values, rank = tensor.shape, tensor.values, len(tensor.shape)

        def compute(names: Names) -> Any:
            own = index(names)
            if len(own) != rank:
                raise IndexFault(node, f"`{name}` has {rank} dimensions, and {len(own)} indices here")
            offset = 0
            for one, size in zip(own, shape, strict=True):
                if not 0 <= one < size:
                    if padded:
                        return 0
                    help = f"write `padded({name})[…]` where it is zero outside" if not padded else None
                    raise IndexFault(node, f"`{name}{list(own)}` is outside of {list(shape)}", help)
                offset = offset * size + one
            try:
                return values[offset]
            except TypeError:
                raise IndexFault(node, f"`{name}{list(own)}`: an index is an integer") from None

        return compute

    def reduce(self, node: ex.Apply) -> Compute:
        found = reduction(node)
        assert found is not None
        word, indices, inner = found
        body = self.compiled(inner)
        runs = [self.run_of(index, inner) for index in indices]

        def terms(names: Names, depth: int) -> Iterator[Any]:
            if depth == len(runs):
                self.turn()
                yield body(names)
                return
            name, values = runs[depth]
            for value in values(names):
                names[name] = value
                yield from terms(names, depth + 1)

        if word == "sum":
            return lambda names: bounded(sum(terms(names, 0)))
        if word == "prod":
            return lambda names: _product(terms(names, 0))

        def over(names: Names) -> Any:
            values = list(terms(names, 0))
            if not values:
                raise IndexFault(node, f"there is nothing to take the {word} of")
            return sum(values) / len(values) if word == "mean" else max(values) if word == "max" else min(values)

        return over

    def run_of(self, index: ex.Expression, body: ex.Expression) -> tuple[str, Compute]:
        """The name of an index of a sum, and a function that gives its values."""
        written = written_index(index)
        assert written is not None
        name, size = written
        if name == "...":
            raise IndexFault(index, "`...` cannot be summed over")
        if size is not None:
            bound = self.compiled(size)

            def values(names: Names) -> range:
                stop = bound(names)
                if not isinstance(stop, int):
                    raise IndexFault(size, f"a range ends at an integer, not at {stop}")
                return range(stop)

            return name, values
        told = self.ranges.read(name, (body,))[0]
        return name, lambda _: range(self.size(told))


_BUSY = object()


class _Table:
    """The entries of a name, as far as they have been asked for."""

    def __init__(self, evaluation: Evaluation, name: str) -> None:
        self.evaluation = evaluation
        self.name = name
        self.known: dict[Index, Any] = {}
        self.equations = [self.prepared(equation) for equation in evaluation.active(name)]

    def prepared(self, equation: Equation) -> tuple[Equation, list[tuple[str | None, int]], Compute]:
        """An equation, what its indices are and how far they run or where they are fixed, and its value."""
        evaluation = self.evaluation
        sides: list[tuple[str | None, int]] = []
        for position, free in enumerate(evaluation.definition.free(equation)):
            if free is None:
                sides.append((None, evaluation.number(equation.indices[position])))
            elif free == "...":
                sides.append((free, len(evaluation.leading)))
            else:
                told = evaluation.ranges.left(equation, position)
                sides.append((free, evaluation.size(told[0])))
        return equation, sides, evaluation.compiled(equation.value)

    def entry(self, index: Index, node: ex.Node | None) -> Any:
        value = self.known.get(index)
        if value is _BUSY:
            raise IndexFault(node or self.equations[0][0].name, f"`{self.text(index)}` needs itself")
        if value is not None:
            return value
        self.evaluation.turn()
        for _, sides, compute in self.equations:
            names = self.matched(sides, index)
            if names is not None:
                self.known[index] = _BUSY
                try:
                    value = compute({**self.evaluation.names, **names})
                except RecursionError:
                    raise TooLongError from None
                self.known[index] = value
                return value
        raise IndexFault(node or ex.Node(), f"no equation says what `{self.text(index)}` is",
                         f"say it: `{self.text(index)} = …`")  # fmt: skip

    def text(self, index: Index) -> str:
        return f"{self.name}[{', '.join(map(str, index))}]" if index else self.name

    def matched(self, sides: list[tuple[str | None, int]], index: Index) -> Names | None:
        """What the indices of a left side stand for at an index; None where the equation does not hold there."""
        names: Names = {}
        place = 0
        for free, size in sides:
            if free == "...":
                names[free] = index[place : place + size]
                place += size
                continue
            if place >= len(index):
                return None
            one = index[place]
            if free is None:
                if one != size:
                    return None
            elif 0 <= one < size:
                names[free] = one
            else:
                return None
            place += 1
        return names if place == len(index) else None


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _product(values: Iterator[Any]) -> Any:
    product: Any = 1
    for value in values:
        product = multiply(product, value)
    return product
