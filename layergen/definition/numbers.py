"""What an evaluation of a definition is made of: the numbers of tensors, and how it may fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from random import Random
from typing import Any, NamedTuple, Protocol

from layergen.definition.entries import Entry
from layergen.definition.layout import Size
from layergen.definition.ranges import Ranges
from layergen.definition.scene import Definition
from layergen.lang import expression as ex

MOST_TURNS = 400_000  # terms of sums, and entries, of all that is computed

Index = tuple[int, ...]
Extent = int | tuple[int, ...]
Names = dict[str, Any]
Compute = Callable[[Names], Any]
Ahead = Callable[[Sequence[Index]], None]  # computes entries at once that are read next


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

    def several(self, indices: Sequence[Index]) -> list[Any]:
        """The numbers at indices, all of them inside."""
        places = [0] * len(indices)
        for column, size in zip(zip(*indices, strict=True), self.shape, strict=False):  # of none, there are no columns
            places = [place * size + one for place, one in zip(places, column, strict=True)]
        values = self.values
        return [values[place] for place in places]


@dataclass(frozen=True)
class Computed:
    """The entries of what is handed to a member, which are computed when they are asked for."""

    shape: tuple[int, ...]
    at: Callable[[Index], Any]
    ahead: Ahead
    known: Mapping[Index, Any] = field(default_factory=dict)  # those that are there, and do not change


def is_within(index: Index, shape: tuple[int, ...]) -> bool:
    """Whether an index is one of a tensor of a shape."""
    return len(index) == len(shape) and all(0 <= one < size for one, size in zip(index, shape, strict=True))


def those_within(indices: Sequence[Index], shape: tuple[int, ...]) -> Sequence[Index]:
    """Those of some indices that are of a tensor of a shape."""
    rank = len(shape)
    if not {*map(len, indices)} <= {rank}:
        return [index for index in indices if is_within(index, shape)]
    columns = [*zip(*indices, strict=True)]
    for column, size in zip(columns, shape, strict=False):  # of no indices, there are no columns
        if min(column) < 0 or max(column) >= size:
            flags = [0 <= one < size for one in column]
            return those_within([*compress(indices, flags)], shape)
    return indices  # nearly always: told at once


def one_by_one(indices: Sequence[Index]) -> None:
    """Compute nothing ahead: each entry is computed when it is read."""


class Reader(NamedTuple):
    """Reads entries."""

    read: Callable[[Index], Any]
    known: Mapping[Index, Any] = {}  # those that are as they were read before
    ahead: Ahead = one_by_one
    drawn: Mapping[Index, Any] = {}  # those that are as they were read, until other random numbers are drawn


class Memory:
    """Entries that are not to be computed twice: those that random numbers have a part in, until others are drawn."""

    def __init__(self, account: "Account") -> None:
        self._account = account
        self.known: dict[Index, Any] = {}
        self.drawn: dict[Index, Any] = {}

    def again(self, index: Index) -> Any:
        """An entry that random numbers have a part in, if it is there."""
        value = self.drawn.get(index)
        self._account.draws += value is not None
        return value

    def lacking(self, indices: Sequence[Index]) -> list[Index]:
        """Those of some indices at which no entry is there."""
        known, drawn = self.known, self.drawn
        return [index for index in indices if index not in known and index not in drawn]

    def keep(self, index: Index, value: Any, draws: int) -> None:
        """Keep an entry, given how many draws had been counted before it was computed."""
        (self.known if self._account.draws == draws else self.drawn)[index] = value

    def keep_all(self, indices: Sequence[Index], values: Sequence[Any], draws: int) -> None:
        """Keep entries that were computed at once."""
        (self.known if self._account.draws == draws else self.drawn).update(zip(indices, values, strict=True))

    def redraw(self) -> None:
        """Forget what random numbers have a part in."""
        self.drawn.clear()


@dataclass
class Account:
    """What is counted of a definition and of those of its members together, and what they draw random numbers by."""

    turns: int = 0
    random: Random | None = None  # where values are compared, nothing may be random
    draws: int = 0  # random numbers that were drawn, and entries made of such that were asked for again
    memories: list[Memory] = field(default_factory=list)
    ahead: bool = True  # whether entries may be computed ahead, which takes more of Python's stack
    limited: bool = False  # whether a value was a limit, such as 1 / 0, where plain Python raises an error

    def memory(self) -> Memory:
        """Where entries are kept."""
        self.memories.append(Memory(self))
        return self.memories[-1]

    def redraw(self) -> None:
        """Have the entries that are asked for next be made of other random numbers."""
        for memory in self.memories:
            memory.redraw()

    def turn(self, count: int = 1) -> None:
        """Count a term, or some.

        Raises:
            TooLongError: If there are too many.
        """
        self.turns += count
        if self.turns > MOST_TURNS:
            raise TooLongError


Held = Entries | Computed | tuple[Entries | None, ...] | None  # a tensor, or those of a family


Given = tuple[tuple[str, Any], ...]  # to a member, by the names of its inputs: numbers, None, or what follows


class Part(NamedTuple):
    """A tensor or the entries of a name, of which some first indices are fixed."""

    name: str
    first: Index


class Source(Protocol):
    """Where the functions that compute expressions get entries and sizes from: an evaluation."""

    definition: Definition
    numbers: Mapping[str, Any]
    leading: tuple[int, ...]
    tensors: Mapping[str, Held]
    ranges: Ranges
    account: Account

    def entry(self, name: str, index: Index, node: ex.Node | None = None) -> Any:
        """An entry of a name that has equations."""

    def shape(self, name: str, rank: int | None = None) -> tuple[int, ...] | None:
        """The sizes that the indices of a name's equations run over."""

    def beyond(self, name: str) -> ex.Expression | None:
        """The index at which an equation says what a name is, outside of where its indices run."""

    def extent(self, size: Size) -> Extent:
        """A range as a number, or as the sizes that a run of indices goes over."""

    def reader(self, name: str, node: ex.Node | None = None) -> Reader:
        """What reads the entries of a name that has equations."""

    def inner(self, entry: Entry, which: int | None, given: "Given") -> Reader:
        """What reads the entries of what a member gives, or of a tensor that it owns."""

    def member(self, name: str) -> bool:
        """Whether a member is there."""

    def number(self, node: ex.Expression) -> Any:
        """The value of an expression in numbers."""

    def inside(
        self, definition: Definition, numbers: Mapping[str, Any], tensors: Mapping[str, Held], leading: tuple[int, ...]
    ) -> "Source":
        """The definition of a member, what it takes being counted as this one's."""
