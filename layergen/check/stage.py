"""One layer with its tensors set up: on the meta device, on fake tensors, in any dtype, at numbers or at symbols."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from layergen.check.environment import CONSTANTS, TensorCalls, shape_of
from layergen.check.explain import Explainer
from layergen.check.interpret import EvaluationFault, Function, Interpreter, scalar_call
from layergen.check.settings import Setting
from layergen.diagnostics import Finding, Path, Place, Rule
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec
from layergen.spec.model import Tensor as TensorSpec

META = torch.device("meta")


class BufferMismatch(Rule):
    """A buffer is assigned a value that it cannot hold.

    Assigning to a buffer's name writes the buffer in place, so the value must have the buffer's shape, and a dtype that
    goes into the buffer's without loss of kind: no floating numbers into a buffer of ints.

        buffers:
          running_mean: {shape: [dim], init: zeros}
        forward: running_mean = mean(x)                 # a single number

    Fix: compute a value of the buffer's shape and dtype.
    """

    code = "LG306"


class EmptyRange(Rule):
    """The range of an input holds no value.

    A range is half open: its high end is not in it. Test inputs are drawn from it.

        inputs:
          labels: {shape: [N], dtype: int64, range: [0, num_classes - 1]}    # empty where num_classes == 1

    Fix: correct the ends: `[0, num_classes]` holds the labels from 0 to num_classes - 1.
    """

    code = "LG405"


class TrialFault(Exception):
    """The layer does not work as it is set up."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Observer(Protocol):
    """Watches a run of the forward."""

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        """A function was called."""

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        """Two values are about to be combined."""


@dataclass(frozen=True)
class Bench:
    """Where a layer is set up."""

    device: torch.device = META
    dtype: torch.dtype = torch.float32  # of the floating inputs
    owned_dtype: torch.dtype | None = None  # of the floating parameters and buffers; the inputs' unless given
    gradients: bool = False
    scalars: Function = scalar_call  # calls the functions of numbers


@dataclass(frozen=True)
class Step:
    """What a statement of the forward has computed."""

    name: str
    value: Any
    target: ex.Name


class Stage:
    """One layer at one setting.

    Raises:
        TrialFault: If a shape or condition of the spec cannot be computed.
    """

    def __init__(self, spec: LayerSpec, setting: Setting, bench: Bench | None = None) -> None:
        self.spec = spec
        self.setting = setting
        self.bench = bench or Bench()
        self.scalars = {**setting.values, **setting.sizes}
        self.explainer = Explainer(spec, setting)
        self.state = dict(self.owned())
        self.inputs = dict(self.given())
        self.steps: list[Step] = []

    def located(self, path: Path, compute: Any) -> Any:
        """Compute something of the spec at a path; a fault becomes a finding there."""
        try:
            return compute()
        except EvaluationFault as fault:
            raise TrialFault(self.explainer.fault(path, fault)) from None

    def interpreter(self, names: Mapping[str, Any]) -> Interpreter:
        """An interpreter for the numbers of a spec."""
        return Interpreter(names, self.bench.scalars)

    def shape(self, path: Path, shape: Any, names: Mapping[str, Any]) -> tuple[int, ...]:
        """The sizes of a shape of the spec."""
        interpreter = self.interpreter(names)
        if not isinstance(shape, tuple):
            compute = partial(shape_of, shape, interpreter, self.setting.leading)
            return self.located(path, compute)  # type: ignore[no-any-return]
        sizes: list[int] = []
        for index, entry in enumerate(shape):
            sizes += self.located((*path, index), partial(shape_of, (entry,), interpreter, self.setting.leading))
        return tuple(sizes)

    def owned(self) -> Iterator[tuple[str, Tensor | None]]:
        """The parameters and buffers, None where their condition does not hold."""
        for name, tensor in self.spec.tensors.items():
            path: Path = ("parameters" if name in self.spec.parameters else "buffers", name)
            values = self.setting.values
            if tensor.when is not None:
                condition = partial(self.interpreter(values).truth, tensor.when)
                if not self.located((*path, "when"), condition):
                    yield name, None
                    continue
            shape = self.shape((*path, "shape"), tensor.shape, values)
            made = self.made(shape, tensor, self.bench.owned_dtype or self.bench.dtype)
            yield name, made.requires_grad_(self.bench.gradients and name in self.spec.parameters)

    def given(self) -> Iterator[tuple[str, Tensor | None]]:
        """The inputs, None where they are left out."""
        for name, tensor in self.spec.inputs.items():
            if name in self.setting.absent:
                yield name, None
            else:
                made = self.made(self.input_shape(name), tensor, self.bench.dtype)
                yield name, made.requires_grad_(self.bench.gradients and made.is_floating_point())

    def input_shape(self, name: str) -> tuple[int, ...]:
        return self.shape(("inputs", name, "shape"), self.spec.inputs[name].shape, self.scalars)

    def made(self, shape: tuple[int, ...], tensor: TensorSpec, dtype: torch.dtype) -> Tensor:
        own = getattr(tensor, "dtype", None)
        return torch.empty(shape, device=self.bench.device, dtype=dtype_of(own) if own else dtype)

    def ranges(self) -> Iterator[tuple[str, tuple[float, float]]]:
        """Between which values the inputs that say so lie."""
        for name, tensor in self.spec.inputs.items():
            if tensor.range is not None:
                evaluate = self.interpreter({**CONSTANTS, **self.scalars}).evaluate
                low, high = (
                    self.located(("inputs", name, "range", index), partial(evaluate, end))
                    for index, end in enumerate(tensor.range)
                )
                if not low < high:
                    place = Place(("inputs", name, "range"))
                    message = f"the range of `{name}` is empty: [{low}, {high})"
                    raise TrialFault(EmptyRange.at(place, message, notes=self.explainer.notes()))
                yield name, (low, high)

    def floating_dtype(self) -> torch.dtype:
        """The dtype of the first floating input, or of the layer's own tensors where there is none."""
        tensors = [self.inputs[name] for name, part in self.spec.inputs.items() if part.floating]
        owned = [tensor for tensor in self.state.values() if tensor is not None and tensor.is_floating_point()]
        return next((tensor.dtype for tensor in (*tensors, *owned) if tensor is not None), torch.float32)

    def run(self, training: bool, *observers: Observer) -> dict[str, Tensor]:
        """Run the forward; returns the outputs."""
        values = {**CONSTANTS, **self.scalars, **self.inputs, **self.state, "training": training}
        calls = TensorCalls(self.bench.device, self.floating_dtype(), self.bench.scalars)
        interpreter = ForwardInterpreter(values, calls, self, observers)
        self.steps = interpreter.steps
        self.explainer.values, self.explainer.stored = interpreter.values, interpreter.stored
        self.located(("forward",), partial(interpreter.run, self.spec.forward))
        outputs = {}
        for name in self.spec.outputs:
            value = interpreter.values[name]
            if not isinstance(value, Tensor):
                raise TrialFault(self.explainer.no_tensor(name, value))
            outputs[name] = value
        return outputs

    def declared_shape(self, output: str) -> tuple[int, ...]:
        """The shape that an output is declared to have."""
        return self.shape(("outputs", output, "shape"), self.spec.outputs[output].shape, self.scalars)

    def declared_dtype(self, output: str) -> torch.dtype:
        """The dtype that an output is declared to have."""
        own = self.spec.outputs[output].dtype
        return dtype_of(own) if own else self.floating_dtype()


class ForwardInterpreter(Interpreter):
    """Runs a forward. Assigning to a buffer's name keeps the buffer, and looks at what it is given."""

    def __init__(
        self, values: Mapping[str, Any], call: Function, stage: Stage, observers: Sequence[Observer] = ()
    ) -> None:
        super().__init__(values, self.watched)
        self.function = call
        self.stage = stage
        self.observers = observers
        self.steps: list[Step] = []
        self.stored: dict[str, ex.Name] = {}

    def watched(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        for observer in self.observers:
            observer.called(node, arguments, keywords)
        return self.function(node, arguments, keywords)

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        for observer in self.observers:
            observer.combined(node, left, right)
        return super().combine(node, left, right)

    def store(self, target: ex.Name, value: Any) -> None:
        self.steps.append(Step(target.id, value, target))
        self.stored[target.id] = target
        if target.id not in self.stage.spec.buffers:
            super().store(target, value)
            return
        buffer = self.stage.state[target.id]
        if buffer is None:
            raise EvaluationFault(target, f"the buffer `{target.id}` does not exist here")
        if not isinstance(value, Tensor) or value.shape != buffer.shape:
            shown = self.stage.explainer.shown
            message = f"the buffer `{target.id}` has shape {shown(buffer)}, but is assigned {shown(value)}"
            raise TrialFault(BufferMismatch.at(Place(("forward",), target.span), message))
        if not torch.can_cast(value.dtype, buffer.dtype):
            own, found = dtype_name(buffer.dtype), dtype_name(value.dtype)
            message = f"the buffer `{target.id}` is {own}, but is assigned {found}"
            help = f"declare `dtype: {found}`, or bring the value to the buffer's: `type_as(…, {target.id})`"
            raise TrialFault(BufferMismatch.at(Place(("forward",), target.span), message, help=help))


def dtype_of(name: str) -> torch.dtype:
    """The dtype that a name stands for."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
