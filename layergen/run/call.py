"""A call of a layer of another spec: what its inputs bind, and what comes out, by its contract or computed."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from layergen.diagnostics import FORWARD, Label, Place
from layergen.lang import expression as ex
from layergen.lang.bounds import normalize, refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Input
from layergen.lang.tuples import by_wholes, gathered, packed
from layergen.ops.dtypes import dtype_name, dtype_of
from layergen.resolve.program import Child, Program
from layergen.resolve.signature import Binding, Entry, Sizes
from layergen.run.environment import CONSTANTS, TensorCalls, shape_of
from layergen.run.explain import Explainer
from layergen.run.fault import MemberFault
from layergen.run.forward import ForwardInterpreter
from layergen.run.placement import Placement
from layergen.run.results import results
from layergen.run.said import NEEDS_DATA, needs_data
from layergen.settings.choice import Setting
from layergen.settings.sizes import presence
from layergen.words import listed


def bound_inputs(program: Program, arguments: list[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a forward by their names; None for those that are left out."""
    given = {**dict(zip(program.call, arguments, strict=False)), **keywords}
    for name, whole in program.tuples.items():
        parts = given.get(name)
        if parts is not None and (not isinstance(parts, list | tuple) or len(parts) != len(whole.items)):
            found = f"{len(parts)}" if isinstance(parts, list | tuple) else "one"
            message = f"`{name}` is a tuple of {len(whole.items)} tensors, but gets {found}"
            raise EvaluationFault(ex.Literal(None), message)
        given |= zip(whole.items, parts or repeat(None), strict=False)
    return {name: given.get(name) for name in program.inputs}


def bound_values(program: Program, arguments: list[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The values among the inputs of a forward that a call gives.

    Raises:
        EvaluationFault: If one is not allowed.
    """
    given = {**dict(zip(program.call, arguments, strict=False)), **keywords}
    found = {name: value for name, value in given.items() if name in program.values}
    for name, value in found.items():
        if problem := refusal(name, program.values[name], value):
            raise EvaluationFault(ex.Literal(None), problem)
    return {name: normalize(program.values[name], value) for name, value in found.items()}


@dataclass(frozen=True)
class Called:
    """A call of a layer of another spec."""

    child: Child
    values: Mapping[str, Any]
    inputs: Mapping[str, Tensor | None]
    state: Mapping[str, Any]  # tensors, lists of those of families, and None for what is not there
    members: Mapping[str, Any]
    training: bool
    placement: Placement

    def outputs(self, node: ex.Call) -> Any:
        try:
            run = by_contract if self.placement.contracts is not None else computed
            outputs = run(self)
        except MemberFault as fault:
            raise MemberFault(node, fault.message, fault.labels, fault.help) from None
        except EvaluationFault as fault:
            if needs_data(fault.message):  # so does its caller
                raise EvaluationFault(node, NEEDS_DATA) from None
            label = Label(Place(FORWARD, fault.node.span), "here", self.child.file)
            raise MemberFault(node, f"`{node.function}` fails: {fault.message}", (label,)) from None
        found = tuple(packed(outputs.items()))
        return found[0] if len(found) == 1 else found


class Bound:
    """What the inputs of a call are found to be: the sizes that they bind, each checked where it is fixed.

    Raises:
        MemberFault: If an input has another shape or dtype than declared.
        EvaluationFault: If a declared size cannot be computed.
    """

    def __init__(self, called: Called) -> None:
        self.called = called
        self.program = called.child.program
        self.values: dict[str, Any] = {**called.values, **dict.fromkeys(self.program.tensors)}
        self.sizes: dict[str, Any] = {}
        self.leading: tuple[Any, ...] | None = None
        self.further: dict[str, tuple[Any, ...]] = {}  # the sizes of the runs beside it
        later: list[tuple[Entry, Any]] = []
        for name, tensor in called.inputs.items():
            if isinstance(tensor, Tensor):
                self.check_dtype(name, self.program.inputs[name], tensor)
                later += self.bind(name, tensor)
        for entry, size in later:
            self.compare(entry, size)
        for index, constraint in enumerate(self.program.constraints):
            self.demand(constraint, Label(Place(("constraints", index)), "demanded here", called.child.file))
        for condition in called.child.preconditions if called.placement.contracts is not None else ():
            self.demand(condition, Label(Place(FORWARD), "demanded here", called.child.file))

    @property
    def scalars(self) -> dict[str, Any]:
        named = {**({self.program.run: self.leading or ()} if self.program.run else {}), **self.further}
        run = {name: list(sizes) for name, sizes in named.items()}
        absent = frozenset(name for name, tensor in self.called.inputs.items() if tensor is None)
        return {**self.called.values, **self.sizes, **run, **presence(self.program.asked, absent)}

    def evaluate(self, node: ex.Expression) -> Any:
        return Interpreter({**CONSTANTS, **self.scalars}, self.called.placement.scalars).evaluate(node)

    def demand(self, condition: ex.Expression, label: Label) -> None:
        known = {*self.scalars, *CONSTANTS}
        if not ex.names(condition) <= known and not ex.names(condition) & self.program.asked:
            return  # about inputs that are left out
        if not bool(self.evaluate(condition)):
            name = self.called.child.name
            raise MemberFault(condition, f"`{name}` demands `{ex.show(condition)}`", (label,))

    def check_dtype(self, name: str, declared: Input, tensor: Tensor) -> None:
        fits = tensor.is_floating_point() if not declared.dtypes else tensor.dtype in map(dtype_of, declared.dtypes)
        if not fits and not (tensor.is_complex() and declared.dtype is None):
            wanted = listed(declared.dtypes, "or") or "a floating dtype"
            message = f"`{self.called.child.name}` takes {wanted} as `{name}`, but gets {dtype_name(tensor.dtype)}"
            raise self.refusal(name, message)

    def refusal(self, name: str, message: str) -> MemberFault:
        label = Label(Place(("inputs", name), key=True), "declared here", self.called.child.file)
        return MemberFault(ex.Literal(None), message, (label,))

    def bind(self, name: str, tensor: Tensor) -> Iterator[tuple[Entry, Any]]:
        """Bind the dimensions of an input; what is to be compared when all are bound is handed back."""
        sizes = self.alternative(name)
        shape = tuple(tensor.shape)
        if sizes is None:
            return
        if self.program.inputs[name].broadcast:
            yield from self.spread(name, sizes, shape)
            return
        listed = sum(len(self.evaluate(part)) for part in sizes.lists)
        loose = len(shape) - sizes.least - listed  # leading dimensions
        if loose != 0 if sizes.loose is None else loose < 0:
            raise self.refusal(name, self.wrong(name, shape, "another number of dimensions"))
        for entry in self.program.entries:
            if entry.input != name or entry.sizes != sizes:
                continue
            second = any(index < entry.position for index in sizes.opens)
            if entry.binding is Binding.LEADING:
                start = entry.position - 1 + listed if second else entry.position
                self.lead(name, shape, shape[start : start + loose])
                continue
            if entry.binding is Binding.RUN:
                start = entry.position - 1 + listed if second else entry.position
                self.further[str(sizes.tells)] = shape[start : start + loose]
                continue
            if isinstance(entry.expression, ex.Splice):
                start = entry.position - 1 + loose if second else entry.position
                expected = tuple(self.evaluate(entry.expression.value))
                if not all(map(operator.eq, shape[start : start + listed], expected)):
                    raise self.refusal(name, self.wrong(name, shape, f"`{ex.show(entry.expression.value)}`"))
                continue
            size = shape[entry.index]
            if entry.binding is Binding.BINDS and isinstance(entry.expression, ex.Name):
                self.sizes.setdefault(entry.expression.id, size)
            elif entry.binding is Binding.SOLVED and entry.solves is not None:
                found = Interpreter({**self.scalars, "size": size}).evaluate(entry.solves.solution(ex.Name("size")))
                self.sizes.setdefault(entry.solves.dimension, found)
            yield entry, size

    def spread(self, name: str, sizes: Sizes, shape: tuple[Any, ...]) -> Iterator[tuple[Entry, Any]]:
        """What is to be compared of an input that is broadcast: the sizes that are not 1."""
        whole = [self.counted(entry) for entry in sizes.entries]
        if len(shape) > sum(whole):
            raise self.refusal(name, self.wrong(name, shape, "more dimensions"))
        for entry in self.program.entries:
            if entry.binding is Binding.LEADING or entry.input != name or entry.sizes != sizes:
                continue
            behind = len(shape) - sum(whole[entry.position + 1 :])
            found = shape[max(behind - whole[entry.position], 0) : max(behind, 0)]
            if not isinstance(entry.expression, ex.Splice):
                yield from ((entry, size) for size in found if bool(size != 1))
                continue
            expected = tuple(self.evaluate(entry.expression.value))[-len(found) :] if found else ()
            if any(bool(size != 1) and bool(size != one) for size, one in zip(found, expected, strict=True)):
                raise self.refusal(name, self.wrong(name, shape, f"`{ex.show(entry.expression.value)}`"))

    def counted(self, entry: ex.Expression) -> int:
        """How many sizes an entry of a shape stands for."""
        if isinstance(entry, ex.Splice):
            return len(self.evaluate(entry.value))
        return len(self.leading or ()) if entry == ex.Literal(...) else 1

    def alternative(self, name: str) -> Sizes | None:
        """The list of sizes that an input's shape is at the values of this call."""
        known = {
            **CONSTANTS,
            **self.called.values,
            **self.called.state,
            **gathered(self.called.inputs, self.program.tuples),
        }
        for sizes in self.program.shapes[name]:
            if all(Interpreter(known).truth(test) == holds for test, holds in sizes.tests):
                return sizes
        return None

    def lead(self, name: str, shape: tuple[Any, ...], found: tuple[Any, ...]) -> None:
        if self.leading is None:
            self.leading = found
        same = len(found) == len(self.leading) and all(
            bool(one == other) for one, other in zip(found, self.leading, strict=True)
        )
        if not same:
            raise self.refusal(name, self.wrong(name, shape, "other leading dimensions"))

    def compare(self, entry: Entry, size: Any) -> None:
        expected = self.evaluate(entry.expression)
        if not bool(size == expected):
            shape = tuple(self.called.inputs[entry.input].shape)  # type: ignore[union-attr]
            raise self.refusal(entry.input, self.wrong(entry.input, shape, f"`{ex.show(entry.expression)}`"))

    def wrong(self, name: str, shape: tuple[Any, ...], what: str) -> str:
        """How an input differs from what is declared."""
        declared = ", ".join(map(ex.show, self.program.inputs[name].entries))
        shown = self.called.placement.shown(shape)
        mentioned = set[str]().union(*map(ex.names, self.program.inputs[name].entries)) & set(self.called.values)
        text = self.called.placement.text
        meant = {word: _shown(self.called.values[word], text) for word in sorted(mentioned)}
        told = [f"`{word}` is {found}" for word, found in meant.items() if found != word]
        where = f", where {listed(told)}" if told else ""
        return f"`{self.called.child.name}` takes `{name}` of shape [{declared}]{where}, but gets {shown}"


def _shown(value: Any, text: Callable[[Any], str]) -> str:
    return f"[{', '.join(map(text, value))}]" if isinstance(value, tuple) else text(value)


def floating_dtype(called: Called) -> torch.dtype:
    """The dtype of the first floating input of a call, or of the layer's own tensors."""
    tensors = [called.inputs.get(name) for name, part in called.child.program.inputs.items() if part.floating]
    found = [tensor for tensor in (*tensors, *called.state.values()) if isinstance(tensor, Tensor)]
    return next((tensor.dtype for tensor in found if tensor.is_floating_point()), called.placement.dtype)


def penalty(called: Called) -> Any:
    """The own regularization term of the layer that would be called.

    Raises:
        EvaluationFault: If it has none, or it cannot be computed.
    """
    program, placement = called.child.program, called.placement
    setting = Setting("member", {}, called.values, {}, run=program.run, asked=program.asked)
    calls = TensorCalls(placement.device, floating_dtype(called), placement.scalars, called.values)
    values = {**CONSTANTS, **called.values, **called.members, **called.state, "training": True}
    term = program.penalty or ex.Literal(None)
    return ForwardInterpreter(values, calls, {}, Explainer(program, setting)).evaluate(term)


def by_contract(called: Called) -> dict[str, Tensor | None]:
    """What comes out by the contract: tensors of the declared shapes and dtypes, without values."""
    bound, child = Bound(called), called.child
    contracts = called.placement.contracts
    assert contracts is not None
    contracts.rely(child, {**bound.scalars, "prod_leading": math.prod(bound.leading or ())}, called.placement.scalars)
    interpreter = Interpreter({**bound.scalars, **called.inputs}, called.placement.scalars)
    outputs: dict[str, Tensor | None] = {}
    for name, there in child.program.returned(interpreter.truth):
        tensor = child.program.outputs[name]
        if not there:
            outputs[name] = None
            continue
        shape = shape_of(tensor.shape, interpreter, bound.leading or ())
        dtype = dtype_of(tensor.dtype) if tensor.dtype else floating_dtype(called)
        outputs[name] = torch.empty(shape, device=called.placement.device, dtype=dtype)
    return outputs


def computed(called: Called) -> dict[str, Tensor | None]:
    """What comes out where the forward is run."""
    bound, program = Bound(called), called.child.program
    absent = frozenset(name for name, tensor in called.inputs.items() if tensor is None)
    setting = Setting(
        "member",
        {},
        called.values,
        bound.sizes,
        bound.leading or (),
        bound.further,
        absent,
        run=program.run,
        asked=program.asked,
    )
    calls = TensorCalls(called.placement.device, floating_dtype(called), called.placement.scalars, called.values)
    given = gathered(called.inputs, program.tuples)
    values = {**CONSTANTS, **bound.scalars, **given, **called.members, **called.state}
    buffers = {name: called.state[name] for name, part in program.buffers.items() if part.each is None}
    explainer = Explainer(program, setting)
    running = ForwardInterpreter(
        {**values, "training": called.training}, calls, buffers, explainer, (), bound.leading or ()
    )
    running.run(program.forward.statements)
    found = dict(program.returned(Interpreter(bound.scalars).truth))
    outputs: dict[str, Any] = {}
    for name, there in by_wholes(found).items():
        if not there:
            outputs |= dict.fromkeys(program.results[name].items if name in program.results else [name])
        elif name in program.results:
            outputs |= results(explainer, name, running.values.get(name))
        elif isinstance(running.values.get(name), Tensor):
            outputs[name] = running.values[name]
        else:
            raise EvaluationFault(ex.Literal(None), f"its output `{name}` is no tensor")
    return outputs
