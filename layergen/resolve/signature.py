"""How the inputs of a layer bind its dimensions: what each entry of a shape is to a caller."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from layergen.diagnostics import Place
from layergen.lang import expression as ex
from layergen.lang.model import Input, LayerSpec


class Binding(Enum):
    """What an entry of an input's shape does."""

    BINDS = auto()  # it gives a dimension its size
    REPEATS = auto()  # it must be as large as the dimension is already
    FIXED = auto()  # arguments say how large it must be
    COMPUTED = auto()  # dimensions do, by more than a bare name
    LEADING = auto()  # it stands for any dimensions


@dataclass(frozen=True)
class Entry:
    """One entry of the shape of an input."""

    input: str
    position: int  # in the shape as it is written
    index: int  # of the size: from the end where leading dimensions stand before it
    tail: int  # how many entries follow
    expression: ex.Expression
    binding: Binding

    @property
    def place(self) -> Place:
        return Place(("inputs", self.input, "shape", self.position), self.expression.span)


@dataclass(frozen=True)
class Dimension:
    """A size that the inputs bring with them."""

    name: str
    entries: tuple[Entry, ...]  # where it stands alone, in the order of the inputs
    source: Entry  # the one that gives it its size: of an input that is always there, if there is one
    optional: str | None  # the input without which it has no size


def entries(inputs: Mapping[str, Input], scalars: Iterable[str]) -> Iterator[Entry]:
    """The entries of all inputs whose shape is a list, in order.

    Args:
        inputs: The inputs of a layer.
        scalars: The names of its arguments and derived values; any other bare name is a dimension.
    """
    known, bound = set(scalars), set[str]()
    dimensions = {name for tensor in inputs.values() for name in _bare(tensor) if name not in known}
    for name, tensor in inputs.items():
        shape = tensor.shape if isinstance(tensor.shape, tuple) else ()
        leading = shape.index(ex.Literal(...)) if ex.Literal(...) in shape else len(shape)
        for position, expression in enumerate(shape):
            index = position if position < leading else position - len(shape)
            binding = _binding(expression, dimensions, bound)
            yield Entry(name, position, index, len(shape) - position - 1, expression, binding)
            if binding is Binding.BINDS and not tensor.optional:
                bound |= ex.names(expression)


def _bare(tensor: Input) -> Iterator[str]:
    """The names that stand alone in a shape that is a list."""
    return (entry.id for entry in tensor.entries if isinstance(entry, ex.Name) and isinstance(tensor.shape, tuple))


def _binding(expression: ex.Expression, dimensions: set[str], bound: set[str]) -> Binding:
    if expression == ex.Literal(...):
        return Binding.LEADING
    if isinstance(expression, ex.Name) and expression.id in dimensions:
        return Binding.REPEATS if expression.id in bound else Binding.BINDS
    return Binding.COMPUTED if ex.names(expression) & dimensions else Binding.FIXED


def leading_source(inputs: Mapping[str, Input]) -> Entry | None:
    """The ``...`` of the first input that is always there and has one: where the leading dimensions can be read."""
    found = (entry for entry in entries(inputs, ()) if entry.binding is Binding.LEADING)
    return next((entry for entry in found if not inputs[entry.input].optional), None)


def dimensions_of(inputs: Mapping[str, Input], found: Iterable[Entry]) -> dict[str, Dimension]:
    """The dimensions that some entries bind, in their order."""
    where: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.binding in (Binding.BINDS, Binding.REPEATS) and isinstance(entry.expression, ex.Name):
            where.setdefault(entry.expression.id, []).append(entry)
    dimensions = {}
    for name, several in where.items():
        source = next((entry for entry in several if not inputs[entry.input].optional), several[0])
        optional = several[0].input if inputs[source.input].optional else None
        dimensions[name] = Dimension(name, tuple(several), source, optional)
    return dimensions


def read_dimensions(inputs: Mapping[str, Input], scalars: Iterable[str]) -> dict[str, Dimension]:
    """The dimensions of a layer with these inputs, and these names of arguments and derived values."""
    return dimensions_of(inputs, entries(inputs, scalars))


def dimensions(spec: LayerSpec) -> dict[str, Dimension]:
    """The dimensions of a spec that is not resolved yet."""
    return read_dimensions(spec.inputs, (*spec.arguments, *spec.derived))
