"""How far each index runs: as it is written, as the output is declared, or as the tensors say that it indexes alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial, reduce

from layergen.definition.carried import layouts_of
from layergen.definition.entries import Reading, readings
from layergen.definition.grammar import Equation, is_run, run_name
from layergen.definition.layout import Runs, Size, layouts
from layergen.definition.scene import Definition, bare_index, parts, written_index
from layergen.diagnostics import Span
from layergen.lang import expression as ex

Left = tuple[Span, int]  # a free index of a left side: the equation, and its place there


@dataclass
class Ranges:
    """The ranges of a definition's indices."""

    definition: Definition
    asked: list[Left] = field(default_factory=list)  # what is being told, so that nothing goes round
    known: dict[Left, tuple[Size, ...]] = field(default_factory=dict)  # what has been told
    rounds: int = 0  # how often something would have gone round, so that what was told then is not all there is

    @property
    def runs(self) -> Runs:
        return self.definition.runs

    def left(self, equation: Equation, position: int) -> tuple[Size, ...]:
        """What says how far a free index on a left side runs; several where several tensors do."""
        key = equation.span, position
        if key in self.known:
            return self.known[key]
        if key in self.asked:
            self.rounds += 1
            return ()
        rounds = self.rounds
        self.asked.append(key)
        try:
            told = self.sought(equation, position)
        finally:
            self.asked.remove(key)
        if self.rounds == rounds or not self.asked:
            self.known[key] = told
        return told

    def sought(self, equation: Equation, position: int) -> tuple[Size, ...]:
        index = equation.indices[position]
        written = written_index(index)
        if written is None:
            return ()
        name, size = written
        size = size if size is not None else self.of_run(name)
        if size is not None:
            return (Size(size, index.span if name == "..." else size.span),)
        if declared := self.declared(equation, position):
            return (declared,)
        own = self.elsewhere(equation, position) or self.read(name, parts(equation))
        return own or self.others(equation, position)

    def of_run(self, name: str) -> ex.Expression | None:
        """The sizes of ``...``, and of a run for which they are written anywhere."""
        return self.runs.sizes if name == "..." else self.runs.written.get(name)

    def declared(self, equation: Equation, position: int) -> Size | None:
        """What the shape of the output, or of the buffer, says."""
        shape = self.definition.scene.told.get(equation.name.id)
        for layout in layouts(shape) if shape is not None else ():
            sizes = layout.told([bare_index(index) for index in equation.indices], self.runs)
            size = sizes[position] if sizes is not None else None
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
        size = self.of_run(name)
        if size is not None:
            return (Size(size, size.span),)
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
            own = run_name(index) == name if is_run(name) else index == ex.Name(name)
            size = self.size(reading, position) if own else None
            if size is not None:
                yield Size(size, index.span, f"dimension {position} of `{reading.text}`")

    def size(self, reading: Reading, position: int) -> ex.Expression | None:
        """The size of a dimension of what is read."""
        if reading.entry.inner:
            for layout in layouts_of(self.definition, reading.entry, self.left):
                sizes = layout.told(reading.indices, self.runs)
                if sizes is not None:
                    return sizes[position]
            return None
        shape = self.definition.scene.tensors.get(reading.name)
        if shape is not None:
            for layout in layouts(shape):
                sizes = layout.told(reading.indices, self.runs)
                if sizes is not None:
                    return self.in_family(reading, sizes[position])
            return None
        found: list[tuple[ex.Expression, ex.Expression]] = []
        for test, equations in cases_of(self.definition, reading.name):
            several = (own for own in equations if len(own.indices) == len(reading.indices))
            told = (self.left(own, position) for own in several if self.definition.free(own)[position])
            found += [(test, own[0].size) for own in told if own][:1]
        return self.chosen(found)

    def chosen(self, cases: Sequence[tuple[ex.Expression, ex.Expression]]) -> ex.Expression | None:
        """The size that holds among those of some cases, each with its test; None where no number tells the case."""
        size: ex.Expression | None = None
        for test, own in reversed(cases):
            if size is not None and own != size and not ex.names(test) <= self.definition.scene.numbers:
                return None
            size = own if size is None or own == size else ex.Conditional(test, own, size)
        return size

    def in_family(self, reading: Reading, size: ex.Expression | None) -> ex.Expression | None:
        """A size of one tensor of a family, which may depend on which one it is."""
        part = self.definition.scene.families.get(reading.name)
        if part is None or size is None:
            return size
        assert part.each is not None
        index, which = ex.Name(part.each.index), reading.indices[0]
        return ex.transform(size, lambda node: which if node == index else None)


def cases_of(definition: Definition, name: str) -> Sequence[tuple[ex.Expression, Sequence[Equation]]]:
    """The equations of a name that hold together, each time with what is true then and for none of those before."""
    found: dict[tuple[ex.Expression, ...], list[Equation]] = {}
    for equation in definition.named.get(name, ()):
        found.setdefault(equation.conditions, []).append(equation)
    passed = {ex.Unary("not", conditions[0]) for conditions in found if len(conditions) == 1}
    cases: list[tuple[ex.Expression, Sequence[Equation]]] = []
    for conditions, equations in found.items():
        own = [condition for condition in conditions if condition not in passed] or [*conditions]
        cases.append((reduce(partial(ex.Binary, "and"), own, *([] if own else [ex.Literal(True)])), equations))
    return cases


@lru_cache(maxsize=64)
def ranges_of(definition: Definition) -> Ranges:
    """The ranges of a definition's indices, which are told once however often it is evaluated."""
    return Ranges(definition)
