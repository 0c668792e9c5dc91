"""Tries a layer at one setting on the meta device: shapes and dtypes are computed, data is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from layergen.check.checked import TensorFacts
from layergen.check.environment import CONSTANTS, TensorCalls, shape_of
from layergen.check.explain import Explainer, ShapeMismatch
from layergen.check.interpret import EvaluationFault, Interpreter
from layergen.check.settings import Setting
from layergen.diagnostics import Finding, Path, Place, Rule
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec

META = torch.device("meta")


class DtypeMismatch(Rule):
    """An output has another dtype than the spec declares.

    Unless it says otherwise, an output has the dtype of the first floating input.

        forward: y = mean(upcast(x), dim=-1)            # float32 for a float16 input

    Fix: bring the result back with `type_as(y, x)`, or declare the output's dtype.
    """

    code = "LG304"


class BufferMismatch(Rule):
    """A buffer is assigned a value that it cannot hold.

    Assigning to a buffer's name writes the buffer in place, so the value must have the buffer's shape.

        buffers:
          running_mean: {shape: [dim], init: zeros}
        forward: running_mean = mean(x)                 # a single number

    Fix: compute a value of the buffer's shape.
    """

    code = "LG306"


@dataclass(frozen=True)
class Trial:
    """What came of trying a layer at one setting."""

    inputs: Mapping[str, TensorFacts | None]
    ranges: Mapping[str, tuple[float, float]]
    outputs: Mapping[str, TensorFacts]
    state: Mapping[str, TensorFacts]


class TrialFault(Exception):
    """The layer does not work at a setting."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def facts(tensor: Tensor) -> TensorFacts:
    return TensorFacts(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


class Stage:
    """One layer at one setting, with its tensors on the meta device."""

    def __init__(self, spec: LayerSpec, setting: Setting) -> None:
        self.spec = spec
        self.setting = setting
        self.scalars = {**setting.values, **setting.sizes}
        self.explainer = Explainer(spec, setting)
        self.state = dict(self.owned())
        self.inputs = dict(self.given())

    def located(self, path: Path, compute: Any) -> Any:
        """Compute something of the spec at a path; a fault becomes a finding there."""
        try:
            return compute()
        except EvaluationFault as fault:
            raise TrialFault(self.explainer.fault(path, fault)) from None

    def shape(self, path: Path, shape: Any, names: Mapping[str, Any]) -> tuple[int, ...]:
        """The sizes of a shape of the spec."""
        if not isinstance(shape, tuple):
            return self.located(path, partial(shape_of, shape, names))  # type: ignore[no-any-return]
        sizes: list[int] = []
        for index, entry in enumerate(shape):
            sizes += self.located((*path, index), partial(shape_of, (entry,), names, self.setting.leading))
        return tuple(sizes)

    def owned(self) -> Iterator[tuple[str, Tensor | None]]:
        """The parameters and buffers, None where their condition does not hold."""
        for name, tensor in self.spec.tensors.items():
            path: Path = ("parameters" if name in self.spec.parameters else "buffers", name)
            values = self.setting.values
            if tensor.when is not None:
                condition = partial(Interpreter(values).truth, tensor.when)
                if not self.located((*path, "when"), condition):
                    yield name, None
                    continue
            shape = self.shape((*path, "shape"), tensor.shape, values)
            yield name, torch.empty(shape, device=META, dtype=dtype_of(tensor.dtype))

    def given(self) -> Iterator[tuple[str, Tensor | None]]:
        """The inputs, None where they are left out."""
        for name, tensor in self.spec.inputs.items():
            if name in self.setting.absent:
                yield name, None
            else:
                shape = self.shape(("inputs", name, "shape"), tensor.shape, self.scalars)
                yield name, torch.empty(shape, device=META, dtype=dtype_of(tensor.dtype))

    def ranges(self) -> Iterator[tuple[str, tuple[float, float]]]:
        for name, tensor in self.spec.inputs.items():
            if tensor.range is not None:
                ends = [
                    self.located(
                        ("inputs", name, "range", index),
                        partial(Interpreter({**CONSTANTS, **self.scalars}).evaluate, end),
                    )
                    for index, end in enumerate(tensor.range)
                ]
                yield name, (ends[0], ends[1])

    def floating_dtype(self) -> torch.dtype:
        """The dtype of the first floating input, or of the layer's own tensors where there is none."""
        tensors = [self.inputs[name] for name, part in self.spec.inputs.items() if part.floating]
        owned = [tensor for tensor in self.state.values() if tensor is not None and tensor.is_floating_point()]
        return next((tensor.dtype for tensor in (*tensors, *owned) if tensor is not None), torch.float32)

    def run(self, training: bool) -> dict[str, Tensor]:
        """Run the forward; returns the outputs."""
        values = {**CONSTANTS, **self.scalars, **self.inputs, **self.state, "training": training}
        calls = TensorCalls(META, self.floating_dtype())
        interpreter = ForwardInterpreter(values, calls, self)
        self.explainer.values = interpreter.values
        self.located(("forward",), partial(interpreter.run, self.spec.forward))
        outputs = {}
        for name in self.spec.outputs:
            value = interpreter.values[name]
            if not isinstance(value, Tensor):
                message = f"output `{name}` is `{value}`, not a tensor"
                raise TrialFault(ShapeMismatch.at(Place(("outputs", name), key=True), message))
            outputs[name] = value
        return outputs

    def check_outputs(self, outputs: Mapping[str, Tensor]) -> Iterator[Finding]:
        for name, declared in self.spec.outputs.items():
            expected = self.shape(("outputs", name, "shape"), declared.shape, self.scalars)
            result = outputs[name]
            if tuple(result.shape) != expected:
                yield self.explainer.shape_mismatch(name, expected, tuple(result.shape))
            dtype = dtype_of(declared.dtype) if declared.dtype else self.floating_dtype()
            if result.dtype != dtype:
                names = [str(one).removeprefix("torch.") for one in (dtype, result.dtype)]
                message = f"output `{name}` is declared as {names[0]}, but is {names[1]}"
                yield DtypeMismatch.at(Place(("outputs", name), key=True), message, help=f"write `type_as({name}, …)`")


class ForwardInterpreter(Interpreter):
    """Runs a forward; assigning to a buffer's name keeps the buffer and looks at what it is given."""

    def __init__(self, values: Mapping[str, Any], call: Any, stage: Stage) -> None:
        super().__init__(values, call)
        self.stage = stage

    def store(self, target: ex.Name, value: Any) -> None:
        buffer = self.stage.state.get(target.id) if target.id in self.stage.spec.buffers else None
        if target.id not in self.stage.spec.buffers:
            super().store(target, value)
        elif buffer is None:
            raise EvaluationFault(target, f"the buffer `{target.id}` does not exist here")
        elif not isinstance(value, Tensor) or value.shape != buffer.shape:
            shape = list(value.shape) if isinstance(value, Tensor) else value
            message = f"the buffer `{target.id}` has shape {list(buffer.shape)}, but is assigned {shape}"
            raise TrialFault(BufferMismatch.at(Place(("forward",), target.span), message))


def try_setting(spec: LayerSpec, setting: Setting) -> tuple[Trial | None, tuple[Finding, ...]]:
    """Try a layer at a setting, in training and in evaluation."""
    try:
        stage = Stage(spec, setting)
        ranges = dict(stage.ranges())
        findings: dict[Finding, None] = {}
        outputs: dict[str, Tensor] = {}
        for training in (True, False):
            outputs = stage.run(training)
            findings |= dict.fromkeys(stage.check_outputs(outputs))
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


def dtype_of(name: str | None) -> torch.dtype:
    """The dtype that a name stands for; float32 where none is given."""
    dtype: torch.dtype = getattr(torch, name or "float32")
    return dtype
