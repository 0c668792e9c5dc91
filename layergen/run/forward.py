"""A run of a forward: what it is watched by, what each statement computes, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.facts import Autocast, CalleeKind
from layergen.lang.interpreter import EvaluationFault, Function, Interpreter
from layergen.lang.tuples import whole_name
from layergen.ops.dtypes import dtype_name
from layergen.rules.shapes import OpFailed
from layergen.rules.tensors import BufferMismatch
from layergen.run.budget import affords
from layergen.run.explain import Explainer
from layergen.run.fault import MemberFault
from layergen.run.paths import parted
from layergen.run.remedies import reshaped


class TrialFault(SpecError):
    """The layer does not work as it is set up.

    ``for_data`` tells that torch asks for the values of tensors that have none: with data, it may work. ``unchecked``
    tells that torch itself would not refuse it, as where a number is divided by 0 before torch is asked. ``of_kind``
    tells that a value is of the wrong kind, as a list for a tensor, which other sizes would not help.
    """

    def __init__(
        self, finding: Finding, *, for_data: bool = False, unchecked: bool = False, of_kind: bool = False
    ) -> None:
        super().__init__((finding,))
        self.of_kind = of_kind
        self.unchecked = unchecked
        self.finding = finding
        self.for_data = for_data


class Observer(Protocol):
    """Watches a run of the forward."""

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        """A function is about to be called."""

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        """Two values are about to be combined."""

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        """A value has come of a call of a function, or of two values."""

    def decided(self, test: ex.Expression, outcome: bool) -> None:
        """A condition has said which way to go."""

    def turned(self, over: ex.Expression, turns: int) -> None:
        """A loop over something is about to take so many turns."""


@dataclass(frozen=True)
class Step:
    """What a statement of the forward has computed for one of its names."""

    target: ex.Name
    value: Any

    @property
    def name(self) -> str:
        return self.target.id


@dataclass(frozen=True)
class Run:
    """What came of a run."""

    outputs: Mapping[str, Tensor]
    steps: tuple[Step, ...]  # in the order in which they were taken
    given: Mapping[str, Tensor] = field(default_factory=dict)  # the copies of inputs that the forward may write to
    called: frozenset[str] = frozenset()  # the paths of the members that were called

    def has_written(self, name: str) -> bool:
        """Whether an input was written to: torch counts that."""
        return name in self.given and self.given[name]._version > 0

    @property
    def stored(self) -> Mapping[str, ex.Name]:
        """Where each name got the value that it has at the end; a buffer that keeps its value has got none."""
        return {step.name: step.target for step in self.steps}

    def place(self, output: str) -> Place:
        """Where an output got its value; a tensor of a tuple got it with the tuple."""
        target = self.stored.get(whole_name(output))
        return Place(FORWARD, target.span if target else None)


def _absent(node: ex.Node, name: str) -> MemberFault:
    """The fault of a member that is used where it may not be there."""
    return MemberFault(node, f"`{name}` is None here", help=f"ask first: `if {name} is not None:`", rule=OpFailed)


class ForwardInterpreter(Interpreter):
    """Runs a forward. Assigning to a buffer's name leaves the buffer as it is; later reads see what was assigned.

    Args:
        values: What each name stands for at the start.
        call: Calls the functions of a forward.
        buffers: The layer's buffers, None where they do not exist.
        explainer: Puts shapes into words.
        observers: Who watches.
        leading: What ``...`` stands for.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        call: Function,
        buffers: Mapping[str, Tensor | None],
        explainer: Explainer,
        observers: Sequence[Observer] = (),
        leading: Sequence[int] = (),
    ) -> None:
        super().__init__(values, call)
        self.buffers = buffers
        self.explainer = explainer
        self.observers = observers
        self.leading = leading
        self.steps: list[Step] = []
        self.called: set[str] = set()  # the paths of members

    def visit(self, statement: ex.Statement) -> None:
        """Do what a statement says: what is to be kept from autocast, without that of the CPU, which alone is tried."""
        if statement.autocast is Autocast.OFF and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                super().visit(statement)
        else:
            super().visit(statement)

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        if node.origin and node.origin.demand:
            self.meet(node, node.origin.demand, arguments[0])
        for observer in self.observers:
            observer.called(node, arguments, keywords)
        if node.callee is not None and node.callee.kind is CalleeKind.MEMBER:
            return self.member(node, self.values[node.function], arguments, keywords)
        value = self.function(node, arguments, keywords)
        for observer in self.observers:
            observer.gave(node, arguments, value)
        return value

    def meet(self, node: ex.Call, demand: ex.Demand, operand: Any) -> None:
        """Refuse a tensor that is not what a pattern says of it."""
        if not isinstance(operand, Tensor):
            return
        shown = self.explainer.shown(operand)
        if operand.dim() != demand.axes if not demand.any else operand.dim() < demand.axes:
            least = f"{demand.axes}{' or more' if demand.any else ''} dimension{'s' * (demand.axes != 1)}"
            raise EvaluationFault(node, f"the pattern is of {least}, but the tensor is {shown}")
        for index, size in demand.sizes:
            if operand.shape[index] != size:
                raise EvaluationFault(node, f"dimension {index} is {size} in the pattern, but the tensor is {shown}")

    def member(self, node: ex.Call, inner: Any, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a member."""
        if inner is None:
            raise _absent(node, node.function)
        if hasattr(inner, "path"):  # the layer itself, which laws call, has none
            self.called.add(inner.path)
        return inner(node, arguments, keywords, self.values["training"])

    def apply(self, node: ex.Apply) -> Any:
        """Call a member of a list."""
        inner = self.evaluate(node.function)
        arguments = [self.evaluate(argument) for argument in node.arguments]
        keywords = {keyword.name: self.evaluate(keyword.value) for keyword in node.keywords}
        call = ex.Call(ex.show(node.function), node.arguments, node.keywords, span=node.span, callee=node.callee)
        for observer in self.observers:
            observer.called(call, arguments, keywords)
        return self.guarded(node, lambda: self.member(call, inner, arguments, keywords))

    def sequence(self, node: ex.Sequence) -> Any:
        if not ex.is_spliced(node):
            return super().sequence(node)
        items: list[Any] = []
        for item in node.items:
            items += self.leading if item == ex.Literal(...) else self.spliced(item)
        return items

    def tensor(self, node: ex.Member) -> Tensor | None:
        """The tensor of a member."""
        base, path = parted(node, self.evaluate)
        inner = self.evaluate(base)
        if inner is None:
            raise _absent(node, ex.show(base))
        if not hasattr(inner, "tensor"):
            raise EvaluationFault(node, f"`{ex.show(base)}` is no member, and has no `{path}`")
        found: Tensor | None = self.guarded(node, inner.tensor, path)
        return found

    def subscript(self, node: ex.Subscript) -> Any:
        several = self.family(node.value) if isinstance(node.value, ex.Member) else None
        return super().subscript(node) if several is None else self.pick(node, several, self.index(node.index))

    def family(self, node: ex.Member) -> list[Tensor | None] | None:
        """The tensors of a family of a member; None where its path is that of one tensor, or of none."""
        base, path = parted(node, self.evaluate)
        inner = self.evaluate(base)
        found: list[Tensor | None] | None = inner.family(path) if hasattr(inner, "family") else None
        return found

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        for observer in self.observers:
            observer.combined(node, left, right)
        value = super().combine(node, left, right)
        for observer in self.observers:
            observer.gave(node, (left, right), value)
        return value

    def decide(self, test: ex.Expression) -> bool:
        outcome = super().decide(test)
        for observer in self.observers:
            observer.decided(test, outcome)
        return outcome

    def take_turns(self, statement: ex.For, items: list[Any]) -> None:
        for observer in self.observers:
            observer.turned(statement.iterable, len(items))
        if not affords(len(items)):
            raise EvaluationFault(statement.iterable, f"{len(items)} turns are more than a search may take")
        super().take_turns(statement, items)

    def count(self, number: int) -> str:
        return self.explainer.count(number)

    def store(self, target: ex.Name, value: Any) -> None:
        if target.id in self.buffers and value is self.values[target.id]:
            return  # an op gives back what it has not written
        self.steps.append(Step(target, value))
        super().store(target, self.stored(target, value) if target.id in self.buffers else value)

    def stored(self, target: ex.Name, value: Any) -> Tensor:
        """What a buffer holds once it is assigned a value: the same in its own dtype, and without a gradient."""
        buffer = self.buffers[target.id]
        if buffer is None:
            raise EvaluationFault(target, f"the buffer `{target.id}` does not exist here")
        place = Place(FORWARD, target.span)
        if not isinstance(value, Tensor) or value.shape != buffer.shape:
            shown = self.explainer.shown
            message = f"the buffer `{target.id}` has shape {shown(buffer)}, but is assigned {shown(value)}"
            sizes = [self.explainer.size(size) for size in value.shape] if isinstance(value, Tensor) else []
            help = reshaped(self.explainer.program, target, buffer, value, sizes)
            notes = self.explainer.notes()
            raise TrialFault(BufferMismatch.at(place, message, notes=notes, help=help))
        if not torch.can_cast(value.dtype, buffer.dtype):
            own, found = dtype_name(buffer.dtype), dtype_name(value.dtype)
            message = f"the buffer `{target.id}` is {own}, but is assigned {found}"
            help = f"declare `dtype: {found}`, or bring the value to the buffer's: `type_as(…, {target.id})`"
            raise TrialFault(BufferMismatch.at(place, message, help=help))
        return value.detach().to(buffer.dtype)
