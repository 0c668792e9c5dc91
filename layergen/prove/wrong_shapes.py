"""Wrong shapes of inputs: where an input is meant to have a shape, and whether torch lets it have another."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from layergen.lang.interpreter import EvaluationFault
from layergen.prove.demands import Demand, Shape
from layergen.prove.kept_by_torch import refusal_of_both
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance


def meant(demand: Demand, instances: Sequence[Instance]) -> Iterator[Instance]:
    """The instances in which an input is there and has this shape."""
    for instance in instances:
        interpreter = instance.interpreter(instance.scalars)
        try:
            holds = all(interpreter.truth(test) == expected for test, expected in demand.sizes.tests)
        except EvaluationFault:
            continue
        if holds and instance.inputs[demand.input] is not None:
            yield instance


def shape_of(instance: Instance, name: str) -> Shape:
    tensor = instance.inputs[name]
    assert tensor is not None
    return tuple(tensor.shape)


def passes(instance: Instance, shapes: Mapping[str, Shape]) -> bool:
    """Whether torch lets inputs of other shapes through, be it in training or in evaluation.

    Without data it lets through more. What it refuses on data, by the very error of the module that the layer matches,
    does not pass.
    """
    given: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        original = instance.inputs[name]
        assert original is not None
        given[name] = original.new_empty(shape)
    for training in instance.program.modes:
        try:
            instance.run(training, inputs=given)
        except TrialFault as fault:
            if not fault.unchecked:
                continue
        return instance.program.matches is None or refusal_of_both(instance.source, instance.setting, shapes) is None
    return False
