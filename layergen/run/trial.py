"""Tries a layer at one setting on the meta device: shapes and dtypes are computed, data is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from layergen.diagnostics import Finding
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import reads
from layergen.ops.dtypes import dtype_name
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.settings.choice import Setting


@dataclass(frozen=True)
class TensorFacts:
    """A tensor's shape and dtype at one setting."""

    shape: tuple[int, ...]
    dtype: str  # "float32"


@dataclass(frozen=True)
class Trial:
    """What came of trying a layer at one setting."""

    inputs: Mapping[str, TensorFacts | None]
    ranges: Mapping[str, tuple[float, float]]
    outputs: Mapping[str, TensorFacts]
    state: Mapping[str, TensorFacts]


def facts(tensor: Tensor) -> TensorFacts:
    return TensorFacts(tuple(tensor.shape), dtype_name(tensor.dtype))


def check_shapes(instance: Instance, run: Run) -> Iterator[Finding]:
    """Yield the outputs that have another shape than declared."""
    for name, result in run.outputs.items():
        expected = instance.declared_shape(name)
        if tuple(result.shape) != expected:
            yield instance.explainer.shape_mismatch(name, expected, tuple(result.shape), run.stored)


def modes(spec: LayerSpec) -> tuple[bool, ...]:
    """Training and evaluation, or training alone where the forward does not ask which it is."""
    return (True, False) if any(name.id == "training" for name in reads(spec.forward)) else (True,)


def try_setting(spec: LayerSpec, setting: Setting) -> tuple[Trial | None, tuple[Finding, ...]]:
    """Try a layer at a setting, in training and in evaluation."""
    try:
        instance = Instance(spec, setting)
        ranges = dict(instance.ranges())
        findings: dict[Finding, None] = {}
        outputs: Mapping[str, Tensor] = {}
        for training in modes(spec):
            run = instance.run(training)
            outputs = run.outputs
            findings |= dict.fromkeys(check_shapes(instance, run))
    except TrialFault as fault:
        return None, (fault.finding,)
    if findings:
        return None, tuple(findings)
    return (
        Trial(
            {name: tensor if tensor is None else facts(tensor) for name, tensor in instance.inputs.items()},
            ranges,
            {name: facts(tensor) for name, tensor in outputs.items()},
            {name: facts(tensor) for name, tensor in instance.state.items() if tensor is not None},
        ),
        (),
    )
