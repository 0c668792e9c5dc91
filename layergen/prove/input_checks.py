"""Which wrong input shapes torch would let through: those and no others need a check of our own.

Every size that an input must have, because an argument says so or because another input has it too, is set to 1 and to
other values, and the layer tried. Where torch refuses by itself, a check would only repeat it. What it refuses alone it
may take together with another: a transposed image has as many patches, and two tensors that are both too wide fit each
other. So each size is also changed with every other size of its input, and with all that must be as large.

The number of dimensions is part of what a shape promises: it is tried with one more and one less, and checked wherever
sizes are read, since a size that is not there would be an error of another kind; and where the module that the layer
matches says by a ValueError what is wrong, though torch would refuse it by another error. A size that determines a
dimension, as `C * 2` does, is always checked: where it leaves a remainder, the layer would compute with another size
than it was given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.prove.demands import (
    BroadcastDemand,
    Demand,
    InputCheck,
    LeadingDemand,
    ListDemand,
    RankDemand,
    Shape,
    SizeDemand,
    SolutionDemand,
    demands_of,
)
from layergen.resolve.program import Program
from layergen.resolve.signature import LEADING, Binding
from layergen.resolve.unbatched import telling
from layergen.run.forward import TrialFault
from layergen.run.instance import META, Instance
from layergen.run.matched import matched_inputs, matched_module
from layergen.settings.choice import Setting

TOGETHER = 2  # settings at which sizes are changed together
READING = SizeDemand | SolutionDemand | ListDemand  # whose checks read sizes, which must be there


def input_checks(program: Program, settings: Sequence[Setting], for_data: bool = False) -> Iterator[InputCheck]:
    """The checks that a layer needs, input by input.

    Args:
        program: The layer.
        settings: Where it is tried.
        for_data: Whether torch runs it with data alone: then nothing is tried, and all that is demanded is checked.
    """
    instances = [Instance(program, setting) for setting in settings]
    demands = list(demands_of(program))
    told = telling(program.inputs, program.left_out) if program.left_out else None
    tells = told.input if told else None
    found: list[InputCheck] = []
    for demand in demands:
        check = _checked(demand, instances, for_data) or _checked_together(demand, demands, found, instances)
        found += [check] if check else []
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


def _checked(demand: Demand, instances: Sequence[Instance], for_data: bool) -> InputCheck | None:
    """The check of a demand that torch does not keep by itself, at some setting."""
    if isinstance(demand, SolutionDemand):
        shown = ((instance.setting, _unsolved(instance, demand)) for instance in instances)
        return InputCheck(demand, *next((pair for pair in shown if pair[1]), (instances[0].setting, ())))
    for instance in _meant(demand, instances):
        shape = _shape(instance, demand.input)
        for wrong in _broken(shape, demand, instance):
            if wrong != shape and (for_data or _passes(instance, {demand.input: wrong})):
                return InputCheck(demand, instance.setting, (wrong,))
    return None


def _checked_together(
    demand: Demand, demands: Sequence[Demand], found: Sequence[InputCheck], instances: Sequence[Instance]
) -> InputCheck | None:
    """The check of a size that torch refuses alone, but takes where others are wrong with it."""
    if not isinstance(demand, SizeDemand):
        return None
    alike = [other for other in demands if isinstance(other, SizeDemand) and other.alike(demand)]
    told = any(check.demand in alike for check in found)
    for instance in islice(_meant(demand, instances), TOGETHER):
        shape = _shape(instance, demand.input)
        for wrong in _exchanged(shape, demand.entry.index):
            if _passes(instance, {demand.input: wrong}):
                return InputCheck(demand, instance.setting, (wrong,))
        there = [other for other in alike if instance in _meant(other, [instance])]
        for size in (shape[demand.entry.index] + 1, 2 * shape[demand.entry.index], 1) if len(there) > 1 else ():
            wrongs = _all_wrong(instance, there, size)
            if not told and wrongs[demand.input] != shape and _passes(instance, wrongs):
                return InputCheck(demand, instance.setting, (wrongs[demand.input],))
    return None


def _exchanged(shape: Shape, index: int) -> Iterator[Shape]:
    """Shapes of as many elements, in which one size and another have both changed."""
    own, index = shape[index], range(len(shape))[index]
    for other, size in enumerate(shape):
        for one, two in dict.fromkeys(((size, own), (2 * own, size // 2), (own * size, 1), (1, own * size))):
            if other != index and one * two == own * size and one != own:
                changed = {index: one, other: two}
                yield tuple(changed.get(at, old) for at, old in enumerate(shape))


def _all_wrong(instance: Instance, demands: Sequence[SizeDemand], size: int) -> dict[str, Shape]:
    """The shapes of the inputs in which all these sizes are another one."""
    wrong: dict[str, list[int]] = {}
    for demand in demands:
        wrong.setdefault(demand.input, list(_shape(instance, demand.input)))[demand.entry.index] = size
    return {name: tuple(shape) for name, shape in wrong.items()}


def _ranked(demand: RankDemand, instances: Sequence[Instance], reads: bool, tells: str | None) -> Iterator[InputCheck]:
    """The check of the number of dimensions, if sizes are read or torch takes another number."""
    for instance in _meant(demand, instances):
        shape = _shape(instance, demand.input)
        wrong = tuple(dict.fromkeys(_other_ranks(shape, demand, demand.least_at(instance))))
        if demand.input == tells:  # with one dimension less, it is a single sample
            wrong = (*(other[1:] for other in wrong if len(other) < len(shape) and other), *wrong)
            wrong = tuple(other for other in wrong if len(other) != len(shape) - 1)
        taken = wrong if reads else tuple(other for other in wrong if _passes(instance, {demand.input: other}))
        taken = taken or tuple(other for other in wrong if _said(instance, demand, other))
        if taken:
            fewer = [other for other in taken if len(other) < len(shape)]
            more = [other for other in taken if len(other) > len(shape)]
            yield InputCheck(demand, instance.setting, (*fewer[:1], *more[:1]))
            return


def _said(instance: Instance, demand: RankDemand, wrong: Shape) -> bool:
    """Whether the module that the layer matches refuses a shape by a ValueError, where torch raises another error."""
    if instance.program.matches is None:
        return False
    original = instance.inputs[demand.input]
    assert original is not None
    given = {**instance.inputs, demand.input: original.new_empty(wrong)}
    tensors = {name: tensor for name, tensor in given.items() if tensor is not None}
    theirs = _refused(lambda: matched_module(instance, META)(*matched_inputs(instance, given)))
    return theirs and not _refused(lambda: instance.run(True, inputs=tensors))


def _refused(run: Callable[[], object]) -> bool:
    """Whether something raises a ValueError, be it behind what has been made of it."""
    error: BaseException | None
    try:
        run()
    except Exception as raised:  # torch raises nearly everything
        error = raised
        while error is not None and not isinstance(error, ValueError):
            error = error.__context__
        return error is not None
    return False


def _spread(demand: BroadcastDemand, instances: Sequence[Instance]) -> Iterator[InputCheck]:
    """The check of an input that is broadcast, if torch takes one that makes the rest larger."""
    for instance in _meant(demand, instances):
        shape = tuple(instance.declared(demand.input))
        wrong = tuple(other for other in ((2, *shape),) if _passes(instance, {demand.input: other}))
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


def _passes(instance: Instance, shapes: Mapping[str, Shape]) -> bool:
    """Whether torch lets inputs of other shapes through, be it in training or in evaluation."""
    given: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        original = instance.inputs[name]
        assert original is not None
        given[name] = original.new_empty(shape)
    for training in instance.program.modes:
        try:
            instance.run(training, inputs=given)
        except TrialFault as fault:
            if not fault.unchecked:
                continue
        return True
    return False
