"""Inputs that lie at the edges of what a layer allows: zeros, equal rows, ends of ranges, masks that mark nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from layergen.domains.labels import EDGES as LABELS
from layergen.domains.labels import all_of, labels
from layergen.domains.site import Edge
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Buffer, Parameter
from layergen.run.environment import CONSTANTS, TensorCalls
from layergen.run.initial import evaluated
from layergen.run.instance import Instance
from layergen.run.on_data import draw_inputs
from layergen.run.starting import begin

CPU = torch.device("cpu")
Change = Callable[[Instance], None]

SINGULAR = frozenset({Edge.ROOT, Edge.LOGARITHM, Edge.DIVISION, Edge.POWER, Edge.ARC})


@dataclass(frozen=True)
class Draw:
    """One way to choose the inputs of a layer.

    Attributes:
        words: Which inputs they are, as the end of "where …".
        change: Makes them out of ordinary ones.
        edges: At which edges they are of use.
    """

    words: str
    change: Change
    edges: frozenset[Edge] = frozenset(Edge)


def fill(instance: Instance) -> None:
    """Ordinary values: inputs of their ranges, buffers as they start, parameters about 1.

    A parameter that starts with the same number everywhere keeps it, unless that is 0: a learned exponent is ordinary
    where it starts.
    """
    draw_inputs(instance, dict(_inputs(instance)))
    begin(instance)
    for name in instance.program.tensors:
        owned = instance.state[name]
        if owned is None:
            continue
        if owned.is_floating_point():
            owned.uniform_(0.5, 1.5)
        else:
            owned.zero_()
        drawn = owned.clone()
        start(instance, instance.program.tensors[name], owned)
        if name in instance.program.parameters and not (owned.numel() and _settled(owned)):
            owned.copy_(drawn)


def _settled(tensor: Tensor) -> bool:
    first = tensor.reshape(-1)[0]
    return bool(first != 0) and bool((tensor == first).all())


def start(instance: Instance, part: Parameter | Buffer, tensor: Tensor) -> None:
    """Give a tensor its initial value, where that asks for nothing but numbers."""
    values = {**CONSTANTS, **instance.setting.values}
    init = part.init.value
    try:
        if is_initializer(init):
            interpreter = Interpreter(values)
            arguments = [interpreter.evaluate(argument) for argument in init.arguments]
            keywords = {keyword.name: interpreter.evaluate(keyword.value) for keyword in init.keywords}
            interpreter.guarded(init, lambda: getattr(nn.init, f"{init.function}_")(tensor, *arguments, **keywords))
        else:
            tensor.copy_(evaluated(instance, part, TensorCalls(CPU, tensor.dtype), instance.state))
    except (EvaluationFault, RuntimeError, TypeError):
        return  # a fan of another tensor: any value will do


def _inputs(instance: Instance) -> Iterator[tuple[str, Tensor]]:
    return ((name, tensor) for name, tensor in instance.inputs.items() if tensor is not None)


def _floating(instance: Instance) -> Iterator[tuple[Tensor, tuple[float, float] | None]]:
    """The floating inputs, and between what they lie."""
    ranges = dict(instance.ranges())
    for name, tensor in _inputs(instance):
        if tensor.is_floating_point():
            yield tensor, ranges.get(name)


def _ordinary(instance: Instance) -> None:
    """As they are drawn."""


def _filled(number: float) -> Change:
    def change(instance: Instance) -> None:
        for tensor, limits in _floating(instance):
            if limits is None or limits[0] <= number < limits[1]:
                tensor.fill_(number)

    return change


def _at_low_end(instance: Instance) -> None:
    for tensor, limits in _floating(instance):
        if limits is not None:
            tensor.fill_(limits[0])


def _equal(instance: Instance) -> None:
    """All rows the same, in all inputs of one shape."""
    rows: dict[tuple[int, ...], Tensor] = {}
    for tensor, _ in _floating(instance):
        if tensor.dim():
            shape = tuple(tensor.shape)
            row = rows.setdefault(shape, tensor[:1].clone())
            tensor.copy_(row.expand_as(tensor))


def _same(instance: Instance) -> None:
    """The inputs of one shape the same."""
    first: dict[tuple[int, ...], Tensor] = {}
    for tensor, _ in _floating(instance):
        tensor.copy_(first.setdefault(tuple(tensor.shape), tensor.clone()))


def _aligned(sign: float, dim: int) -> Change:
    """Unit vectors in one direction, as the rows of weights and of inputs."""

    def change(instance: Instance) -> None:
        for tensor, limits in _floating(instance):
            if limits is None and -tensor.dim() <= dim < tensor.dim():
                _point(tensor, sign, dim)
        for name in instance.program.parameters:
            owned = instance.state[name]
            if owned is not None and owned.dim() > 1 and owned.is_floating_point():
                _point(owned, 1.0, -1)

    return change


def _point(tensor: Tensor, sign: float, dim: int) -> None:
    tensor.zero_().select(dim, 0).fill_(sign)


def _large(*numbers: float) -> Change:
    """Large numbers in turn, the same turn in each row."""

    def change(instance: Instance) -> None:
        for tensor, limits in _floating(instance):
            if limits is None and tensor.dim():
                length = tensor.shape[1] if tensor.dim() > 1 else tensor.shape[0]
                turn = torch.tensor([numbers[index % len(numbers)] for index in range(length)], dtype=tensor.dtype)
                tensor.copy_(turn.reshape(-1, *[1] * (tensor.dim() - 2)) if tensor.dim() > 1 else turn)
            elif limits is None:
                tensor.fill_(numbers[0])

    return change


def _one_large(dim: int, number: float = 100.0) -> Change:
    """One large number in each row, and zeros: a softmax is then 1 in one place."""

    def change(instance: Instance) -> None:
        for tensor, limits in _floating(instance):
            if limits is None and -tensor.dim() <= dim < tensor.dim():
                _point(tensor, number, dim)

    return change


def _masks(change_mask: Callable[[Tensor], object]) -> Change:
    def change(instance: Instance) -> None:
        for _, tensor in _inputs(instance):
            if tensor.dtype is torch.bool:
                change_mask(tensor)

    return change


def _integers(*last: bool) -> Change:
    """Each integer input at the last number of its range, or at the first; further ones as the one before."""

    def change(instance: Instance) -> None:
        ends = iter(last)
        end = False
        for name, limits in _ranged(instance):
            end = next(ends, end)
            tensor = instance.inputs[name]
            assert tensor is not None
            if not instance.program.inputs[name].distinct:
                tensor.fill_(int(limits[1]) - 1 if end else int(limits[0]))

    return change


def _ranged(instance: Instance) -> Iterator[tuple[str, tuple[float, float]]]:
    """The integer inputs that have ranges."""
    ranges = dict(instance.ranges())
    for name, tensor in _inputs(instance):
        if name in ranges and not tensor.is_floating_point() and tensor.dtype is not torch.bool:
            yield name, ranges[name]


def _beside_low_ends(number: float) -> Change:
    """Large numbers where there is no range, beside what has one at its low end: no score and no target count."""
    changes = (_large(number), _at_low_end, _masks(lambda mask: mask.fill_(False)), _integers(False))

    def change(instance: Instance) -> None:
        for one in changes:
            one(instance)

    return change


def _sure(dim: int) -> Change:
    """The first entry of each row large, and the integer inputs those that tell it, where they are classes."""
    changes = (_one_large(dim), _integers(False))

    def change(instance: Instance) -> None:
        for one in changes:
            one(instance)

    return change


def _initial(instance: Instance) -> None:
    for name, part in instance.program.parameters.items():
        tensor = instance.state[name]
        if tensor is not None:
            start(instance, part, tensor)


ORDINARY = Draw("inputs are drawn at random", _ordinary)
FLOATING = (
    Draw("floating inputs are all 0", _filled(0.0), SINGULAR),
    Draw("floating inputs are all equal", _filled(1.0), SINGULAR),
    Draw("the rows of an input are equal", _equal, SINGULAR),
    Draw("an input is equal to another", _same, SINGULAR),
    Draw("inputs and weights point the same way", _aligned(1.0, -1), SINGULAR),
    Draw("inputs and weights point the same way", _aligned(1.0, 1), SINGULAR),
    Draw("inputs and weights point opposite ways", _aligned(-1.0, -1), SINGULAR),
    Draw("inputs are as large as 100", _large(100.0), SINGULAR | {Edge.OVERFLOW}),
    Draw("inputs are as small as -100", _large(-100.0), SINGULAR | {Edge.OVERFLOW}),
    Draw("inputs are 100 and -100 in turn", _large(100.0, -100.0), SINGULAR | {Edge.OVERFLOW}),
    Draw("one entry of each row is 100, and the others are 0", _one_large(-1), SINGULAR | {Edge.OVERFLOW}),
    Draw("one entry of each row is 100, and the others are 0", _one_large(1), SINGULAR | {Edge.OVERFLOW}),
    Draw("one entry of each row is 1e8, and the others are 0", _one_large(-1, 1e8), frozenset({Edge.INDEX})),
)
LOW_END = Draw("inputs are at the low end of their range", _at_low_end, SINGULAR)
MASKS = (
    Draw("masks are all false", _masks(lambda mask: mask.fill_(False))),
    Draw("masks are all true", _masks(lambda mask: mask.fill_(True))),
    Draw("the first row of a mask is false", _masks(lambda mask: mask[:1].fill_(False) if mask.dim() else mask)),
    Draw("the first row of a mask is true", _masks(lambda mask: mask[:1].fill_(True) if mask.dim() else mask)),
)
INTEGERS = (
    Draw("integer inputs are at the low end of their range", _integers(False)),
    Draw("integer inputs are at the high end of their range", _integers(True)),
)
APART = (
    Draw("one integer input is at the low end of its range, and others are at the high end", _integers(False, True)),
    Draw("one integer input is at the high end of its range, and others are at the low end", _integers(True, False)),
)
LOW = "and those that are bounded at their low end"
BESIDE = (
    Draw(f"inputs are as small as -100, {LOW}", _beside_low_ends(-100.0), SINGULAR),
    Draw(f"inputs are as large as 100, {LOW}", _beside_low_ends(100.0), SINGULAR),
)
SURE = tuple(
    Draw("one entry of each row is 100, the others are 0, and integer inputs are at their low end", _sure(dim))
    for dim in (-1, 1)
)
INITIAL = Draw("parameters have their initial values", _initial, SINGULAR)


def draws(instance: Instance, edges: frozenset[Edge]) -> Iterator[Draw]:
    """The draws that make a difference to a layer and may reach some edges."""
    program = instance.program
    given = [part for name, part in program.inputs.items() if instance.inputs[name] is not None]
    found = [ORDINARY]
    if any(part.dtype == "bool" for part in given):
        found += MASKS
    if any(not part.floating and part.range is not None for part in given):
        found += INTEGERS if len(list(_ranged(instance))) < 2 else (*INTEGERS, *APART)
        # One that stands beside a range may lie outside of any table.
        edges_of = frozenset(Edge) if any(part.also for part in given) else LABELS
        found += [Draw(f"labels are all {number}", all_of(number), edges_of) for number in labels(instance)]
    if any(part.floating and part.range is not None for part in given):
        found.append(LOW_END)
    if any(part.floating for part in given):
        found += FLOATING
    free = [part for part in given if part.floating and part.range is None]
    if free and len(free) < len(given):
        found += BESIDE
    if program.parameters:
        found.append(INITIAL)
    return (draw for draw in found if draw.edges & edges)
