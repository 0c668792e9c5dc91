"""Tries a layer at one setting on the meta device: shapes and dtypes are computed, data is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from layergen.check.settings import Setting
from layergen.check.stage import Stage, TrialFault, dtype_name
from layergen.diagnostics import Finding
from layergen.spec.model import LayerSpec
from layergen.spec.scope import reads


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


def check_shapes(stage: Stage, outputs: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Yield the outputs that have another shape than declared."""
    for name, result in outputs.items():
        expected = stage.declared_shape(name)
        if tuple(result.shape) != expected:
            yield stage.explainer.shape_mismatch(name, expected, tuple(result.shape))


def modes(spec: LayerSpec) -> tuple[bool, ...]:
    """Training and evaluation, or training alone where the forward does not ask which it is."""
    return (True, False) if any(name.id == "training" for name in reads(spec.forward)) else (True,)


def try_setting(spec: LayerSpec, setting: Setting) -> tuple[Trial | None, tuple[Finding, ...]]:
    """Try a layer at a setting, in training and in evaluation."""
    try:
        stage = Stage(spec, setting)
        ranges = dict(stage.ranges())
        findings: dict[Finding, None] = {}
        outputs: dict[str, Tensor] = {}
        for training in modes(spec):
            outputs = stage.run(training)
            findings |= dict.fromkeys(check_shapes(stage, outputs))
    except TrialFault as fault:
        return None, (fault.finding,)
    if findings:
        return None, tuple(findings)
    return (
        Trial(
            {name: tensor if tensor is None else facts(tensor) for name, tensor in stage.inputs.items()},
            ranges,
            {name: facts(tensor) for name, tensor in outputs.items()},
            {name: facts(tensor) for name, tensor in stage.state.items() if tensor is not None},
        ),
        (),
    )
