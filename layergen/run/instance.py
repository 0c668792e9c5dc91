"""One layer with its tensors set up: on the meta device, on fake tensors, in any dtype, at numbers or at symbols."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from layergen.diagnostics import FORWARD, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Tensor as TensorSpec
from layergen.lang.tuples import gathered, wholes
from layergen.ops.dtypes import dtype_of
from layergen.resolve.families import common_condition, count_of, expanded
from layergen.resolve.program import Program
from layergen.resolve.written import written
from layergen.rules.calls import SizeOfValues
from layergen.rules.cases import EmptyRange
from layergen.rules.shapes import OpFailed
from layergen.rules.spec import InvalidValue
from layergen.run.environment import CONSTANTS, TensorCalls, UncheckedFault, shape_of
from layergen.run.explain import Explainer
from layergen.run.forward import ForwardInterpreter, Observer, Run, TrialFault
from layergen.run.members import Assembled, assemble
from layergen.run.owned import Owned, tie
from layergen.run.placement import META, Placement
from layergen.run.results import results
from layergen.run.said import needs_data
from layergen.settings.choice import Setting

__all__ = ["META", "Instance", "Placement"]


class Instance:
    """One layer at one setting.

    Raises:
        TrialFault: If a shape or condition of the spec cannot be computed.
    """

    def __init__(
        self,
        program: Program,
        setting: Setting,
        placement: Placement | None = None,
        explainer: Explainer | None = None,
    ) -> None:
        self.source = program
        self.setting = setting
        self.placement = placement or Placement()
        self.scalars = setting.names
        self.explainer = explainer or Explainer(program, setting)
        self.program = expanded(program, dict(self.counts(program)))
        self.state = dict(self.owned())
        self.inner: dict[str, Owned] = {}  # the tensors of members among the state
        self.members = dict(self.assembled())
        self.inputs = dict(self.given())

    def located(self, path: Path, compute: Any) -> Any:
        """Compute something of the spec at a path; a fault becomes a finding there."""
        try:
            return compute()
        except EvaluationFault as fault:
            raise TrialFault(self.explainer.fault(path, fault)) from None

    def interpreter(self, names: Mapping[str, Any]) -> Interpreter:
        """An interpreter for the numbers of a program."""
        return Interpreter(names, self.placement.scalars)

    def shape(self, path: Path, shape: Any, names: Mapping[str, Any]) -> tuple[int, ...]:
        """The sizes of a shape of the program."""
        interpreter = self.interpreter(names)
        if not isinstance(shape, tuple):
            compute = partial(shape_of, shape, interpreter, self.setting.leading)
            return self.located(path, compute)  # type: ignore[no-any-return]
        sizes: list[int] = []
        for index, entry in enumerate(shape):
            sizes += self.located((*path, index), partial(shape_of, (entry,), interpreter, self.setting.leading))
        return tuple(sizes)

    def counts(self, program: Program) -> Iterator[tuple[str, int]]:
        """How many tensors each family has."""
        interpreter = self.interpreter(self.setting.values)
        for name, tensor in program.families.items():
            assert tensor.each is not None
            path = (*program.path(name), *tensor.each.path)
            yield name, self.located(path, partial(count_of, tensor.each, interpreter))

    @property
    def named(self) -> Mapping[str, Any]:
        """What the names of the layer's own tensors stand for: a family for a list."""
        return {**self.state, **self.lists(self.state)}

    def lists(self, state: Mapping[str, Any]) -> dict[str, list[Any] | None]:
        """The families, whose tensors have these values; None for those that do not exist."""
        lists: dict[str, list[Any] | None] = {}
        for name, several in self.program.kin.items():
            when = common_condition(self.source.tensors[name])
            there = when is None or self.interpreter(self.setting.values).truth(when)
            lists[name] = [state.get(member) for member in several] if there else None
        return lists

    def owned(self) -> Iterator[tuple[str, Tensor | None]]:
        """The parameters and buffers, None where their condition does not hold."""
        for name, tensor in self.program.tensors.items():
            path: Path = self.program.path(name)
            values = self.setting.values
            if tensor.when is not None:
                condition = partial(self.interpreter(values).truth, tensor.when)
                if not self.located((*path, "when"), condition):
                    yield name, None
                    continue
            shape = self.shape((*path, "shape"), tensor.shape, values)
            made = self.made(shape, tensor, self.placement.owned_dtype or self.placement.dtype)
            yield name, made.requires_grad_(self.placement.gradients and self.learns(name))

    def learns(self, name: str) -> bool:
        """Whether a tensor of the layer's own is a parameter that is not frozen."""
        part = self.program.parameters.get(name)
        if part is None or part.requires_grad is None:
            return part is not None
        condition = partial(self.interpreter(self.setting.values).truth, part.requires_grad)
        return bool(self.located((*self.program.path(name), "requires_grad"), condition))

    def assembled(self) -> Iterator[tuple[str, Assembled]]:
        """The members, whose tensors become a part of the state; None where their condition does not hold."""
        values, there = self.setting.values, dict[str, Assembled]()
        for name, member in self.program.members.items():
            path: Path = ("modules", name, "module")
            own = partial(assemble, {name: member}, values, "", self.state, self.inner, self.placement)
            there |= self.located(path, lambda own=own: dict(own()))
            yield name, there[name]
        for one in self.program.ties:
            if one.each is not None:
                self.located(("ties", *one.each.path), partial(count_of, one.each, self.interpreter(values)))
            own_tie = partial(tie, [one], there, "", self.state, self.inner, values, self.placement)
            self.located(("ties", one.key), own_tie)

    def given(self) -> Iterator[tuple[str, Tensor | None]]:
        """The inputs, None where they are left out."""
        for name, tensor in self.program.inputs.items():
            if name in self.setting.absent:
                yield name, None
            else:
                own = self.setting.dtypes.get(name, tensor.dtype)
                tensor = tensor if own == tensor.dtype else tensor.model_copy(update={"dtype": own})
                made = self.made(self.input_shape(name), tensor, self.placement.dtype)
                differentiable = made.is_floating_point() and tensor.gradient
                yield name, made.requires_grad_(self.placement.gradients and differentiable)

    def declared(self, name: str) -> tuple[int, ...]:
        """The shape that an input is declared to have."""
        return self.shape(("inputs", name, "shape"), self.program.inputs[name].shape, self.scalars)

    def input_shape(self, name: str) -> tuple[int, ...]:
        """The shape that it has."""
        shape = self.declared(name)
        left = self.setting.shrunk.get(name)
        if left == "one":
            return (*shape[:-1], 1) if shape else shape
        if left == "between":
            return self.between_ones(shape, whole=self.program.inputs[name].broadcast == "sizes")
        return (1,) * len(shape) if left == "ones" else shape[-1:] if left == "last" and len(shape) > 1 else shape

    @staticmethod
    def between_ones(shape: tuple[int, ...], whole: bool) -> tuple[int, ...]:
        """Sizes of which the outer ones are 1, the first of these left out where a shape need not be whole."""
        if len(shape) < 2:
            return (1,) * len(shape)
        inner = (*shape[1:-1], 1) if len(shape) > 2 or not whole else shape[1:]
        return (1, *inner) if whole else inner

    def made(self, shape: tuple[int, ...], tensor: TensorSpec, dtype: torch.dtype) -> Tensor:
        own = getattr(tensor, "dtype", None)
        return torch.empty(shape, device=self.placement.device, dtype=dtype_of(own) if own else dtype)

    def ranges(self) -> Iterator[tuple[str, tuple[float, float]]]:
        """Between which values the inputs that say so lie."""
        for name, tensor in self.program.inputs.items():
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
                given = self.inputs[name]
                count = math.prod(given.shape[-len(tensor.distinct) :]) if given is not None and tensor.distinct else 0
                if count > high - low:
                    place = Place(("inputs", name, "distinct"))
                    message = f"{count} entries of `{name}` cannot be distinct: its range is [{low}, {high})"
                    raise TrialFault(EmptyRange.at(place, message, notes=self.explainer.notes()))
                yield name, (low, high)

    def also(self, name: str) -> tuple[int, ...]:
        """The single values beside its range that an input may have. An argument that is None is none."""
        part = self.program.inputs[name]
        if not part.also:
            return ()
        evaluate = self.interpreter({**CONSTANTS, **self.scalars}).evaluate
        found = [
            self.located(("inputs", name, "also", index), partial(evaluate, one)) for index, one in enumerate(part.also)
        ]
        own = torch.iinfo(dtype_of(self.setting.dtypes.get(name) or str(part.dtype)))
        for index, value in enumerate(found):
            if value is not None and (type(value) is not int or not own.min <= value <= own.max):
                message = f"`{name}` may be {value!r} beside its range, which is no {own.dtype}"
                path = ("inputs", name, "also", index)
                raise TrialFault(InvalidValue.at(path, message, notes=self.explainer.notes()))
        return tuple(value for value in dict.fromkeys(found) if value is not None)

    def floating_dtype(self) -> torch.dtype:
        """The dtype of the first floating input, or of the layer's own tensors where there is none."""
        tensors = [self.inputs[name] for name, part in self.program.inputs.items() if part.floating]
        fixed = {name for name, part in self.program.tensors.items() if part.dtype is not None}
        names = sorted(self.state, key=lambda name: name in fixed)  # those first that have what is asked for
        owned = [tensor for name in names if (tensor := self.state[name]) is not None and tensor.is_floating_point()]
        return next((tensor.dtype for tensor in (*tensors, *owned) if tensor is not None), torch.float32)

    def evaluated(
        self, expression: ex.Expression, interpreter: Callable[..., ForwardInterpreter] = ForwardInterpreter
    ) -> Any:
        """What an expression in the layer's own tensors and its members' comes to.

        Raises:
            EvaluationFault: If it cannot be computed.
        """
        values = {**CONSTANTS, **self.setting.values, **self.members, **self.named, "training": True}
        calls = TensorCalls(self.placement.device, self.floating_dtype(), self.placement.scalars)
        return interpreter(values, calls, {}, self.explainer).evaluate(expression)

    def run(
        self,
        training: bool,
        *observers: Observer,
        inputs: Mapping[str, Tensor] | None = None,
        interpreter: Callable[..., ForwardInterpreter] = ForwardInterpreter,
    ) -> Run:
        """Run the forward, if need be with other inputs than the instance's own, or by another interpreter.

        Raises:
            TrialFault: If torch refuses a call, or an output is no tensor.
        """
        own = {**self.inputs, **(inputs or {})}
        # So that the instance can run again, from the same values.
        copies = {name: tensor.clone() for name in written(self.program) if (tensor := own[name]) is not None}
        given = gathered({**own, **copies}, self.program.tuples)
        values = {**CONSTANTS, **self.scalars, **given, **self.members, **self.named, "training": training}
        calls = TensorCalls(self.placement.device, self.floating_dtype(), self.placement.scalars, self.setting.values)
        buffers = {name: self.state[name] for name in self.program.buffers}
        running = interpreter(values, calls, buffers, self.explainer, observers, self.setting.leading)
        try:
            running.run(self.program.forward.statements)
        except EvaluationFault as fault:
            finding = self.explainer.fault(FORWARD, fault, running.values)
            sized = finding.rule is SizeOfValues and SizeOfValues.name in self.program.accept
            for_data = sized or (finding.rule is OpFailed and needs_data(fault.message))
            unchecked = fault.arithmetic or isinstance(fault, UncheckedFault)
            raise TrialFault(finding, for_data=for_data, unchecked=unchecked) from None
        outputs: dict[str, Tensor] = {}
        for name in wholes(self.returned()):
            if name not in running.values:
                raise TrialFault(self.explainer.unassigned(name))
            outputs |= results(self.explainer, name, running.values[name])
        return Run(outputs, tuple(running.steps), copies, frozenset(running.called))

    def keep(self, run: Run) -> Mapping[str, ex.Name]:
        """Give the buffers what a run has assigned to them, all at once: it may be what another buffer had before.

        Returns:
            Where each of those that there are was assigned last.
        """
        there = {name for name in self.program.buffers if self.state[name] is not None}
        assigned = {step.name: step for step in run.steps if step.name in there and isinstance(step.value, Tensor)}
        with torch.no_grad():
            values = {name: step.value.clone() for name, step in assigned.items()}
            for name, value in values.items():
                target = self.state[name]
                assert target is not None
                target.copy_(value)
        return {name: step.target for name, step in assigned.items()}

    def returned(self) -> tuple[str, ...]:
        """The outputs that there are at the setting."""
        return tuple(name for name in self.program.outputs if self.is_returned(name))

    def is_returned(self, name: str) -> bool:
        when = self.program.outputs[name].when
        if when is None:
            return True
        return bool(self.located(("outputs", name, "when"), partial(self.interpreter(self.setting.values).truth, when)))

    def declared_shape(self, output: str) -> tuple[int, ...]:
        """The shape that an output is declared to have."""
        return self.shape(("outputs", output, "shape"), self.program.outputs[output].shape, self.scalars)

    def declared_dtype(self, output: str) -> torch.dtype:
        """The dtype that an output is declared to have."""
        own = self.program.outputs[output].dtype
        return dtype_of(own) if own else self.floating_dtype()
