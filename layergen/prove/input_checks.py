"""Which wrong input shapes torch would let through: those and no others need a check of our own.

Every size that an input must have, because an argument says so or because another input has it too, is set to 1 and to
other values, and the layer tried. Where torch refuses by itself, a check would only repeat it. The number of dimensions
is part of what a shape promises: it is tried with one more and one less, and checked wherever sizes are read, since a
size that is not there would be an error of another kind. A size that determines a dimension, as `C * 2` does, is always
checked: where it leaves a remainder, the layer would compute with another size than it was given.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.equation import Equation
from layergen.resolve.program import Program
from layergen.resolve.signature import LEADING, Binding, Entry, Show, Sizes
from layergen.resolve.unbatched import telling
from layergen.run.forward import TrialFault
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
        return self.sizes.leading is None

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


READING = SizeDemand | SolutionDemand | ListDemand  # whose checks read sizes, which must be there


def input_checks(program: Program, settings: Sequence[Setting], for_data: bool = False) -> Iterator[InputCheck]:
    """The checks that a layer needs, input by input.

    Args:
        program: The layer.
        settings: Where it is tried.
        for_data: Whether torch runs it with data alone: then nothing is tried, and all that is demanded is checked.
    """
    instances = [Instance(program, setting) for setting in settings]
    demands = list(_demands(program))
    told = telling(program.inputs, program.left_out) if program.left_out else None
    tells = told.input if told else None
    found = [check for demand in demands if (check := _checked(demand, instances, for_data))]
    compared = [demand.entry.expression for demand in _sizes(found)]
    used = program.forward.reads.union(*map(ex.names, (*compared, *program.size_constraints)))
    read = (entry for name, dimension in program.dimensions.items() if name in used for entry in dimension.entries)
    sources = {entry.input for entry in read if entry.binding in (Binding.BINDS, Binding.SOLVED)}
    for name, shapes in program.shapes.items():
        if program.inputs[name].broadcast:
            yield from _spread(BroadcastDemand(name, shapes[0]), instances)
            continue
        for sizes in shapes:
            own = [check for check in found if check.input == name and check.demand.sizes == sizes]
            reads = name in sources or any(isinstance(check.demand, READING) for check in own)
            yield from _ranked(RankDemand(name, sizes), instances, reads or for_data, tells)
            yield from own


def _sizes(checks: Iterable[InputCheck]) -> Iterator[SizeDemand]:
    return (check.demand for check in checks if isinstance(check.demand, SizeDemand))


def _demands(program: Program) -> Iterator[Demand]:
    """What sizes must be, because an argument says so, or because another input has them too."""
    leading = [entry for entry in program.entries if entry.binding is Binding.LEADING and entry.position == 0]
    first = next((entry for entry in leading if not entry.needs), None)
    for entry in program.entries:
        if program.inputs[entry.input].broadcast:
            continue
        if first is not None and entry in leading and entry is not first:
            yield LeadingDemand(entry.input, entry.sizes, entry, first)
        if isinstance(entry.expression, ex.Splice):
            yield ListDemand(entry.input, entry.sizes, entry, entry.expression.value)
            continue
        if entry.solves is not None:
            condition = entry.solves.condition(entry.size)
            if condition is not None:
                yield SolutionDemand(entry.input, entry.sizes, entry, entry.solves, condition)
        elif entry.binding not in (Binding.BINDS, Binding.LEADING) and _known(program, entry):
            yield SizeDemand(entry.input, entry.sizes, entry)


def _known(program: Program, entry: Entry) -> bool:
    """Whether the dimensions in an entry have a size wherever there is the entry."""
    mentioned = ex.names(entry.expression) & set(program.dimensions)
    return all(program.dimensions[name].at(entry.needs) for name in mentioned)


def _checked(demand: Demand, instances: Sequence[Instance], for_data: bool) -> InputCheck | None:
    """The check of a demand that torch does not keep by itself, at some setting."""
    if isinstance(demand, SolutionDemand):
        shown = ((instance.setting, _unsolved(instance, demand)) for instance in instances)
        return InputCheck(demand, *next((pair for pair in shown if pair[1]), (instances[0].setting, ())))
    for instance in _meant(demand, instances):
        shape = _shape(instance, demand.input)
        for wrong in _broken(shape, demand, instance):
            if wrong != shape and (for_data or _passes(instance, demand.input, wrong)):
                return InputCheck(demand, instance.setting, (wrong,))
    return None


def _ranked(demand: RankDemand, instances: Sequence[Instance], reads: bool, tells: str | None) -> Iterator[InputCheck]:
    """The check of the number of dimensions, if sizes are read or torch takes another number."""
    for instance in _meant(demand, instances):
        shape = _shape(instance, demand.input)
        wrong = tuple(dict.fromkeys(_other_ranks(shape, demand, demand.least_at(instance))))
        if demand.input == tells:  # with one dimension less, it is a single sample
            wrong = (*(other[1:] for other in wrong if len(other) < len(shape) and other), *wrong)
            wrong = tuple(other for other in wrong if len(other) != len(shape) - 1)
        taken = wrong if reads else tuple(other for other in wrong if _passes(instance, demand.input, other))
        if taken:
            fewer = [other for other in taken if len(other) < len(shape)]
            more = [other for other in taken if len(other) > len(shape)]
            yield InputCheck(demand, instance.setting, (*fewer[:1], *more[:1]))
            return


def _spread(demand: BroadcastDemand, instances: Sequence[Instance]) -> Iterator[InputCheck]:
    """The check of an input that is broadcast, if torch takes one that makes the rest larger."""
    for instance in _meant(demand, instances):
        shape = tuple(instance.declared(demand.input))
        wrong = tuple(other for other in ((2, *shape),) if _passes(instance, demand.input, other))
        if wrong:
            yield InputCheck(demand, instance.setting, wrong)
            return


def _other_ranks(shape: Shape, demand: RankDemand, least: int) -> Iterator[Shape]:
    """Shapes with one dimension less, and with one more."""
    if not demand.exact:
        yield from (shape[len(shape) - least + 1 :],) if least else ()
        return
    if shape:
        yield from (shape[1:], shape[:-1])
    yield from ((1, *shape), (2, *shape), (*shape, 1), (*shape, 2))


def _meant(demand: Demand, instances: Sequence[Instance]) -> Iterator[Instance]:
    """The instances in which an input is there and has this shape."""
    for instance in instances:
        interpreter = instance.interpreter(instance.scalars)
        try:
            holds = all(interpreter.truth(test) == expected for test, expected in demand.sizes.tests)
        except EvaluationFault:
            continue
        if holds and instance.inputs[demand.input] is not None:
            yield instance


def _shape(instance: Instance, name: str) -> Shape:
    tensor = instance.inputs[name]
    assert tensor is not None
    return tuple(tensor.shape)


def _broken(shape: Shape, demand: Demand, instance: Instance) -> Iterator[Shape]:
    """Shapes that break a demand."""
    leading = len(instance.setting.leading)
    if isinstance(demand, ListDemand):
        before, position = demand.sizes.entries[: demand.entry.position], demand.entry.position
        start = position - 1 + leading if LEADING in before else position
        count = len(instance.interpreter(instance.scalars).evaluate(demand.expected))
        for index in range(start, start + count):
            for size in (1, shape[index] + 1):
                yield (*shape[:index], size, *shape[index + 1 :])
    elif isinstance(demand, LeadingDemand):
        yield (1,) * leading + shape[leading:]
        yield shape[leading:]
    elif isinstance(demand, SizeDemand):
        index = demand.entry.index
        for wrong in (1, shape[index] + 1, 2 * shape[index], max(shape[index] // 2, 1), 3 * shape[index]):
            yield (*shape[:index], wrong, *shape[index:][1:])


def _unsolved(instance: Instance, demand: SolutionDemand) -> tuple[Shape, ...]:
    """The nearest shape of which a size determines no dimension, if one is near."""
    shape, index = _shape(instance, demand.input), demand.entry.index
    for size in range(shape[index] + 1, -1, -1):
        try:
            holds = instance.interpreter({**instance.scalars, ex.show(demand.entry.size): size}).truth(demand.condition)
        except EvaluationFault:
            continue
        if not holds:
            sizes = list(shape)
            sizes[index] = size
            return (tuple(sizes),)
    return ()


def _passes(instance: Instance, name: str, shape: Shape) -> bool:
    """Whether torch lets an input of another shape through, be it in training or in evaluation."""
    original = instance.inputs[name]
    assert original is not None
    for training in instance.program.modes:
        try:
            instance.run(training, inputs={name: original.new_empty(shape)})
        except TrialFault as fault:
            if not fault.unchecked:
                continue
        return True
    return False
