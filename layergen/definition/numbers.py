"""What an evaluation of a definition is made of: the numbers of tensors, and how it may fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from layergen.definition.ranges import Ranges, Size
from layergen.definition.scene import Definition
from layergen.lang import expression as ex

MOST_TURNS = 400_000  # terms of sums, and entries, of all that is computed

Index = tuple[int, ...]
Names = dict[str, Any]
Compute = Callable[[Names], Any]


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


class Source(Protocol):
    """Where the functions that compute expressions get entries and sizes from: an evaluation."""

    definition: Definition
    tensors: Mapping[str, Entries | None]
    ranges: Ranges
    limited: bool  # whether a value was a limit, such as 1 / 0, where plain Python raises an error

    def entry(self, name: str, index: Index, node: ex.Node | None = None) -> Any:
        """An entry of a name that has equations."""

    def shape(self, name: str, rank: int) -> tuple[int, ...] | None:
        """The sizes that the indices of a name's equations run over."""

    def size(self, size: Size) -> int:
        """A range as a number."""

    def turn(self) -> None:
        """Count a term, and refuse to go on where there are too many."""
