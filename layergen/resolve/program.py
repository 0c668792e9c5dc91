"""A spec of which each word is known: what all stages after `resolve` work on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.model import Argument, Buffer, Input, Match, Output, Parameter, Reference
from layergen.lang.values import Mixing
from layergen.lang.visitor import assignments, calls, parts, reads, statements
from layergen.resolve.annotation import Meaning
from layergen.resolve.signature import Dimension, Entry, Sizes, alternatives


@dataclass(frozen=True)
class Method:
    """Statements that a layer runs, and what can be read off them."""

    statements: tuple[ex.Statement, ...]

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that it reads."""
        return frozenset(node.id for node in reads(self.statements))

    @cached_property
    def targets(self) -> tuple[ex.Name, ...]:
        """The names that it assigns, where it does, in the order in which they are written."""
        return tuple(assignments(self.statements))

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The names that it assigns."""
        return frozenset(target.id for target in self.targets)

    @cached_property
    def calls(self) -> tuple[ex.Call, ...]:
        """Its calls, in the order in which they are written."""
        return tuple(calls(self.statements))

    @cached_property
    def splices(self) -> bool:
        """Whether it makes lists with the leading dimensions in them."""
        expressions = (part for statement in statements(self.statements) for part in parts(statement).expressions)
        return any(ex.is_spliced(node) for expression in expressions for node in ex.walk(expression))

    @property
    def asks_mode(self) -> bool:
        """Whether it does something else in training than in evaluation."""
        return "training" in self.reads

    @property
    def modes(self) -> tuple[bool, ...]:
        """Training and evaluation, or training alone where it does not ask which it is."""
        return (True, False) if self.asks_mode else (True,)

    @cached_property
    def draws(self) -> bool:
        """Whether it draws random numbers in some mode."""
        return any(op.random for op in self.ops)

    @cached_property
    def upcasts(self) -> bool:
        """Whether it changes dtypes itself, and so must bring them back."""
        return any(op.name == "upcast" for op in self.ops)

    @cached_property
    def ops(self) -> tuple[ops.Op, ...]:
        """The ops that it calls, one for each call."""
        found = (call.callee for call in self.calls)
        return tuple(ops.get(callee.name) for callee in found if callee and callee.kind is CalleeKind.OP)


@dataclass(frozen=True)
class Program:
    """A resolved spec: its parts, whose trees have their facts, and what they are to each other."""

    layer: str
    summary: str
    description: str | None
    references: tuple[Reference, ...]
    arguments: Mapping[str, Argument]
    derived: Mapping[str, ex.Expression]
    constraints: tuple[ex.Expression, ...]  # those on arguments alone and those on sizes, as they are declared
    parameters: Mapping[str, Parameter]
    buffers: Mapping[str, Buffer]
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    random: Literal["training", "always"]
    mixes: Mapping[str, Mixing]  # the dimensions along which samples see each other, and when
    causal: str | None  # the dimension along which no entry sees a later one
    matches: Match | None
    accept: Mapping[str, str]  # judgements of the checks that the author overrules, with the reasons
    cases: tuple[Mapping[str, Any], ...]
    forward: Method
    names: Mapping[str, Meaning]  # what the forward sees at its start
    entries: tuple[Entry, ...]  # of the inputs' shapes
    dimensions: Mapping[str, Dimension]  # in the order in which the inputs bind them
    initial_order: tuple[str, ...]  # its tensors, each after those that its initial value reads
    run: str | None = None  # the name of what `...` stands for
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # at numbers, the tensors of each family
    declared: Mapping[str, str] = field(default_factory=dict)  # and the family of each of these

    @cached_property
    def tensors(self) -> Mapping[str, Parameter | Buffer]:
        """The parameters and then the buffers: what the layer owns."""
        return {**self.parameters, **self.buffers}

    @cached_property
    def argument_constraints(self) -> tuple[ex.Expression, ...]:
        """The constraints on arguments alone, which the constructor checks."""
        return tuple(node for node in self.constraints if not ex.names(node) & self.sized)

    @cached_property
    def size_constraints(self) -> tuple[ex.Expression, ...]:
        """The constraints that mention a dimension, which the forward checks."""
        return tuple(node for node in self.constraints if ex.names(node) & self.sized)

    @cached_property
    def sized(self) -> frozenset[str]:
        """The names that the inputs give values: dimensions, and the run."""
        return frozenset(self.dimensions) | ({self.run} if self.run else frozenset())

    @cached_property
    def shapes(self) -> Mapping[str, tuple[Sizes, ...]]:
        """The lists of sizes that the shape of each input may be."""
        return {name: alternatives(tensor.shape) for name, tensor in self.inputs.items()}

    def started_before(self, name: str) -> tuple[str, ...]:
        """The tensors that the initial value of one reads, and those that theirs read, in the order of their start."""
        found = {name}
        for other in reversed(self.initial_order):
            if other in found:
                found |= self.tensors[other].init.mentions
        return tuple(other for other in self.initial_order if other in found and other != name)

    @cached_property
    def families(self) -> Mapping[str, Parameter | Buffer]:
        """The families among its tensors."""
        return {name: tensor for name, tensor in self.tensors.items() if tensor.each is not None}

    def path(self, name: str) -> tuple[str, str]:
        """Where a tensor of the layer's own is declared."""
        return self.section(name), self.declared.get(name, name)

    def shown(self, name: str) -> str:
        """What a message calls a tensor of the layer's own: one of a family by its index."""
        family = self.declared.get(name)
        return name if family is None else f"{family}[{self.members[family].index(name)}]"

    def section(self, name: str) -> Literal["parameters", "buffers"]:
        """The section in which a tensor of the layer's own is declared."""
        return "parameters" if name in self.parameters else "buffers"
