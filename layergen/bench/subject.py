"""A layer that can be called at a setting, and the module that it matches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from layergen.lang.tuples import gathered
from layergen.probe.values import ORDINARY, drawn, give
from layergen.resolve.program import Program
from layergen.run.instance import Instance, Placement
from layergen.run.matched import matched_inputs, matched_module
from layergen.settings.choice import Setting

Call = Callable[[], object]

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Subject:
    """A module, and what it is called with."""

    module: nn.Module
    arguments: tuple[Any, ...]

    @property
    def forward(self) -> Call:
        """The forward."""
        return partial(self.module, *self.arguments)

    def both(self) -> Call | None:
        """The forward and the backward; None where no gradient flows."""
        leaves = [tensor for tensor in _tensors(self.arguments) if tensor.requires_grad]
        leaves += [tensor for tensor in self.module.parameters() if tensor.requires_grad]
        outputs = _learned(self.forward())
        if not leaves or not outputs:
            return None
        slopes = [torch.ones_like(output) for output in outputs]
        module, arguments, gradients = self.module, self.arguments, torch.autograd.grad

        def run() -> object:
            outputs = _learned(module(*arguments))
            return gradients(outputs, leaves, slopes, allow_unused=True)

        return run


def _written(value: Any) -> Any:
    """An argument as one writes it in Python, sizes as a tuple: torch takes longer to read a list."""
    return tuple(value) if isinstance(value, list) else value


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in a value, those of tuples and lists in it too."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, tuple | list) else []


def _learned(result: Any) -> list[Tensor]:
    """The tensors in a result that gradients flow through."""
    return [tensor for tensor in _tensors(result) if tensor.requires_grad]


def subjects(program: Program, layer: type[nn.Module], setting: Setting) -> tuple[Subject, ...]:
    """A layer at a setting, and then the module that it matches, if there is one, with the same state.

    Args:
        program: The layer's spec.
        layer: Its class.
        setting: A setting that the spec allows.

    Raises:
        Exception: Whatever the layer, or torch, raises.
    """
    with drawn(gradients=True):
        instance = Instance(program, setting, Placement(CPU, gradients=True))
        give(instance, ORDINARY)
        alike = {name: setting.values[name] for name, part in program.arguments.items() if part.as_given}
        named = {**{name: instance.inputs[name] for name in program.kept}, **setting.given, **alike}
        module = layer(**{name: _written(named[name]) for name in program.constructor if name in named})
        given = {**setting.values, **gathered(instance.inputs, program.tuples)}
        own = Subject(module, tuple(given[name] for name in program.call))
        if program.matches is None:
            return (own,)
        match = matched_module(instance, CPU)
        match.load_state_dict(module.state_dict())
        return own, Subject(match, tuple(matched_inputs(instance, instance.inputs)))
