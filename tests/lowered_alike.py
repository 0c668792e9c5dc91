"""The forward that is generated from a small spec, run beside the interpreter on the same values."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from lowered import lines
from small import forward_lines, program, settings_of
from torch import Tensor

from layergen.lower.gathered import gathered
from layergen.lower.imports import IMPORTS, function
from layergen.lower.returned import returned_at
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import CPU, drawn, fill

DOUBLE, HALF = Placement(CPU, torch.float64, gradients=True), Placement(CPU, torch.bfloat16)


def generated(layer: Program, with_checks: bool = False) -> Callable[..., Any]:
    """The forward, as a function of the layer and its inputs, which it checks if asked to."""
    names: dict[str, Any] = {}
    parameters = ("self: Any", *(f"{name}: Any = None" for name in layer.call))
    written = function(parameters, gathered(forward_lines(layer, with_checks)), "Any")
    exec("\n".join((*IMPORTS.values(), written)), names)  # noqa: S102
    return names["function"]  # type: ignore[no-any-return]


def each(layer: Program, placement: Placement) -> Iterator[tuple[Instance, bool]]:
    """A layer with data, at each setting and in both modes."""
    for setting in settings_of(layer):
        for training in (False, True):
            instance = Instance(layer, setting, placement)
            with drawn():
                fill(instance)
            yield instance, training


def with_floats(layer: Program) -> Program:
    """A layer of whose names is known which stand for floating numbers, as the checks find out."""
    dtypes: dict[str, set[bool]] = {}
    for instance, training in each(layer, DOUBLE):
        given = {name: value for name, value in instance.inputs.items() if value is not None}
        run = instance.run(training)
        for name, value in (*given.items(), *((step.name, step.value) for step in run.steps)):
            dtypes.setdefault(name, set()).add(isinstance(value, Tensor) and value.is_floating_point())
    found = {name for name, several in dtypes.items() if several == {True}} & layer.forward.assigned
    return replace(layer, floats=frozenset(found - layer.tensors.keys()))


def alike(forward: str, **parts: Any) -> str:
    """The code of a forward, which has been found to compute what the spec says."""
    layer = with_floats(program(lines(forward), **parts))
    written = generated(layer)
    for instance, training in each(layer, DOUBLE):
        hold_alike(layer, written, instance, training)
    with suppress(TrialFault):  # torch may refuse to mix what is narrow with what is wide
        for instance, training in each(layer, HALF):
            hold_alike(layer, written, instance, training)
    return "\n".join(forward_lines(layer))


def hold_alike(layer: Program, written: Callable[..., Any], instance: Instance, training: bool) -> None:
    """Compare what a forward gives, leaves in buffers, and lets gradients come back by."""
    setting = instance.setting
    given = {name: setting.values.get(name, instance.inputs.get(name)) for name in layer.call}
    before = {name: value.detach().clone() for name, value in owned(instance).items()}
    run = instance.run(training)
    expected, wanted = [run.outputs.get(name) for name, _ in returned_at(layer, setting)], leaves(instance)
    slopes = gradients(expected, wanted)
    instance.keep(run)
    kept = {name: value.detach().clone() for name, value in owned(instance).items()}
    with torch.no_grad():
        for name, value in owned(instance).items():
            value.copy_(before[name])
    found = written(attributes(instance, training), **given)
    result = list(found) if isinstance(found, tuple) else [found] if expected else []
    hold(result, expected, instance)
    hold([*owned(instance).values()], [*kept.values()], instance)
    hold(gradients(result, wanted), slopes, instance)


def hold_closely(forward: Callable[[Tensor], Tensor], instance: Instance) -> None:
    """Compare what a forward makes of one input, and its gradients, but for the last digits of float64."""
    assert instance.inputs["x"] is not None
    x = torch.randn(instance.inputs["x"].shape, dtype=torch.float64, requires_grad=True)
    expected, found = instance.run(training=True, inputs={"x": x}).outputs["y"], forward(x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    wanted = [x, *owned(instance).values()]
    slopes = [torch.autograd.grad(y.sin().sum(), wanted, allow_unused=True) for y in (found, expected)]
    torch.testing.assert_close(*([_or_zero(part) for part in parts] for parts in slopes), rtol=1e-10, atol=1e-10)


def _or_zero(gradient: Tensor | None) -> Tensor:
    """A gradient; of one that is nothing or not there, zero."""
    return torch.zeros(()) if gradient is None or not gradient.any() else gradient


def owned(instance: Instance) -> dict[str, Tensor]:
    return {name: value for name, value in instance.state.items() if value is not None}


def leaves(instance: Instance) -> list[Tensor]:
    """The tensors that have a gradient."""
    tensors = (*instance.inputs.values(), *instance.state.values())
    return [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]


def attributes(instance: Instance, training: bool) -> Any:
    """What a forward reads of its layer."""
    return SimpleNamespace(**{**instance.setting.values, **instance.state, "training": training})


def gradients(results: list[Tensor | None], wanted: list[Tensor]) -> list[Tensor | None]:
    total = [result.sin().sum() for result in results if result is not None and result.requires_grad]
    if not total:
        return [None] * len(wanted)
    return [*torch.autograd.grad(torch.stack(total).sum(), wanted, allow_unused=True)]


def hold(found: list[Any], expected: list[Any], instance: Instance) -> None:
    """Compare tensors, or that there are none."""
    rough = instance.placement.dtype is torch.bfloat16  # of which a loop that is arranged anew rounds other values
    near = math.inf if rough else 1e-9
    assert [value is None for value in found] == [value is None for value in expected]
    for mine, other in zip(found, expected, strict=True):
        if mine is not None:
            torch.testing.assert_close(mine, other, rtol=near, atol=near, equal_nan=True)
