"""Inputs at the edges of what a layer tells apart: equal to the numbers that it compares them with, or all ignored.

A mask may mark nothing, too.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.contracts.agreement import matched_by
from layergen.domains.labels import labelled, labels
from layergen.lang import expression as ex
from layergen.probe.switches import BENDING, LEAPING, Telling, tellings
from layergen.resolve.program import Program
from layergen.run.instance import Instance

MOST = 12  # numbers
MOST_TURNS = 8
LARGEST = 1e4

Taken = Mapping[str, tuple[float | str, ...]]  # for an input, numbers and buffers whose entries it has


@dataclass(frozen=True)
class Edges:
    """What the inputs of a run are taken from."""

    name: str  # that tells it from others at the setting
    words: str
    taken: Taken
    finite: bool = False  # whether a definition that has no finite value there says nothing of it


def compared(program: Program, instance: Instance) -> Iterator[Edges]:
    """What floating inputs are compared with, at the setting of an instance."""
    told = tellings(program)
    if _is_told(program, told):
        numbers, buffers = numbers_in(instance, told), tuple(buffers_in(program, told))
        if numbers or buffers:
            taken = dict(_taken(instance, (*numbers, *buffers)))
            if taken:
                shown = ", ".join([*(f"{number:g}" for number in numbers), *(f"entries of `{one}`" for one in buffers)])
                yield Edges("on_edges", shown, taken)


def ignored(_: Program, instance: Instance) -> Iterator[Edges]:
    """The number that integer inputs are compared with, as one that is ignored, in all places."""
    for number in labels(instance)[:1]:
        having = (name for name, own in labelled(instance) if number in own)
        yield Edges("all_ignored", f"labels are all {number}", dict.fromkeys(having, (number,)))


def unmarked(program: Program, instance: Instance) -> Iterator[Edges]:
    """One mask after the other that marks nothing, where a definition alone tells what comes of it."""
    if program.definition is not None and matched_by(program) is None:
        for name, part in program.inputs.items():
            if part.marks and part.dtype == "bool" and instance.inputs[name] is not None:
                yield Edges(f"nothing_in_{name}", f"`{name}` marks nothing", {name: (0,)}, finite=True)


def _is_told(program: Program, told: tuple[Telling, ...]) -> bool:
    """Whether it can be said of each value on which side of an edge it is."""
    members = [child.program for child in program.children.values()]
    quiet = not any(any(part.switches()) or part.orders() for child in members for part in tellings(child))
    return quiet and not program.narrow and all(part.is_told() for part in told)


def numbers_in(instance: Instance, told: tuple[Telling, ...]) -> tuple[float, ...]:
    """The numbers that floating inputs are compared with: what is written or given there, and the opposites."""
    found: dict[float, None] = {}
    values = instance.setting.values
    for telling in told:
        for node in telling.switches():
            found[0.0] = None
            own = (
                (*LEAPING.get(node.function, ()), *BENDING.get(node.function, ())) if isinstance(node, ex.Call) else ()
            )
            there = [*own, *(_number(part, values) for part in telling.compared(node))]
            for number in there:
                if number is not None and 0 < abs(number) <= LARGEST:
                    found |= {float(number): None, -float(number): None}
    return tuple(found)[:MOST]


def _number(part: ex.Node, values: Mapping[str, object]) -> float | None:
    value = part.value if isinstance(part, ex.Literal) else values.get(part.id) if isinstance(part, ex.Name) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def buffers_in(program: Program, told: tuple[Telling, ...]) -> Iterator[str]:
    """The layer's own floating buffers that floating inputs are compared with."""
    names = {
        part.id
        for telling in told
        for node in telling.switches()
        if isinstance(node, ex.Compare)
        for part in telling.compared(node)
        if isinstance(part, ex.Name)
    }
    for name, buffer in program.buffers.items():
        if name in names and buffer.each is None and buffer.dtype is None:
            yield name


def _taken(instance: Instance, entries: tuple[float | str, ...]) -> Iterator[tuple[str, tuple[float | str, ...]]]:
    """For each floating input, what of these lies in its range; all where it has none."""
    ranges = dict(instance.ranges())
    for name, part in instance.program.inputs.items():
        tensor = instance.inputs[name]
        if tensor is None or not tensor.is_floating_point() or part.distinct:
            continue
        low, high = ranges.get(name, (None, None))
        inside = [
            entry
            for entry in entries
            if low is None or high is None or (not isinstance(entry, str) and low <= entry < high)
        ]
        if inside:
            yield name, tuple(inside)


def turns(instance: Instance, edges: Edges) -> int:
    """How often inputs are given their entries until each of these was there, which are more than a small input has."""
    counts = [(len(_numbers(instance, taken)), instance.inputs[name]) for name, taken in edges.taken.items()]
    needed = (math.ceil(count / tensor.numel()) for count, tensor in counts if tensor is not None and tensor.numel())
    return min(MOST_TURNS, max(needed, default=1))


@torch.no_grad()
def at_edges(instance: Instance, edges: Edges, turn: int) -> None:
    """Give inputs their entries from what they are taken from, others in each turn."""
    for name, taken in edges.taken.items():
        tensor = instance.inputs[name]
        assert tensor is not None
        numbers = _numbers(instance, taken)
        order = (torch.randperm(tensor.numel()) + turn * tensor.numel()) % len(numbers)
        tensor.copy_(numbers[order].reshape(tensor.shape))


def _numbers(instance: Instance, taken: tuple[float | str, ...]) -> Tensor:
    numbers: list[float] = []
    for entry in taken:
        buffer = instance.state[entry] if isinstance(entry, str) else None
        numbers += [entry] if not isinstance(entry, str) else [] if buffer is None else buffer.flatten().tolist()
    return torch.tensor(numbers, dtype=torch.float64)
