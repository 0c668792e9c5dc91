"""Execution: torch does not refuse with data what it takes without."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from layergen.check.explain import OpFailed
from layergen.check.settings import Setting
from layergen.check.stage import Bench, Stage, TrialFault
from layergen.diagnostics import Finding, Place, Rule
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec

CPU = torch.device("cpu")
LARGEST = 4_000_000  # elements of all tensors of a run; larger layers are tried without data alone


class NotANumber(Rule):
    """An output is NaN for ordinary inputs.

    The forward is run with inputs drawn from the normal distribution, or from their `range`. Logarithms and roots of
    negative numbers, and zero divided by zero, give NaN, which spreads to the loss and from there to every parameter.

        inputs:
          x: [N, C]
        forward: y = log(x)

    Fix: say which values the input has, `{shape: [N, C], range: [0.1, 10]}`, or keep away from the others by `clamp`.
    """

    code = "LG313"


def check_execution(spec: LayerSpec, ways: list[Setting]) -> Iterator[Finding]:
    """Yield what fails, or gives NaN, when the layer runs on real, if small and random, data."""
    for setting in ways:
        if elements(spec, setting) > LARGEST:
            continue
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            stage = Stage(spec, setting, Bench(CPU))
            fill(stage)
            found = list(_run(stage))
        if found:
            yield found[0]
            return


def _run(stage: Stage) -> Iterator[Finding]:
    """Run a stage in both modes."""
    masked = any(tensor.dtype == "bool" for tensor in stage.spec.inputs.values())  # and maybe nothing left
    for training in (True, False):
        try:
            results = stage.run(training)
        except TrialFault as fault:
            found = fault.finding
            yield OpFailed.at(found.place, found.message, labels=found.labels, notes=found.notes, help=found.help)
            return
        if not masked:
            yield from _check_numbers(stage, results)


def _check_numbers(stage: Stage, results: Mapping[str, torch.Tensor]) -> Iterator[Finding]:
    """Yield the first step that gave NaN, if an output has one."""
    if not any(result.isnan().any() for result in results.values() if result.is_floating_point()):
        return
    for step in stage.steps:
        if isinstance(step.value, torch.Tensor) and step.value.isnan().any():
            message = f"`{step.name}` has NaN for inputs that are drawn at random"
            open_inputs = [name for name, part in stage.spec.inputs.items() if part.floating and part.range is None]
            help = f"say between which values `{open_inputs[0]}` lies: `range: [low, high]`" if open_inputs else None
            yield NotANumber.at(
                Place(("forward",), step.target.span), message, notes=stage.explainer.notes(), help=help
            )
            return


def elements(spec: LayerSpec, setting: Setting) -> int:
    """How many elements all tensors of a run have, also those that are never given a name; told without data."""
    stage = Stage(spec, setting)
    watch = SizeWatch()
    stage.run(True, watch)
    watch.count(*stage.inputs.values(), *stage.state.values(), *(step.value for step in stage.steps))
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


def fill(stage: Stage) -> None:
    """Give the inputs values of their ranges, and the parameters and buffers values about 1."""
    ranges = dict(stage.ranges())
    for name, tensor in stage.inputs.items():
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
    for tensor in stage.state.values():
        if tensor is not None and tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
        elif tensor is not None:
            tensor.zero_()
