"""Which wrong input shapes torch would let through: those and no others need a check of our own.

Every size that an input must have, because an argument says so or because another input has it too, is set to 1 and to
another value, and the layer tried. Where torch refuses by itself, a check would only repeat it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting


@dataclass(frozen=True)
class Demand:
    """Something that the shape of an input must have."""

    input: str
    index: int | None  # of a size, from the end where leading dimensions stand before it; None: all leading dimensions
    expected: ex.Expression  # an expression in arguments, a dimension, or ``...``
    tail: int = 0  # how many sizes follow the leading dimensions
    source: tuple[str, int] | None = None  # the input that has the leading dimensions first, and what follows them

    def attribute(self) -> str:
        """The part of the input that it is about, as Python: ``x.shape[-1]``."""
        return leading(self.input, self.tail) if self.index is None else f"{self.input}.shape[{self.index}]"

    def demanded(self) -> str | None:
        """The leading dimensions that it must be, as Python; None if it is about one size."""
        return leading(*self.source) if self.index is None and self.source else None


@dataclass(frozen=True)
class InputCheck:
    """A demand that the layer has to check itself."""

    demand: Demand
    shapes: tuple[tuple[int, ...] | None, ...]  # of all inputs, breaking it so that torch lets it through

    @property
    def input(self) -> str:
        return self.demand.input


def leading(name: str, tail: int) -> str:
    """The leading dimensions of an input, as Python."""
    return f"{name}.shape[:-{tail}]" if tail else f"{name}.shape"


def input_checks(program: Program, setting: Setting, on_data: bool = False) -> Iterator[InputCheck]:
    """The checks that a layer needs. One that torch runs on data alone is not tried, and checks whatever it demands."""
    usual = Instance(program, setting)
    shapes = {name: None if tensor is None else tuple(tensor.shape) for name, tensor in usual.inputs.items()}
    for demand in _demands(program):
        shape = shapes[demand.input]
        for wrong in _broken(shape, demand, len(setting.leading)) if shape is not None else ():
            if wrong != shape and (on_data or _passes(usual, demand.input, wrong)):
                yield InputCheck(demand, tuple({**shapes, demand.input: wrong}.values()))
                break


def _broken(shape: tuple[int, ...], demand: Demand, leading: int) -> Iterator[tuple[int, ...]]:
    """Shapes that break a demand."""
    if demand.index is None:
        yield (1,) * leading + shape[leading:]
        yield shape[leading:]
        return
    for wrong in (1, shape[demand.index] + 1, 2 * shape[demand.index]):
        sizes = list(shape)
        sizes[demand.index] = wrong
        yield tuple(sizes)


def _demands(program: Program) -> Iterator[Demand]:
    """What the shapes of inputs must have, because an argument says so, or because another input has it too."""
    bound: set[str] = set()
    first: tuple[str, int] | None = None  # who has the leading dimensions first
    names = program.dimensions
    for name, tensor in program.inputs.items():
        entries = tensor.shape if isinstance(tensor.shape, tuple) else ()
        ellipsis = entries.index(ex.Literal(...)) if ex.Literal(...) in entries else len(entries)
        for position, entry in enumerate(entries):
            index = position if position < ellipsis else position - len(entries)
            if entry == ex.Literal(...):
                tail = len(entries) - position - 1
                if first is not None and position == 0:
                    yield Demand(name, None, entry, tail, first)
                elif position == 0 and not tensor.optional:
                    first = (name, tail)
            elif isinstance(entry, ex.Name) and entry.id in names:
                if entry.id in bound:
                    yield Demand(name, index, entry)
                elif not tensor.optional:
                    bound.add(entry.id)
            elif not ex.names(entry) & set(names):  # what is computed from dimensions is seldom, and torch sees it
                yield Demand(name, index, entry)


def _passes(instance: Instance, name: str, shape: tuple[int, ...]) -> bool:
    """Whether torch lets an input of another shape through."""
    original = instance.inputs[name]
    assert original is not None
    try:
        instance.run(training=True, inputs={name: original.new_empty(shape)})
    except TrialFault:
        return False
    return True
