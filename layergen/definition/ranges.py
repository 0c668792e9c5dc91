"""How far each index runs: as it is written, as the output is declared, or as the tensors say that it indexes alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from layergen.definition.carried import UNTOLD, layouts_of
from layergen.definition.entries import Reading, readings
from layergen.definition.grammar import RUN, Equation
from layergen.definition.layout import Size, fits, layouts
from layergen.definition.scene import Definition, parts, written_index
from layergen.diagnostics import Span
from layergen.lang import expression as ex


@dataclass
class Ranges:
    """The ranges of a definition's indices."""

    definition: Definition
    asked: list[tuple[Span, int]] = field(default_factory=list)  # what is being told, so that nothing goes round

    def left(self, equation: Equation, position: int) -> tuple[Size, ...]:
        """What says how far a free index on a left side runs; several where several tensors do."""
        index = equation.indices[position]
        written = written_index(index)
        if written is None:
            return ()
        name, size = written
        if name == "...":
            return (Size(RUN, index.span),)
        if size is not None:
            return (Size(size, size.span),)
        if declared := self.declared(equation, position):
            return (declared,)
        key = equation.span, position
        if key in self.asked:
            return ()
        self.asked.append(key)
        try:
            own = self.elsewhere(equation, position) or self.read(name, parts(equation))
            return own or self.others(equation, position)
        finally:
            self.asked.remove(key)

    def declared(self, equation: Equation, position: int) -> Size | None:
        """What the output's shape says."""
        shape = self.definition.scene.outputs.get(equation.name.id)
        found = layouts(shape) if shape is not None else ()
        for layout in found:
            if fits(layout, equation.indices):
                size = layout.at(position, len(equation.indices), _run(equation.indices))
                if size is not None:
                    return Size(size, equation.indices[position].span)
        return None

    def elsewhere(self, equation: Equation, position: int) -> tuple[Size, ...]:
        """What other statements of the name write."""
        for other in self.definition.named[equation.name.id]:
            if other is equation or len(other.indices) != len(equation.indices):
                continue
            written = written_index(other.indices[position])
            if written and written[1] is not None and self.definition.index_name(other.indices[position]):
                return (Size(written[1], written[1].span),)
        return ()

    def others(self, equation: Equation, position: int) -> tuple[Size, ...]:
        """What other statements of the name find out: a base without tensors has the ranges of the main statement."""
        for other in reversed(self.definition.named[equation.name.id]):
            if other is not equation and len(other.indices) == len(equation.indices):
                found = self.left(other, position) if self.definition.free(other)[position] else ()
                if found:
                    return found[:1]
        return ()

    def read(self, name: str, scope: Sequence[ex.Expression]) -> tuple[Size, ...]:
        """What the tensors say that an index reads alone: first those that no condition on it guards."""
        found = [reading for node in scope for reading in readings(node)]
        plain = [reading for reading in found if not reading.entry.padded and name not in reading.guards]
        guarded = [reading for reading in found if not reading.entry.padded and name in reading.guards]
        padded = [reading for reading in found if reading.entry.padded]
        for readers in (plain, guarded, padded):
            sizes = [size for reading in readers for size in self.alone(name, reading)]
            if sizes:
                return tuple(sizes) if readers is plain else tuple(sizes[:1])
        return ()

    def alone(self, name: str, reading: Reading) -> Iterator[Size]:
        """The sizes of the dimensions at which an index stands alone."""
        for position, index in enumerate(reading.indices):
            own = index == RUN if name == "..." else index == ex.Name(name)
            size = self.size(reading, position) if own else None
            if size is not None:
                yield Size(size, index.span, f"dimension {position} of `{reading.text}`")

    def size(self, reading: Reading, position: int) -> ex.Expression | None:
        """The size of a dimension of what is read."""
        if reading.entry.inner:
            for layout in layouts_of(self.definition, reading.entry, self.left):
                if fits(layout, reading.indices):
                    size = layout.at(position, len(reading.indices), _run(reading.indices))
                    return None if size == UNTOLD else size
            return None
        shape = self.definition.scene.tensors.get(reading.name)
        if shape is not None:
            for layout in layouts(shape):
                if fits(layout, reading.indices):
                    return self.in_family(reading, layout.at(position, len(reading.indices), _run(reading.indices)))
            return None
        for equation in self.definition.named.get(reading.name, ()):
            if len(equation.indices) == len(reading.indices) and self.definition.free(equation)[position]:
                sizes = self.left(equation, position)
                if sizes:
                    return sizes[0].size
        return None

    def in_family(self, reading: Reading, size: ex.Expression | None) -> ex.Expression | None:
        """A size of one tensor of a family, which may depend on which one it is."""
        part = self.definition.scene.families.get(reading.name)
        if part is None or size is None:
            return size
        assert part.each is not None
        index, which = ex.Name(part.each.index), reading.indices[0]
        return ex.transform(size, lambda node: which if node == index else None)


def _run(indices: Sequence[ex.Expression]) -> int | None:
    """Where ``...`` stands among some indices."""
    return next((place for place, index in enumerate(indices) if index == RUN), None)
