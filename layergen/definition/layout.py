"""What a shape says, as far as it is written out: its sizes around the dimensions of an unknown number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layergen.definition.grammar import RUN
from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.values import Shape


@dataclass(frozen=True)
class Layout:
    """A shape around its dimensions of an unknown number, if it has any."""

    before: tuple[ex.Expression, ...]
    run: ex.Expression | None
    after: tuple[ex.Expression, ...]

    def at(self, position: int, length: int, run: int | None) -> ex.Expression | None:
        """The size at a position among so many indices, of which one may be ``...``; None where that is not told."""
        if run is not None and position == run:
            return RUN if self.run == RUN else None
        if run is None or position < run:
            if position < len(self.before):
                return self.before[position]
            if self.run is None or run is not None:
                return None
        back = length - position
        return self.after[-back] if back <= len(self.after) else None


def layouts(shape: Shape) -> Iterator[Layout]:
    """What a shape may be, as far as it is written out."""
    if isinstance(shape, tuple):
        yield _entries(shape)
    elif isinstance(shape, ex.Sequence):
        yield _entries(shape.items)
    elif isinstance(shape, ex.Conditional):
        yield from layouts(shape.then)
        yield from layouts(shape.orelse)


def _entries(items: Sequence[ex.Expression]) -> Layout:
    runs = [place for place, item in enumerate(items) if item == RUN or isinstance(item, ex.Splice)]
    if not runs:
        return Layout(tuple(items), None, ())
    return Layout(tuple(items[: runs[0]]), items[runs[0]], tuple(items[runs[-1] + 1 :]))


def fits(layout: Layout, indices: Sequence[ex.Expression]) -> bool:
    """Whether so many indices read an entry of a shape."""
    count, own = len(indices), len(layout.before) + len(layout.after)
    if RUN in indices:
        return layout.run == RUN and count == own + 1
    return count == own if layout.run is None else layout.run != RUN and count >= own


@dataclass(frozen=True)
class Size:
    """How far an index runs, and what says so."""

    size: ex.Expression  # `...` for the leading dimensions
    span: Span
    words: str = ""  # "dimension 0 of `weight`"; empty where it is written or declared
