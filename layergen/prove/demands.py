"""What the shape of an input must have: the demands that a layer checks, where torch does not keep them itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.lang import expression as ex
from layergen.resolve.equation import Equation
from layergen.resolve.program import Program
from layergen.resolve.signature import Binding, Entry, Show, Sizes
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Demand:
    """Something that the shape of an input must have."""

    input: str
    sizes: Sizes  # the shape, of those that it may be


@dataclass(frozen=True)
class SizeDemand(Demand):
    """One size is what arguments, another input or another size of the same input say."""

    entry: Entry

    def alike(self, other: "SizeDemand") -> bool:
        """Whether it says the same of a size."""
        return self.entry.expression == other.entry.expression


@dataclass(frozen=True)
class SolutionDemand(Demand):
    """One size determines a dimension."""

    entry: Entry
    equation: Equation
    condition: ex.Expression  # on the size, as it is read


@dataclass(frozen=True)
class LeadingDemand(Demand):
    """The leading dimensions are those of another input."""

    entry: Entry
    source: Entry  # of the input that is always there and has them first


@dataclass(frozen=True)
class ListDemand(Demand):
    """Some sizes are those of a list."""

    entry: Entry
    expected: ex.Expression


@dataclass(frozen=True)
class RankDemand(Demand):
    """There are as many dimensions as the shape has entries; at least as many, where some may lead."""

    @property
    def exact(self) -> bool:
        return self.sizes.loose is None

    def least(self, show: Show = ex.show) -> str:
        """How many dimensions there are at least, as Python."""
        lengths = [f"len({show(part)})" for part in self.sizes.lists]
        return " + ".join([*([str(self.sizes.least)] if self.sizes.least or not lengths else []), *lengths])

    def least_at(self, instance: Instance) -> int:
        """How many there are at the setting of an instance."""
        interpreter = instance.interpreter(instance.scalars)
        return self.sizes.least + sum(len(interpreter.evaluate(part)) for part in self.sizes.lists)


@dataclass(frozen=True)
class InputCheck:
    """A demand that the layer has to check itself."""

    demand: Demand
    setting: Setting  # one at which the shape is meant to be this one
    wrong: tuple[Shape, ...]  # shapes of the input that only this check refuses

    @property
    def input(self) -> str:
        return self.demand.input


class BroadcastDemand(Demand):
    """It broadcasts to its shape, which it does not make larger."""


def lists_of(demand: Demand) -> tuple[ex.Expression, ...]:
    """The lists of sizes that must be known where a demand is checked."""
    match demand:
        case ListDemand(expected=expected):
            return (expected,)
        case BroadcastDemand(sizes=sizes):
            return sizes.lists
    return ()


def demands_of(program: Program) -> Iterator[Demand]:
    """What sizes must be, because an argument says so, or because another input has them too."""
    leading = [entry for entry in program.entries if entry.binding is Binding.LEADING and entry.position == 0]
    first = next((entry for entry in leading if not entry.needs), None)
    for entry in program.entries:
        if program.inputs[entry.input].broadcast:
            continue
        if first is not None and entry in leading and entry is not first:
            yield LeadingDemand(entry.input, entry.sizes, entry, first)
        if entry.binding is Binding.LIST and isinstance(entry.expression, ex.Splice):
            yield ListDemand(entry.input, entry.sizes, entry, entry.expression.value)
            continue
        if entry.solves is not None:
            condition = entry.solves.condition(entry.size)
            if condition is not None:
                yield SolutionDemand(entry.input, entry.sizes, entry, entry.solves, condition)
        elif entry.binding not in (Binding.BINDS, Binding.LEADING, Binding.RUN) and _known(program, entry):
            yield SizeDemand(entry.input, entry.sizes, entry)


def _known(program: Program, entry: Entry) -> bool:
    """Whether the dimensions in an entry have a size wherever there is the entry."""
    mentioned = ex.names(entry.expression) & set(program.dimensions)
    return all(program.dimensions[name].at(entry.needs) for name in mentioned)
