"""Execution: torch does not refuse with data what it takes without."""

from collections.abc import Iterator

import torch

from layergen.contracts.kept_away import kept_away
from layergen.contracts.open_inputs import input_behind
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import WITH_DATA
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.rules.behaviour import NotANumber
from layergen.rules.shapes import OpFailed
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import BOTH, Bystander, Watch
from layergen.settings.emptiness import empty_output

NUMBERS = Watch(WITH_DATA, BOTH, Bystander)


def check_execution(ways: Ways) -> Iterator[Finding]:
    """Yield what fails, or gives NaN, when the layer runs on real, if small and random, data."""
    masked = any(tensor.dtype == "bool" for tensor in ways.program.inputs.values())  # and maybe nothing left
    for seen in ways.seen(NUMBERS):
        if seen.fault is not None:
            empty = next((name for name in ways.program.outputs if 0 in seen.instance.declared_shape(name)), None)
            if empty is not None:  # which many an op refuses, and not in words that help
                yield empty_output(ways.program, seen.instance.setting, empty)
                return
            found = seen.fault
            notes = (*found.notes, *_drawn(seen.instance))
            yield OpFailed.at(found.place, found.message, labels=found.labels, notes=notes, help=found.help)
            return
        finding = None if masked else _not_a_number(seen.instance, seen.run, seen.training)
        if finding is not None:
            yield finding
            return


def _drawn(instance: Instance) -> Iterator[str]:
    """Between which integers the inputs lie: both ends are among them."""
    for name, (low, high) in instance.ranges():
        tensor = instance.inputs[name]
        if tensor is not None and not tensor.is_floating_point():
            yield f"values: `{name}` from {low} to {high - 1}"


def _not_a_number(instance: Instance, run: Run, training: bool) -> Finding | None:
    """The first step that gave NaN, if an output has one."""
    if not any(result.isnan().any() for result in run.outputs.values() if result.is_floating_point()):
        return None
    for step in run.steps:
        if isinstance(step.value, torch.Tensor) and step.value.isnan().any():
            message = f"`{step.name}` has NaN for inputs that are drawn at random"
            help = kept_away(instance, training, input_behind(instance.program, step.name))
            place = Place(FORWARD, step.target.span)
            return NotANumber.at(place, message, notes=instance.explainer.notes(), help=help)
    return None


EXECUTION = Promise(check_execution, (NUMBERS,))
