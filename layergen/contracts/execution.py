"""Execution: torch does not refuse with data what it takes without."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.rules.behaviour import NotANumber
from layergen.rules.shapes import OpFailed
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

CPU = torch.device("cpu")
LARGEST = 4_000_000  # elements of all tensors of a run; larger layers are tried without data alone


def check_execution(program: Program, paths: list[Setting]) -> Iterator[Finding]:
    """Yield what fails, or gives NaN, when the layer runs on real, if small and random, data."""
    for setting in paths:
        if elements(program, setting) > LARGEST:
            continue
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            instance = Instance(program, setting, Placement(CPU))
            fill(instance)
            found = list(_run(instance))
        if found:
            yield found[0]
            return


def _run(instance: Instance) -> Iterator[Finding]:
    """Run a instance in both modes."""
    masked = any(tensor.dtype == "bool" for tensor in instance.program.inputs.values())  # and maybe nothing left
    for training in (True, False):
        try:
            run = instance.run(training)
        except TrialFault as fault:
            found = fault.finding
            yield OpFailed.at(found.place, found.message, labels=found.labels, notes=found.notes, help=found.help)
            return
        if not masked:
            yield from _check_numbers(instance, run)


def _check_numbers(instance: Instance, run: Run) -> Iterator[Finding]:
    """Yield the first step that gave NaN, if an output has one."""
    if not any(result.isnan().any() for result in run.outputs.values() if result.is_floating_point()):
        return
    for step in run.steps:
        if isinstance(step.value, torch.Tensor) and step.value.isnan().any():
            message = f"`{step.name}` has NaN for inputs that are drawn at random"
            open_inputs = [
                name for name, part in instance.program.inputs.items() if part.floating and part.range is None
            ]
            help = f"say between which values `{open_inputs[0]}` lies: `range: [low, high]`" if open_inputs else None
            yield NotANumber.at(
                Place(("forward",), step.target.span), message, notes=instance.explainer.notes(), help=help
            )
            return


def elements(program: Program, setting: Setting) -> int:
    """How many elements all tensors of a run have, also those that are never given a name; told without data."""
    instance = Instance(program, setting)
    watch = SizeWatch()
    run = instance.run(True, watch)
    watch.count(*instance.inputs.values(), *instance.state.values(), *(step.value for step in run.steps))
    return watch.elements


class SizeWatch:
    """Counts the elements of all tensors that functions and operators are given."""

    def __init__(self) -> None:
        self.elements = 0

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.count(*arguments, *keywords.values())

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        self.count(left, right)

    def count(self, *values: Any) -> None:
        for value in values:
            if isinstance(value, list | tuple):
                self.count(*value)
            elif isinstance(value, torch.Tensor):
                self.elements += value.numel()


def fill(instance: Instance) -> None:
    """Give the inputs values of their ranges, and the parameters and buffers values about 1."""
    ranges = dict(instance.ranges())
    for name, tensor in instance.inputs.items():
        if tensor is None:
            continue
        if tensor.dtype is torch.bool:
            tensor.bernoulli_(0.5)
        elif name in ranges and not tensor.is_floating_point():
            tensor.random_(*map(int, ranges[name]))
        elif name in ranges:
            tensor.uniform_(*ranges[name])
        else:
            tensor.normal_()
    for tensor in instance.state.values():
        if tensor is not None and tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
        elif tensor is not None:
            tensor.zero_()
