"""Whether a layer has to check how many dimensions an input has.

Torch often refuses another number, but only as long as the sizes do not fit by accident: what an op lets through with
two dimensions less, a later one may mend by broadcasting, and more so where sizes are equal, or 1. So every number of
dimensions down to none is tried, and two more, with the sizes of the setting and with others: all of them 1, and all of
them as large as something that the layer has.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, islice

from layergen.prove.demands import InputCheck, RankDemand, Shape
from layergen.prove.wrong_shapes import meant, passes, shape_of
from layergen.resolve.program import Program
from layergen.resolve.unbatched import telling
from layergen.run.explain import Unexplained
from layergen.run.forward import TrialFault
from layergen.run.instance import META, Instance
from layergen.run.matched import matched_inputs, matched_module
from layergen.settings.choice import Setting, allowed

EQUAL = 4  # sizes that all dimensions are given at once
FURTHER = 2  # settings at which sizes are changed too
ALIKE: tuple[Callable[[Shape], Shape], ...] = (  # how the shapes of several inputs are changed at once
    lambda shape: (2, *shape),
    lambda shape: (*shape, 2),
    lambda shape: shape[1:],
    lambda shape: shape[:-1],
)
DIMENSIONS = r"\b[0-9]-?(D|dim)"  # how torch speaks of a number of dimensions
MORE = 2  # of these give more dimensions


def ranks_to_check(
    program: Program, instances: Sequence[Instance], asked: Sequence[RankDemand], reading: Collection[RankDemand]
) -> list[InputCheck]:
    """The checks of numbers of dimensions that torch does not keep by itself, and of inputs whose sizes are read.

    Args:
        program: The layer.
        instances: The layer at some settings.
        asked: How many dimensions the inputs have.
        reading: Those of inputs whose sizes are read.
    """
    told = telling(program.inputs, program.left_out) if program.left_out else None
    tells = told.input if told else None
    found = [check for demand in asked for check in _ranked(demand, instances, demand in reading, tells)]
    for demand in asked:
        held = {check.input for check in found}
        free = [other for other in asked if other.input not in held and other.exact]
        if demand in free and len(free) > 1:
            found += islice(_together(demand, free, instances, tells), 1)
    return found


def _ranked(demand: RankDemand, instances: Sequence[Instance], reads: bool, tells: str | None) -> Iterator[InputCheck]:
    """The check of the number of dimensions of one input, if sizes are read or torch takes another number."""
    for instance in meant(demand, instances):
        shape = shape_of(instance, demand.input)
        near = _told(demand, shape, _near(shape, demand, demand.least_at(instance)), tells)
        taken = near if reads else tuple(_taken(instance, demand, near))
        taken = taken or tuple(other for other in near if _said(instance, demand, other))
        taken = taken or tuple(other for other in near if _unclear(instance, demand, other))
        if taken:
            yield _check(demand, instance.setting, shape, taken)
            return
    for instance in islice(meant(demand, instances), FURTHER):
        shape = shape_of(instance, demand.input)
        tried = set[Shape]()
        for other in (instance, *_others(instance)):
            own = shape_of(other, demand.input)
            far = [wrong for wrong in _told(demand, own, _far(own, demand, other), tells) if wrong not in tried]
            tried.update(far)
            taken = tuple(islice(_taken(other, demand, far), 1))
            if taken:
                yield _check(demand, instance.setting, shape, taken)
                return


def _together(
    demand: RankDemand, free: Sequence[RankDemand], instances: Sequence[Instance], tells: str | None
) -> Iterator[InputCheck]:
    """The checks of a number of dimensions that torch refuses alone, but takes where other inputs are wrong with it."""
    for instance in islice(meant(demand, instances), FURTHER):
        there = [other for other in free if other != demand and instance in meant(other, [instance])]
        for others in dict.fromkeys((tuple(there), *((other,) for other in there))):
            names = [demand.input, *(other.input for other in others)]
            shapes = {name: shape_of(instance, name) for name in names}
            for change in ALIKE if tells not in names else ALIKE[:MORE]:
                wrong = {name: change(shape) for name, shape in shapes.items()}
                if others and wrong[demand.input] != shapes[demand.input] and passes(instance, wrong):
                    yield InputCheck(demand, instance.setting, (wrong[demand.input],))


def _check(demand: RankDemand, setting: Setting, shape: Shape, taken: Sequence[Shape]) -> InputCheck:
    """The check, with a shape of fewer dimensions and one of more, of those that are taken."""
    fewer = [other for other in taken if len(other) < len(shape)]
    # One that begins as it should is not refused for the size of its first dimension.
    more = sorted((other for other in taken if len(other) > len(shape)), key=lambda other: other[: len(shape)] != shape)
    return InputCheck(demand, setting, (*fewer[:1], *more[:1]))


def _taken(instance: Instance, demand: RankDemand, wrong: Sequence[Shape]) -> Iterator[Shape]:
    return (other for other in wrong if passes(instance, {demand.input: other}))


def _told(demand: RankDemand, shape: Shape, wrong: Iterator[Shape], tells: str | None) -> tuple[Shape, ...]:
    """Those of some shapes that are wrong: with one dimension less, the input that tells so is a single sample."""
    found = tuple(dict.fromkeys(wrong))
    if demand.input != tells:
        return found
    least = len(shape) if demand.exact else demand.sizes.least
    shorter = (other[1:] for other in found if len(other) < least and other)
    return tuple(other for other in dict.fromkeys((*shorter, *found)) if len(other) != least - 1)


def _near(shape: Shape, demand: RankDemand, least: int) -> Iterator[Shape]:
    """Shapes with one dimension less, and with one more."""
    if not demand.exact:
        yield from (shape[len(shape) - least + 1 :],) if least else ()
        return
    if shape:
        yield from (shape[1:], shape[:-1])
    yield from ((1, *shape), (2, *shape), (*shape, 1), (*shape, 2))


def _far(shape: Shape, demand: RankDemand, instance: Instance) -> Iterator[Shape]:
    """Shapes that lack any dimensions, and that have up to two more, as large as one of them or 1."""
    least = demand.least_at(instance)
    before = demand.sizes.loose
    own = shape if before is None else shape[:before] + shape[before + len(shape) - least :]
    yield from chain.from_iterable(combinations(own, count) for count in (least - 1, least - 2) if count >= 0)
    yield from (own[:count] for count in range(least - 3, -1, -1))
    if demand.exact:
        for size in dict.fromkeys((1, *shape)):
            yield from ((size, *shape), (*shape, size), (*shape[:1], size, *shape[1:]))
            yield from ((size, size, *shape), (*shape, size, size), (size, *shape, size))


def _others(instance: Instance) -> Iterator[Instance]:
    """The layer with other sizes: all of them 1, and all as large as a tensor that it has, or as one of its inputs."""
    program, setting = instance.source, instance.setting
    tensors = (*instance.state.values(), *instance.inputs.values())
    large = {size for tensor in tensors if tensor is not None for size in tensor.shape if size > 1}
    for size in (1, *sorted(large)[:EQUAL]):
        alike = replace(setting, sizes=dict.fromkeys(setting.sizes, size))
        if alike != setting and (other := _instance(program, alike)) is not None:
            yield other


def _instance(program: Program, setting: Setting) -> Instance | None:
    """The layer at a setting that it allows."""
    if not allowed(program, setting):
        return None
    try:
        return Instance(program, setting, explainer=Unexplained(program, setting))
    except TrialFault:
        return None


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


def _unclear(instance: Instance, demand: RankDemand, wrong: Shape) -> bool:
    """Whether torch refuses a shape by an error that has neither it nor a number of dimensions.

    Where a layer matches a module, that one's users know what it says.
    """
    if instance.program.matches is not None or not demand.exact:
        return False
    original = instance.inputs[demand.input]
    assert original is not None
    try:
        instance.run(instance.program.modes[0], inputs={demand.input: original.new_empty(wrong)})
    except Exception as raised:  # torch raises nearly everything
        first: BaseException = raised
        while first.__context__ is not None:
            first = first.__context__
        shape = ", ".join(map(str, wrong))
        told = re.search(rf"{DIMENSIONS}|[\[(]{shape},?[\])]", str(first))
        return told is None and not isinstance(first, ValueError)
    return False


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
