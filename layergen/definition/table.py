"""The entries of a name, as far as they have been asked for: one by one, or some at once ahead of that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from layergen.definition.columns import FEW, Column, Columns, Terms, Whole, draws
from layergen.definition.compiler import Compiler
from layergen.definition.grammar import Equation, is_run
from layergen.definition.numbers import Account, Compute, Extent, Index, IndexFault, Names, TooLongError, those_within
from layergen.definition.scene import Definition
from layergen.definition.whole import held_whole
from layergen.lang import expression as ex

PATIENCE = 3  # times that entries are computed at once in vain, as where they need each other
Side = tuple[str | None, Extent]  # the name of an index and how far it runs, or None and where it is fixed


class Owner(Protocol):
    """Whose equations they are."""

    definition: Definition
    account: Account
    compiler: Compiler

    @property
    def names(self) -> Names:
        """What the names of numbers stand for."""

    def active(self, name: str) -> Iterator[Equation]:
        """The equations of a name that hold at the numbers."""

    def shape(self, name: str, rank: int | None = None) -> tuple[int, ...] | None:
        """The sizes that the indices of a name's equations run over."""

    def side(self, equation: Equation, position: int) -> Extent | None:
        """How far a free index of a left side runs."""

    def number(self, node: ex.Expression) -> Any:
        """The value of an expression in numbers."""


@dataclass(frozen=True)
class Prepared:
    """An equation at numbers."""

    equation: Equation
    sides: Sequence[Side]
    compiler: Compiler

    @cached_property
    def compute(self) -> Compute:
        """Computes the value of an entry."""
        return self.compiler.compiled(self.equation.value)

    @cached_property
    def at_once(self) -> Whole | None:
        """Computes the values of several entries; None where each of them draws random numbers."""
        letters = [free for free, _ in self.sides if free is not None]
        return None if draws(self.equation.value) else Columns(self.compiler, letters).compiled(self.equation.value)

    def letters(self, index: Index) -> Names | None:
        """What the free indices stand for at an index; None where the equation does not hold there."""
        names: Names = {}
        place = 0
        for free, extent in self.sides:
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

    @cached_property
    def shape(self) -> tuple[int, ...] | None:
        """How far the indices run, if all of them are free and none is a run."""
        sizes = [extent for free, extent in self.sides if free is not None and isinstance(extent, int)]
        return tuple(sizes) if len(sizes) == len(self.sides) else None

    def holding(self, indices: Sequence[Index]) -> Sequence[Index]:
        """Those of some indices at which the equation holds."""
        if self.shape is not None:
            return those_within(indices, self.shape)
        return [index for index in indices if self.letters(index) is not None]

    def columns(self, indices: Sequence[Index]) -> Mapping[str, Column]:
        """What each free index stands for at some indices at which the equation holds."""
        columns: dict[str, Column] = {}
        place = 0
        for free, extent in self.sides:
            after = place + (len(extent) if isinstance(extent, tuple) else 1)
            if free is not None:
                run = is_run(free)
                columns[free] = [index[place:after] if run else index[place] for index in indices]
            place = after
        return columns


class Table:
    """The entries of a name.

    Args:
        owner: Whose name it is.
        name: The name.
    """

    def __init__(self, owner: Owner, name: str) -> None:
        self.owner = owner
        self.name = name
        self.memory = owner.account.memory()
        self.busy: set[Index] = set()  # those being computed
        self.vain = 0  # how often some were computed at once in vain
        self.equations = [self.prepared(equation) for equation in owner.active(name)]

    def prepared(self, equation: Equation) -> Prepared:
        """An equation, with what its indices are and how far they run or where they are fixed."""
        sides: list[Side] = []
        for position, free in enumerate(self.owner.definition.free(equation)):
            if free is None:
                index = equation.indices[position]
                sides.append((None, held_whole(index, self.owner.number(index))))
            else:
                extent = self.owner.side(equation, position)
                assert extent is not None
                sides.append((free, extent))
        return Prepared(equation, sides, self.owner.compiler)

    def entry(self, index: Index, node: ex.Node | None) -> Any:
        """An entry.

        Raises:
            IndexFault: If no equation says what it is, or if it needs one that is not there.
            TooLongError: If it takes too long.
        """
        value = self.memory.known.get(index)
        if value is not None or (value := self.memory.again(index)) is not None:
            return value
        if index in self.busy:
            help = "let it read entries alone that come before it, and say where these begin"
            raise IndexFault(node or self.equations[0].equation.name, f"`{self.text(index)}` needs itself", help)
        account = self.owner.account
        account.turn()
        found, letters = self.holding(index, node)
        drawn = account.draws
        self.busy.add(index)
        try:
            value = found.compute({**self.owner.names, **letters})
        except RecursionError:
            raise TooLongError from None
        finally:
            self.busy.remove(index)
        self.memory.keep(index, value, drawn)
        return value

    def beyond(self) -> ex.Expression | None:
        """The index at which an equation is fixed, outside of where the indices run."""
        for found in self.equations:
            counts = [len(extent) if isinstance(extent, tuple) else 1 for _, extent in found.sides]
            shape = self.owner.shape(self.name, sum(counts))
            for position, (free, extent) in enumerate(found.sides):
                if free is None and shape is not None and extent not in range(shape[sum(counts[:position])]):
                    return found.equation.indices[position]
        return None

    def ahead(self, indices: Sequence[Index]) -> None:
        """Compute entries that are asked for next, as many at once as one equation tells.

        Those that fail are left, for each by itself tells why.

        Args:
            indices: Theirs, each once.

        Raises:
            TooLongError: If it takes too long.
        """
        left = self.memory.lacking(indices)
        if self.busy:
            left = [index for index in left if index not in self.busy]
        for found in self.equations:
            if len(left) < FEW or not self.owner.account.ahead or self.vain == PATIENCE:
                return
            inside = found.holding(left)
            self.keep_at_once(found, inside)
            left = [*set(left).difference(inside)] if len(inside) < len(left) else []

    def keep_at_once(self, found: Prepared, indices: Sequence[Index]) -> None:
        """Compute the entries at indices at which an equation holds."""
        account = self.owner.account
        if len(indices) < FEW or found.at_once is None:
            return
        account.turn(len(indices))
        drawn = account.draws
        self.busy.update(indices)
        try:
            values = found.at_once(Terms({**self.owner.names}, found.columns(indices), len(indices)))
        except (IndexFault, ArithmeticError, TypeError, ValueError):
            account.turns -= len(indices)
            self.vain += 1
            return
        except RecursionError:  # each by itself takes less of the stack
            account.ahead = False
            return
        finally:
            self.busy.difference_update(indices)
        self.memory.keep_all(indices, values, drawn)

    def holding(self, index: Index, node: ex.Node | None = None) -> tuple[Prepared, Names]:
        """The equation that holds at an index, and what its free indices stand for there.

        Raises:
            IndexFault: If none does.
        """
        for found in self.equations:
            letters = found.letters(index)
            if letters is not None:
                return found, letters
        message = f"no equation says what `{self.text(index)}` is"
        raise IndexFault(node or ex.Node(), message, f"say it: `{self.lacking(index)} = …`")

    def text(self, index: Index) -> str:
        return f"{self.name}[{', '.join(map(str, index))}]" if index else self.name

    def lacking(self, index: Index) -> str:
        """The left side of an equation for an index: with the letters of another one, where that says it is inside."""
        for sides in (found.sides for found in self.equations):
            if len(sides) == len(index) and all(free is None or isinstance(size, int) for free, size in sides):
                inside = [
                    free if free is not None and isinstance(size, int) and 0 <= own < size else own
                    for own, (free, size) in zip(index, sides, strict=True)
                ]
                return f"{self.name}[{', '.join(map(str, inside))}]"
        return self.text(index)
