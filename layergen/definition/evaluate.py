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
    Compute,
    Extent,
    Given,
    Held,
    Index,
    IndexFault,
    Names,
    Reader,
    TooLongError,
)
from layergen.definition.ranges import ranges_of
from layergen.definition.scene import TRAINING, Definition, parts, written_index
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
        self.compiled = Compiler(self).compiled
        self.extents: dict[ex.Expression, Extent] = {}
        self.shapes: dict[tuple[str, int | None], tuple[int, ...] | None] = {}

    def entry(self, name: str, index: Index, node: ex.Node | None = None) -> Any:
        """An entry of a name that has equations.

        Raises:
            IndexFault: If it needs an entry that is not there.
            TooLongError: If it takes too long.
        """
        return self.table(name).entry(index, node)

    def reader(self, name: str, node: ex.Node | None = None) -> Reader:
        """What reads the entries of a name that has equations."""
        table = self.table(name)
        return Reader(lambda index: table.entry(index, node), table.memory.known)

    def equation(self, name: str, index: Index) -> Equation:
        """The equation that says what an entry of a name is.

        Raises:
            IndexFault: If none does.
        """
        return self.table(name).holding(index)[0]

    def table(self, name: str) -> "Table":
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
            self.extents[size.size] = tuple(map(int, value)) if isinstance(value, list | tuple) else int(value)
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


Side = tuple[str | None, Extent]  # the name of an index and how far it runs, or None and where it is fixed


class Table:
    """The entries of a name, as far as they have been asked for."""

    def __init__(self, evaluation: "Evaluation", name: str) -> None:
        self.evaluation = evaluation
        self.name = name
        self.memory = evaluation.account.memory()
        self.busy: set[Index] = set()  # those being computed
        self.equations = [self.prepared(equation) for equation in evaluation.active(name)]

    def prepared(self, equation: Equation) -> tuple[Equation, list[Side], Compute]:
        """An equation, what its indices are and how far they run or where they are fixed, and its value."""
        evaluation = self.evaluation
        sides: list[Side] = []
        for position, free in enumerate(evaluation.definition.free(equation)):
            if free is None:
                sides.append((None, evaluation.number(equation.indices[position])))
            else:
                extent = evaluation.side(equation, position)
                assert extent is not None
                sides.append((free, extent))
        return equation, sides, evaluation.compiled(equation.value)

    def entry(self, index: Index, node: ex.Node | None) -> Any:
        value = self.memory.known.get(index)
        if value is not None or (value := self.memory.again(index)) is not None:
            return value
        if index in self.busy:
            help = "let it read entries alone that come before it, and say where these begin"
            raise IndexFault(node or self.equations[0][0].name, f"`{self.text(index)}` needs itself", help)
        account = self.evaluation.account
        account.turn()
        _, names, compute = self.holding(index, node)
        draws = account.draws
        self.busy.add(index)
        try:
            value = compute(names)
        except RecursionError:
            raise TooLongError from None
        finally:
            self.busy.remove(index)
        self.memory.keep(index, value, draws)
        return value

    def holding(self, index: Index, node: ex.Node | None = None) -> tuple[Equation, Names, Compute]:
        """The equation that holds at an index, what all names stand for there, and its value."""
        for equation, sides, compute in self.equations:
            names = self.matched(sides, index)
            if names is not None:
                return equation, names, compute
        message = f"no equation says what `{self.text(index)}` is"
        raise IndexFault(node or ex.Node(), message, f"say it: `{self.lacking(index)} = …`")

    def text(self, index: Index) -> str:
        return f"{self.name}[{', '.join(map(str, index))}]" if index else self.name

    def lacking(self, index: Index) -> str:
        """The left side of an equation for an index: with the letters of another one, where that says it is inside."""
        for _, sides, _ in self.equations:
            if len(sides) == len(index) and all(free is None or isinstance(size, int) for free, size in sides):
                inside = [
                    free if free is not None and isinstance(size, int) and 0 <= own < size else own
                    for own, (free, size) in zip(index, sides, strict=True)
                ]
                return f"{self.name}[{', '.join(map(str, inside))}]"
        return self.text(index)

    def matched(self, sides: list[Side], index: Index) -> Names | None:
        """What all names stand for at an index; None where the equation does not hold there."""
        names = self.evaluation.names.copy()
        place = 0
        for free, extent in sides:
            if type(extent) is int and place < len(index):  # nearly always: told at once
                one = index[place]
                place += 1
                if free is None:
                    if one != extent:
                        return None
                elif 0 <= one < extent:
                    names[free] = one
                else:
                    return None
                continue
            run = isinstance(extent, tuple)
            sizes = extent if isinstance(extent, tuple) else (extent,)
            own = index[place : place + len(sizes)]
            place += len(sizes)
            if len(own) < len(sizes):
                return None
            if free is None:
                if own != sizes:
                    return None
            elif all(0 <= one < size for one, size in zip(own, sizes, strict=True)):
                names[free] = own if run else own[0]
            else:
                return None
        return names if place == len(index) else None
