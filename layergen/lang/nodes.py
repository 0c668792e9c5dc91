"""The nodes of a spec's file: YAML's scalars, lists and mappings, each with its place in the text."""

from dataclasses import dataclass
from functools import cached_property

from layergen.diagnostics import Span
from layergen.lang.yaml_scalars import BLANKS, Value, spots

Data = Value | list["Data"] | dict[str, "Data"]


@dataclass(frozen=True)
class Extent:
    """Some characters of the file, as offsets into its text; the end is excluded."""

    start: int
    end: int


@dataclass(frozen=True)
class Scalar(Extent):
    """A text, a number, a boolean or nothing."""

    text: str  # as YAML means it: unescaped and unfolded
    value: Value
    raw: str  # as it is written
    style: str  # a quote, the sign of a block, or nothing

    def data(self) -> Data:
        """The node as plain Python."""
        return self.value

    @property
    def is_block(self) -> bool:
        return self.style in ("|", ">")

    @cached_property
    def spots(self) -> tuple[Span, ...]:
        """Where in the file each character of ``text`` stands."""
        return spots(self.text, self.raw, self.style, self.start)

    def extent(self, span: Span) -> Span:
        """Where in the file a span of ``text`` stands. A span at the end lies behind the last word."""
        start, end = (max(0, min(offset, len(self.text))) for offset in span)
        if start < end:
            return self.spots[start][0], self.spots[end - 1][1]
        if start < len(self.text):
            return self.spots[start][0], self.spots[start][0]
        words = len(self.text.rstrip(BLANKS))
        last = self.spots[words - 1][1] if words else self.start
        return last, last


@dataclass(frozen=True)
class List(Extent):
    """Values in order."""

    items: tuple["Node", ...]

    def data(self) -> Data:
        """The node as plain Python."""
        return [item.data() for item in self.items]


@dataclass(frozen=True)
class Mapping(Extent):
    """Values by their keys, in the order of the file."""

    entries: dict[str, tuple[Scalar, "Node"]]  # each key's text, the key and the value

    def data(self) -> Data:
        """The node as plain Python."""
        return {text: node.data() for text, (_, node) in self.entries.items()}


Node = Scalar | List | Mapping
