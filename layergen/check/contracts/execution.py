"""Execution: torch does not refuse with data what it takes without."""

import math
from collections.abc import Iterator

import torch

from layergen.check.explain import OpFailed
from layergen.check.settings import Setting
from layergen.check.stage import Bench, Stage, TrialFault
from layergen.diagnostics import Finding
from layergen.spec.model import LayerSpec

CPU = torch.device("cpu")
LARGEST = 4_000_000  # elements of all tensors of a run; larger layers are tried without data alone


def check_execution(spec: LayerSpec, ways: list[Setting]) -> Iterator[Finding]:
    """Yield what fails when the layer runs on real, if small and random, data."""
    for setting in ways:
        if _elements(spec, setting) > LARGEST:
            continue
        stage = Stage(spec, setting, Bench(CPU))
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            fill(stage)
            try:
                stage.run(training=True)
                stage.run(training=False)
            except TrialFault as fault:
                found = fault.finding
                yield OpFailed.at(found.place, found.message, labels=found.labels, notes=found.notes, help=found.help)
                return


def _elements(spec: LayerSpec, setting: Setting) -> int:
    """How many elements all tensors of a run have, as far as its statements show."""
    stage = Stage(spec, setting)
    stage.run(training=True)
    tensors = [*stage.inputs.values(), *stage.state.values(), *(step.value for step in stage.steps)]
    return sum(math.prod(tensor.shape) for tensor in tensors if isinstance(tensor, torch.Tensor))


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
