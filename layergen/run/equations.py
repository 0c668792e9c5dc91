"""Computes what a spec says of a layer beside its forward: the sides of laws, and an expression that gives the same."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.bounds import normalize
from layergen.lang.interpreter import Interpreter
from layergen.lang.tokens import LAYER, TERM
from layergen.lang.tuples import gathered, packed
from layergen.resolve.program import Child, Program
from layergen.run.call import Called, bound_inputs, bound_values, computed
from layergen.run.environment import CONSTANTS, TensorCalls
from layergen.run.forward import ForwardInterpreter
from layergen.run.instance import Instance
from layergen.run.members import penalties


class Running(ForwardInterpreter):
    """Computes expressions in what a layer has and is given, in evaluation, and calls the layer itself."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        calls = TensorCalls(torch.device("cpu"), instance.floating_dtype(), functions=instance.setting.values)
        values: Mapping[str, Any] = {
            **CONSTANTS,
            **instance.scalars,
            **instance.members,
            **instance.named,
            **gathered(instance.inputs, instance.program.tuples),
            LAYER: self.itself,
            TERM: self.term,
            "training": False,
        }
        super().__init__(values, calls, {}, instance.explainer, (), instance.setting.leading)

    def itself(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        """Run the layer, in evaluation, on inputs that may have other sizes."""
        instance, program = self.instance, self.instance.program
        values = {**instance.setting.values, **_defaults(program), **bound_values(program, arguments, keywords)}
        inputs = {
            **bound_inputs(program, arguments, keywords),
            **{name: instance.inputs[name] for name in program.kept},
        }
        child = Child(program, (), "")
        called = Called(child, values, inputs, instance.named, instance.members, training, instance.placement)
        outputs = tuple(packed(self.outputs(called).items()))
        return outputs[0] if len(outputs) == 1 else outputs

    def term(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        """The layer's regularization term, with those of its members."""
        return penalty_of(self.instance)

    def outputs(self, called: Called) -> Mapping[str, Any]:
        """What a call of the layer gives."""
        return computed(called)


def penalty_of(instance: Instance) -> Tensor:
    """The regularization term of a layer: its own one, and those of its members.

    Raises:
        EvaluationFault: If it cannot be computed.
    """
    own = [] if instance.program.penalty is None else [instance.evaluated(instance.program.penalty)]
    terms = [*own, *penalties(instance.members.values())]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def _defaults(program: Program) -> dict[str, Any]:
    """What the values of a call are where it does not give them."""
    return {
        name: normalize(part, Interpreter({}).evaluate(part.default))
        for name, part in program.values.items()
        if part.default is not None
    }


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors of a value that is one, or a list or tuple of them."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for part in value for tensor in tensors_in(part)] if isinstance(value, list | tuple) else []
