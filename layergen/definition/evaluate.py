"""Computes a definition at numbers, entry by entry, in plain Python: the expected values of a layer.

An expression becomes a function once, and is called for each entry; each entry of a name is computed when it is asked
for, and kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from layergen.definition.compiler import Compiler
from layergen.definition.entries import Entry
from layergen.definition.grammar import Equation, is_run, reduction
from layergen.definition.inner import Inner
from layergen.definition.layout import Size
from layergen.definition.numbers import (
    Account,
    Extent,
    Given,
    Held,
    Index,
    IndexFault,
    Names,
    Reader,
)
from layergen.definition.ranges import ranges_of
from layergen.definition.scene import TRAINING, Definition, parts, written_index
from layergen.definition.table import Table
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.scalars import NUMBERS


class Evaluation:
    """A definition at some numbers.

    Args:
        definition: The equations.
        numbers: What the names of numbers stand for, the mode among them unless it is evaluation.
        tensors: The tensors, and those of each family together; None where they do not exist.
        leading: The dimensions that ``...`` stands for.
        account: Of the definition that this one is a part of, if it is of a member.
    """

    def __init__(
        self,
        definition: Definition,
        numbers: Mapping[str, Any],
        tensors: Mapping[str, Held],
        leading: tuple[int, ...] = (),
        account: Account | None = None,
    ) -> None:
        self.definition = definition
        self.numbers: Mapping[str, Any] = {
            **NUMBERS,
            TRAINING: False,
            **numbers,
            definition.runs.sizes.id: list(leading),
        }
        self.tensors = tensors
        self.leading = leading
        self.ranges = ranges_of(definition)
        self.account = account or Account()
        self.tables: dict[str, Table] = {}
        self.members = Inner(self)
        self.compiler = Compiler(self)
        self.compiled = self.compiler.compiled
        self.extents: dict[ex.Expression, Extent] = {}
        self.shapes: dict[tuple[str, int | None], tuple[int, ...] | None] = {}

    def entry(self, name: str, index: Index, node: ex.Node | None = None) -> Any:
        """An entry of a name that has equations.

        Raises:
            IndexFault: If it needs an entry that is not there.
            TooLongError: If it takes too long.
        """
        return self.table(name).entry(index, node)

    def number_at(self, name: str, index: Index) -> float:
        """An entry as a float.

        Raises:
            IndexFault: If it is no number, or needs an entry that is not there.
            TooLongError: If it takes too long.
        """
        value = self.entry(name, index)
        if not isinstance(value, int | float):
            raise IndexFault(self.equation(name, index).value, f"an entry is a number, and this is {value!r}")
        return float(value)

    def reader(self, name: str, node: ex.Node | None = None) -> Reader:
        """What reads the entries of a name that has equations."""
        table = self.table(name)
        memory = table.memory
        return Reader(lambda index: table.entry(index, node), memory.known, table.ahead, memory.drawn)

    def ahead(self, name: str, indices: Sequence[Index]) -> None:
        """Compute entries of a name that are asked for next, at once where that can be done.

        Raises:
            TooLongError: If it takes too long.
        """
        self.table(name).ahead(indices)

    def equation(self, name: str, index: Index) -> Equation:
        """The equation that says what an entry of a name is.

        Raises:
            IndexFault: If none does.
        """
        return self.table(name).holding(index)[0].equation

    def table(self, name: str) -> Table:
        """The entries of a name that have been asked for."""
        if name not in self.tables:
            self.tables[name] = Table(self, name)
        return self.tables[name]

    def shape(self, name: str, rank: int | None = None) -> tuple[int, ...] | None:
        """The sizes that the indices of a name's equations run over, for as many dimensions; None where none fits."""
        if (name, rank) not in self.shapes:
            self.shapes[name, rank] = self.run_over(name, rank)
        return self.shapes[name, rank]

    def run_over(self, name: str, rank: int | None) -> tuple[int, ...] | None:
        for equation in self.active(name):
            sizes: list[int] = []
            for position, free in enumerate(self.definition.free(equation)):
                extent = self.side(equation, position) if free is not None else None
                if extent is None:
                    break
                sizes += extent if isinstance(extent, tuple) else (extent,)
            else:
                if rank is None or len(sizes) == rank:
                    return tuple(sizes)
        return None

    def beyond(self, name: str) -> ex.Expression | None:
        """The index at which an equation says what a name is, outside of where its indices run."""
        return self.table(name).beyond()

    def side(self, equation: Equation, position: int) -> Extent | None:
        """How far a free index of a left side runs; None where nothing tells it.

        Raises:
            IndexFault: If a run of indices has no list of sizes, or another index has one.
        """
        told = self.ranges.left(equation, position)
        if not told:
            return None
        extent, index = self.extent(told[0]), equation.indices[position]
        if isinstance(extent, tuple) and not is_run(self.definition.index_name(index)):
            raise IndexFault(index, f"a range ends at an integer, not at {list(extent)}")
        if isinstance(extent, int) and is_run(self.definition.index_name(index)):
            raise IndexFault(index, f"a run of indices goes over a list of sizes, not over {extent}")
        return extent

    def active(self, name: str) -> Iterator[Equation]:
        """The equations of a name that hold at the numbers."""
        for equation in self.definition.named.get(name, ()):
            if all(self.compiled(condition)(self.names) for condition in equation.conditions):
                yield equation

    @cached_property
    def names(self) -> Names:
        return dict(self.numbers)

    def extent(self, size: Size) -> Extent:
        """A range as a number, or as the sizes that a run of indices goes over."""
        if size.size not in self.extents:
            value = self.number(size.size)
            several = isinstance(value, list | tuple)
            if not all(isinstance(one, int) for one in (value if several else (value,))):
                raise IndexFault(ex.Node(span=size.span), f"a range ends at an integer, not at {value}")
            self.extents[size.size] = tuple(value) if several else value
        return self.extents[size.size]

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
                if free is not None:
                    yield from self.differing(free, self.ranges.left(equation, position))
            for node in (node for part in parts(equation) for node in ex.walk(part)):
                if found := reduction(node):
                    for index in found[1]:
                        written = written_index(index)
                        if written and written[1] is None:
                            yield from self.differing(written[0], self.ranges.read(written[0], (found[2],)))

    def differing(self, name: str, told: Sequence[Size]) -> Iterator[tuple[str, Size, Size]]:
        known = [size for size in told if ex.names(size.size) <= self.numbers.keys()]  # no input gives the others
        other = next((size for size in known if self.extent(size) != self.extent(known[0])), None)
        if other is not None:
            yield name, known[0], other

    def inside(
        self, definition: Definition, numbers: Mapping[str, Any], tensors: Mapping[str, Held], leading: tuple[int, ...]
    ) -> "Evaluation":
        """The definition of a member, what it takes being counted as this one's."""
        mode = {TRAINING: self.numbers[TRAINING]}
        return Evaluation(definition, {**numbers, **mode}, tensors, leading, self.account)

    def inner(self, entry: Entry, which: int | None, given: Given) -> Reader:
        """What reads the entries of what a member gives, or of a tensor that it owns."""
        return self.members.reader(entry, which, given)

    def member(self, name: str) -> bool:
        """Whether a member is there."""
        return self.members.there(name)
