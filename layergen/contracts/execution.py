"""Execution: torch does not refuse with data what it takes without."""

from collections.abc import Iterator

import torch

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.kept_away import kept_away
from layergen.probe.open_inputs import input_behind
from layergen.probe.sites import ON_DATA
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.behaviour import NotANumber
from layergen.rules.shapes import OpFailed
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.on_data import draw_input
from layergen.settings.emptiness import empty_output
from layergen.words import listed


def check_execution(ways: Ways) -> Iterator[Finding]:
    """Yield what fails, or gives NaN, when the layer runs on real, if small and random, data."""
    masked = may_mark_nothing(ways.program)
    for seen in ways.seen(ON_DATA):
        if seen.fault is not None:
            empty = next((name for name in ways.program.outputs if 0 in seen.instance.declared_shape(name)), None)
            if empty is not None:  # which many an op refuses, and not in words that help
                yield empty_output(ways.program, seen.instance.setting, empty)
                return
            found = seen.fault
            notes = (*found.notes, *_drawn(seen.instance))
            help = found.help or _help(seen.instance, seen.training)
            yield OpFailed.at(found.place, found.message, labels=found.labels, notes=notes, help=help)
            return
        finding = None if masked else not_a_number(seen.instance, seen.run, seen.training)
        if finding is not None:
            yield finding
            return


def may_mark_nothing(program: Program) -> bool:
    """Whether an input is a mask, which may leave nothing of a row."""
    return any(tensor.dtype == "bool" for tensor in program.inputs.values())


def _drawn(instance: Instance) -> Iterator[str]:
    """Between which integers the inputs lie: both ends are among them."""
    for name, (low, high) in instance.ranges():
        tensor = instance.inputs[name]
        if tensor is not None and not tensor.is_floating_point():
            yield f"values: `{name}` from {listed([f'{low} to {high - 1}', *map(str, instance.also(name))])}"


def _help(instance: Instance, training: bool) -> str | None:
    """What leaves out the values beside its range of an input, where these alone let a run fail."""
    there = {name: tensor for name, tensor in instance.inputs.items() if tensor is not None and instance.also(name)}
    if not there:
        return None
    inside = {name: tensor.clone() for name, tensor in there.items()}
    ranges = dict(instance.ranges())
    for name, tensor in inside.items():
        draw_input(tensor, ranges[name])
    try:
        instance.run(training, inputs=inside)
    except TrialFault:
        return None
    name = next(iter(inside))
    part = instance.program.inputs[name]
    single, low = ex.show(part.also[0]), ex.show(part.range[0] if part.range else ex.Literal(0))
    return f"take another in its place, `where({name} == {single}, {low}, {name})`, and leave out what comes of that"


def not_a_number(instance: Instance, run: Run, training: bool) -> Finding | None:
    """The first step that gave NaN, if an output has one."""
    if not any(result.isnan().any() for result in run.outputs.values() if result.is_floating_point()):
        return None
    for step in run.steps:
        if isinstance(step.value, torch.Tensor) and step.value.isnan().any():
            message = f"`{step.name}` has NaN for inputs that are drawn at random"
            help = _nothing_left(run) or kept_away(instance, training, input_behind(instance.program, step.name))
            place = Place(FORWARD, step.target.span)
            return NotANumber.at(place, message, notes=instance.explainer.notes(), help=help)
    return None


def _nothing_left(run: Run) -> str | None:
    """What keeps a tensor from having no elements, where one of a run has none."""
    for step in run.steps:
        if isinstance(step.value, torch.Tensor) and not step.value.numel():
            return f"`{step.name}` has no elements here: keep its size at 1 at least, as by `max(1, …)`"
    return None


EXECUTION = Promise(check_execution, (ON_DATA,))
