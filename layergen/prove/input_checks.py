"""Which wrong input shapes torch would let through: those and no others need a check of our own.

Every size that an input must have, because an argument says so or because another input has it too, is set to 1 and to
other values, and the layer tried. Where torch refuses by itself, a check would only repeat it. What it refuses alone it
may take together with another: a transposed image has as many patches, and two tensors that are both too wide fit each
other; of two that are joined, one may be as much too wide as the other is too narrow. So each size is also changed with
every other size of its input, with all that must be as large, and with one of another input that makes good for it.

The number of dimensions is part of what a shape promises: others are tried (`ranks.py`), and it is checked wherever
sizes are read, since a size that is not there would be an error of another kind; and where the module that the layer
matches says by a ValueError what is wrong, though torch would refuse it by another error; and where, without such a
module, torch's error does not speak of the shape, as that of a later op; and where a single sample is given a dimension
before torch sees it, whose error would have that too. A size that determines a dimension, as `C * 2` does, is checked
too: where it leaves a remainder, the layer would compute with another size than it was given. That is not so where the
forward does not read the dimension, and torch's error is the very one of the module that the layer matches.

A shape of which every size is known is checked as a whole, `state.shape != (N, H, D)`, as soon as one of its sizes is:
to leave another one to torch would take more words. Where the layer matches a module, torch's error is that of the
module.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

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
from layergen.prove.kept_by_torch import refusal_of_both
from layergen.prove.ranks import ranks_to_check
from layergen.prove.wrong_shapes import meant, passes, shape_of
from layergen.resolve.program import Program
from layergen.resolve.signature import LEADING, Binding
from layergen.resolve.unbatched import place_in, telling
from layergen.run.explain import Unexplained
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

SIMPLE = (Binding.FIXED, Binding.REPEATS)  # the sizes that are known where their input is checked
TOGETHER = 2  # settings at which sizes are changed together
READING = SizeDemand | SolutionDemand | ListDemand | LeadingDemand  # whose checks read sizes, which must be there


def input_checks(
    program: Program, settings: Sequence[Setting], for_data: bool = False, kept: Sequence[ex.Expression] = ()
) -> Iterator[InputCheck]:
    """The checks that a layer needs, input by input.

    Args:
        program: The layer.
        settings: Where it is tried.
        for_data: Whether torch runs it with data alone: then nothing is tried, and all that is demanded is checked.
        kept: Constraints that torch keeps by itself, for which the layer reads no sizes.
    """
    instances = [Instance(program, setting, explainer=Unexplained(program, setting)) for setting in settings]
    demands = list(demands_of(program))
    found: list[InputCheck] = []
    alone = {demand: _checked(demand, instances, for_data) for demand in demands}
    loose = [demand for demand in demands if isinstance(demand, SizeDemand) and alone[demand] is None]
    for demand in demands:
        check = alone[demand] or _checked_together(demand, demands, found, instances)
        check = check or _made_good(demand, [other for other in loose if not _is_checked(other, found)], instances)
        found += [check] if check else []
    found += _rest_of_shapes(program, demands, found, instances)
    found.sort(key=lambda check: demands.index(check.demand))  # sizes as they stand in their shapes
    compared = [demand.entry.expression for demand in _sizes(found)]
    asked_of = (node for node in program.size_constraints if node not in kept)
    used = program.forward.reads.union(*map(ex.names, (*compared, *asked_of)))
    read = (entry for name, dimension in program.dimensions.items() if name in used for entry in dimension.entries)
    sources = {entry.input for entry in read if entry.binding in (Binding.BINDS, Binding.SOLVED)}
    closed = {name: shapes for name, shapes in program.shapes.items() if not program.inputs[name].broadcast}
    asked = [RankDemand(name, sizes) for name, shapes in closed.items() for sizes in shapes]
    reading = {demand for demand in asked if demand.input in sources or _reads(demand, found)}
    reading |= {demand for demand in asked if _is_put_in(program, demand)}
    ranks = ranks_to_check(program, instances, asked, asked if for_data else reading)
    for name, shapes in program.shapes.items():
        if program.inputs[name].broadcast:
            yield from _spread(BroadcastDemand(name, shapes[0]), instances, for_data)
            continue
        for sizes in shapes:
            yield from (check for check in ranks if check.demand == RankDemand(name, sizes))
            yield from (check for check in found if check.input == name and check.demand.sizes == sizes)


def _rest_of_shapes(
    program: Program, demands: Sequence[Demand], found: Sequence[InputCheck], instances: Sequence[Instance]
) -> Iterator[InputCheck]:
    """The checks of sizes that torch keeps, of shapes of which each size is known and another one is checked."""
    if program.matches is not None:
        return
    checked = {demand: (demand.input, demand.sizes) for demand in _sizes(found)}
    absent = {name for name, argument in program.arguments.items() if argument.optional}
    for demand in demands:
        if not isinstance(demand, SizeDemand) or demand in checked:
            continue
        whole = (demand.input, demand.sizes)
        known = [other for other in demands if isinstance(other, SizeDemand) and (other.input, other.sizes) == whole]
        known = [other for other in known if other.entry.binding in SIMPLE]
        known = [other for other in known if absent.isdisjoint(ex.names(other.entry.expression))]
        if whole not in checked.values() or len(known) != len(demand.sizes.entries):
            continue
        for instance in islice(meant(demand, instances), 1):
            shape = shape_of(instance, demand.input)
            wrong = next(other for other in _broken(shape, demand, instance) if other != shape)
            yield InputCheck(demand, instance.setting, (wrong,))


def _reads(demand: RankDemand, found: Sequence[InputCheck]) -> bool:
    """Whether a check of the same shape reads sizes."""
    own = (check for check in found if check.input == demand.input and check.demand.sizes == demand.sizes)
    return any(isinstance(check.demand, READING) for check in own)


def _is_put_in(program: Program, demand: RankDemand) -> bool:
    """Whether the forward puts a dimension into an input, so that torch's error may have another shape than was given.

    The input by which it tells so is that itself, and no other number of dimensions is told from a batch.
    """
    if program.left_out is None or program.single or not demand.exact:
        return False
    told = telling(program.inputs, program.left_out)
    return told is not None and told.input != demand.input and place_in(demand.sizes, program.left_out) is not None


def _sizes(checks: Iterable[InputCheck]) -> Iterator[SizeDemand]:
    return (check.demand for check in checks if isinstance(check.demand, SizeDemand))


def _checked(demand: Demand, instances: Sequence[Instance], for_data: bool) -> InputCheck | None:
    """The check of a demand that torch does not keep by itself, at some setting."""
    if isinstance(demand, SolutionDemand):
        shown = [(instance, shapes) for instance in instances if (shapes := _unsolved(instance, demand))]
        if shown and all(_is_refused_alike(instance, demand, shapes) for instance, shapes in shown):
            return None
        first = ((instance.setting, shapes) for instance, shapes in shown)
        return InputCheck(demand, *next(first, (instances[0].setting, ())))
    for instance in meant(demand, instances):
        shape = shape_of(instance, demand.input)
        for wrong in _broken(shape, demand, instance):
            if wrong != shape and (for_data or passes(instance, {demand.input: wrong})):
                further = islice(_at_the_end(shape, wrong, demand, instance, for_data), 1)
                return InputCheck(demand, instance.setting, (wrong, *further))
    return _beside_a_wrong_one(demand, instances)


def _at_the_end(shape: Shape, known: Shape, demand: Demand, instance: Instance, for_data: bool) -> Iterator[Shape]:
    """Shapes in which the last of several sizes alone is wrong: a check of the first alone would take them."""
    start, count = _stretch(demand, instance)
    for size in (1, shape[start + count - 1] + 1) if count > 1 else ():
        wrong = _with(shape, start + count - 1, size)
        if wrong not in (shape, known) and (for_data or passes(instance, {demand.input: wrong})):
            yield wrong


def _stretch(demand: Demand, instance: Instance) -> tuple[int, int]:
    """Where the sizes start in a shape of which a demand speaks, and how many there are, if it speaks of several."""
    match demand:
        case ListDemand(expected=expected):
            before = demand.sizes.entries[: demand.entry.position]
            length = len(instance.interpreter(instance.scalars).evaluate(expected))
            return sum(_length(entry, instance) for entry in before), length
        case LeadingDemand():
            return 0, len(instance.setting.leading)
    return 0, 0


def _beside_a_wrong_one(demand: Demand, instances: Sequence[Instance]) -> InputCheck | None:
    """The check of a size that another input tells, where torch stretches that one, as the first of two."""
    if not isinstance(demand, SizeDemand) or not isinstance(demand.entry.expression, ex.Name):
        return None
    for instance in islice(meant(demand, instances), TOGETHER):
        dimension = instance.program.dimensions.get(demand.entry.expression.id)
        entries = dimension.entries if dimension is not None else ()
        told = next((entry for entry in entries if entry.binding is Binding.BINDS), None)
        if told is None or told.input == demand.input or instance.inputs[told.input] is None:
            continue
        shape, own = shape_of(instance, told.input), shape_of(instance, demand.input)
        if shape[told.index] != 1 and passes(instance, {told.input: _with(shape, told.index, 1)}):
            at = demand.entry.index
            return InputCheck(demand, instance.setting, (_with(own, at, own[at] + 1),))
    return None


def _with(shape: Shape, index: int, size: int) -> Shape:
    """A shape of which one size is another."""
    index = range(len(shape))[index]
    return (*shape[:index], size, *shape[index + 1 :])


def _checked_together(
    demand: Demand, demands: Sequence[Demand], found: Sequence[InputCheck], instances: Sequence[Instance]
) -> InputCheck | None:
    """The check of a size that torch refuses alone, but takes where others are wrong with it."""
    if not isinstance(demand, SizeDemand):
        return None
    alike = [other for other in demands if isinstance(other, SizeDemand) and other.alike(demand)]
    told = any(_is_checked(other, found) for other in alike)
    for instance in islice(meant(demand, instances), TOGETHER):
        shape = shape_of(instance, demand.input)
        for wrong in _exchanged(shape, demand.entry.index):
            if passes(instance, {demand.input: wrong}):
                return InputCheck(demand, instance.setting, (wrong,))
        there = [other for other in alike if instance in meant(other, [instance])]
        for size in (shape[demand.entry.index] + 1, 2 * shape[demand.entry.index], 1) if len(there) > 1 else ():
            wrongs = _all_wrong(instance, there, size)
            if not told and wrongs[demand.input] != shape and passes(instance, wrongs):
                return InputCheck(demand, instance.setting, (wrongs[demand.input],))
    return None


def _is_checked(demand: Demand, found: Sequence[InputCheck]) -> bool:
    return any(check.demand == demand for check in found)


def _made_good(demand: Demand, loose: Sequence[SizeDemand], instances: Sequence[Instance]) -> InputCheck | None:
    """The check of a size that torch takes where a size of another input makes good for it, as behind `cat`.

    Args:
        demand: What the size is to be.
        loose: What other sizes are to be that nothing checks, and that torch refuses alone.
        instances: Where the layer is tried.
    """
    if not isinstance(demand, SizeDemand) or demand not in loose:
        return None
    for other in (other for other in loose if other.input != demand.input):
        for instance in islice(meant(demand, list(meant(other, instances))), 1):
            own, beside = (shape_of(instance, each.input)[each.entry.index] for each in (demand, other))
            for one, two in _balanced(own, beside):
                wrongs = {**_all_wrong(instance, [demand], one), **_all_wrong(instance, [other], two)}
                if passes(instance, wrongs):
                    return InputCheck(demand, instance.setting, (wrongs[demand.input],))
    return None


def _balanced(one: int, two: int) -> Iterator[tuple[int, int]]:
    """Other pairs of sizes that have the same sum or the same product."""
    pairs = [(one + 1, two - 1), (one - 1, two + 1), (2 * one, two // 2), (one // 2, 2 * two), (one * two, 1)]
    for first, second in dict.fromkeys((*pairs, (1, one * two))):
        if min(first, second) > 0 and first != one and (first + second == one + two or first * second == one * two):
            yield first, second


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
        wrong.setdefault(demand.input, list(shape_of(instance, demand.input)))[demand.entry.index] = size
    return {name: tuple(shape) for name, shape in wrong.items()}


def _spread(demand: BroadcastDemand, instances: Sequence[Instance], for_data: bool) -> Iterator[InputCheck]:
    """The check of an input that is broadcast, if torch takes one that makes the rest larger, or lacks a dimension."""
    sized = instances[0].program.inputs[demand.input].broadcast == "sizes"
    for instance in meant(demand, instances):
        shape = tuple(instance.declared(demand.input))
        near = ((2, *shape), shape[1:]) if sized and shape else ((2, *shape),)
        wrong = tuple(other for other in near if for_data or passes(instance, {demand.input: other}))
        if wrong:
            yield InputCheck(demand, instance.setting, wrong)
            return


def _length(entry: ex.Expression, instance: Instance) -> int:
    """How many dimensions an entry of a shape stands for."""
    if entry == LEADING:
        return len(instance.setting.leading)
    if isinstance(entry, ex.Splice):
        return len(instance.interpreter(instance.scalars).evaluate(entry.value))
    return 1


def _broken(shape: Shape, demand: Demand, instance: Instance) -> Iterator[Shape]:
    """Shapes that break a demand."""
    leading = len(instance.setting.leading)
    if isinstance(demand, ListDemand):
        start, count = _stretch(demand, instance)
        for index in range(start, start + count):
            for size in (1, shape[index] + 1):
                yield (*shape[:index], size, *shape[index + 1 :])
        yield _turned(shape, start, count)
    elif isinstance(demand, LeadingDemand):
        yield (1,) * leading + shape[leading:]
        yield shape[leading:]
        yield _turned(shape, 0, leading)
    elif isinstance(demand, SizeDemand):
        index = demand.entry.index
        for wrong in (1, shape[index] + 1, 2 * shape[index], max(shape[index] // 2, 1), 3 * shape[index]):
            yield (*shape[:index], wrong, *shape[index:][1:])


def _turned(shape: Shape, start: int, count: int) -> Shape:
    """A shape of as many elements, in which some sizes stand the other way round."""
    return (*shape[:start], *shape[start : start + count][::-1], *shape[start + count :])


def _is_refused_alike(instance: Instance, demand: SolutionDemand, wrong: Sequence[Shape]) -> bool:
    """Whether the forward does not read a dimension, and torch's error is that of the module that the layer matches."""
    program = instance.program
    if program.matches is None or demand.equation.dimension in program.forward.reads:
        return False
    return all(refusal_of_both(instance.source, instance.setting, {demand.input: shape}) for shape in wrong)


def _unsolved(instance: Instance, demand: SolutionDemand) -> tuple[Shape, ...]:
    """The nearest shape of which a size determines no dimension, if one is near."""
    shape, index = shape_of(instance, demand.input), demand.entry.index
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
