"""A spec of which each word is known: what all stages after `resolve` work on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from layergen.definition.scene import Definition
from layergen.lang import expression as ex
from layergen.lang.condition import Condition
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.meetings import meetings
from layergen.lang.model import Argument, Buffer, Causal, Input, Kept, Law, Match, Noted, Output, Parameter, Reference
from layergen.lang.shown import Shown
from layergen.lang.ties import Tie
from layergen.lang.tuples import Tuples, spread, wholes
from layergen.lang.values import Mixing
from layergen.ops import Formal, Op
from layergen.resolve.annotation import Meaning
from layergen.resolve.arguments import kinds_of_argument
from layergen.resolve.bounded import is_bound
from layergen.resolve.inference import NONE, TENSOR
from layergen.resolve.method import Method
from layergen.resolve.scope import Scoped, scoped
from layergen.resolve.signature import Dimension, Entry, Sizes, shapes_of, sources_of
from layergen.resolve.torch_module import AsWritten, TorchModule, op_of, tensor_formal

NARROW = frozenset({"float32", "float16", "bfloat16", "complex64"})  # where rounding shows


@dataclass(frozen=True, eq=False)
class Child:
    """A layer of another spec, as the layers know it that are made of it."""

    program: "Program"
    module: tuple[str, ...]  # where its class is generated, below the package
    file: str  # its spec
    preconditions: tuple[ex.Expression, ...] = ()  # what torch demands of its sizes
    open: tuple[str, ...] = ()  # what was not shown of its shapes; empty: they are proven for all sizes
    costs: Mapping[str, ex.Expression] = field(default_factory=dict)  # formulas in its names, as far as there are any

    @property
    def name(self) -> str:
        return self.program.layer

    @cached_property
    def constructor(self) -> Op:
        """Its constructor, as an op whose calls can be checked."""
        formals = [self._argument(name, part) for name, part in self.program.arguments.items()]
        return op_of(self.name, formals, TENSOR, self.program.draws)

    @cached_property
    def returns(self) -> Kinds:
        outputs, results = self.program.outputs, self.program.results
        if any(part.when is not None and part.otherwise == "absent" for part in outputs.values()):
            return frozenset({Kind.UNKNOWN})  # one tensor or several
        several = frozenset({Kind.TENSORS})
        if results:
            return several if len(wholes(outputs)) == 1 else frozenset({Kind.UNKNOWN})  # a tuple with a tuple in it
        return TENSOR if len(outputs) == 1 else several

    def mixes(self, training: bool) -> bool:
        """Whether the samples of a batch see each other in it."""
        own = self.program.mixes.values()
        return "always" in own or (training and "training" in own) or self.program.has_mixing_member(training)

    def takes(self, option: str) -> bool:
        """Whether its constructor takes ``device`` or ``dtype``."""
        return self.program.owns if option == "device" else self.program.takes_dtype

    def forward(self, name: str) -> Op:
        """Its forward, as an op of some name."""
        formals = [self._formal(given) for given in self.program.call]
        return op_of(name, formals, self.returns, self.program.draws)

    def _formal(self, name: str) -> Formal:
        """What its forward takes by a name."""
        program = self.program
        if name in program.values:
            return self._argument(name, program.values[name])
        if name in program.tuples:
            return tensor_formal(name, program.tuples[name].optional, frozenset({Kind.TENSORS}))
        return tensor_formal(name, program.inputs[name].optional, TENSOR)

    def _argument(self, name: str, part: Argument) -> Formal:
        accepts = kinds_of_argument(part) | (part.type.of(None).kinds if part.type.listed else frozenset())
        default = None if part.default is None else AsWritten(ex.show(part.default))
        return Formal(name, accepts, required=part.required, keyword_only=part.keyword, default=default)


Constructible = Child | TorchModule


@dataclass(frozen=True)
class Made:
    """A call of a constructor among those of a member."""

    call: ex.Call
    of: Constructible


@dataclass(frozen=True)
class Member:
    """A layer that a layer is made of, or a list of them."""

    name: str
    constructor: ex.Expression  # a call, a list of calls, or a comprehension of one
    made: tuple[Made, ...]  # by the calls in it
    when: ex.Expression | None = None  # the attribute is None where this is false
    doc: str | None = None
    init: Mapping[str, ex.Expression] = field(default_factory=dict)  # other initial values, by paths
    requires_grad: ex.Expression | None = None  # its parameters are frozen where this is false
    gradient: bool = True  # whether the gradients of its parameters are derivatives, as far as it says itself

    @property
    def module(self) -> ex.Expression:
        """What makes it, under the name of the key."""
        return self.constructor

    @property
    def listed(self) -> bool:
        return not isinstance(self.constructor, ex.Call)

    @property
    def kinds(self) -> Kinds:
        own = frozenset({Kind.MEMBERS if self.listed else Kind.MEMBER})
        return own | (NONE if self.when is not None else frozenset())

    @property
    def returns(self) -> Kinds:
        """The kinds of what a call of it gives."""
        return frozenset[Kind]().union(*(made.of.returns for made in self.made))

    @property
    def children(self) -> tuple[Child, ...]:
        return tuple(made.of for made in self.made if isinstance(made.of, Child))

    @property
    def modes(self) -> bool:
        """Whether it does something else in training than in evaluation."""
        return any(made.of.program.asks_mode if isinstance(made.of, Child) else made.of.modes for made in self.made)

    def mixes(self, training: bool) -> bool:
        """Whether the samples of a batch see each other in it."""
        return any(made.of.mixes(training) for made in self.made)

    @property
    def penalizes(self) -> bool:
        """Whether it has a regularization term."""
        return any(child.program.penalizes for child in self.children)

    @property
    def updates(self) -> bool:
        """Whether it updates buffers in training."""
        return any(made.of.program.updates if isinstance(made.of, Child) else made.of.updates for made in self.made)

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers in some mode."""
        return any(made.of.program.draws if isinstance(made.of, Child) else made.of.draws for made in self.made)


@dataclass(frozen=True)
class Program:
    """A resolved spec: its parts, whose trees have their facts, and what they are to each other."""

    layer: str
    summary: str
    description: str | None
    references: tuple[Reference, ...]
    arguments: Mapping[str, Argument]
    values: Mapping[str, Argument]  # of the inputs: what a caller of the forward gives beside tensors
    constructor: tuple[str, ...]  # the arguments and the kept inputs, in the order in which the constructor takes them
    call: tuple[str, ...]  # the inputs and these values, in the order in which the forward takes them
    derived: Mapping[str, ex.Expression]
    constraints: tuple[ex.Expression, ...]  # those on arguments alone and those on sizes, as they are declared
    parameters: Mapping[str, Parameter]
    buffers: Mapping[str, Buffer]
    members: Mapping[str, Member]
    ties: tuple[Tie, ...]  # the tensors of members that are others
    noted: Mapping[str, Noted]  # dimensions of which something is said
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    tuples: Tuples  # those of inputs
    results: Tuples  # and those of outputs
    laws: tuple[Law, ...]  # what holds for all inputs
    penalty: ex.Expression | None  # a regularization term in the layer's own tensors and its members'
    random: Literal["training", "always"]
    mixes: Mapping[str, Mixing]  # the dimensions along which samples see each other, and when
    causal: Causal | None  # the dimensions along which no entry sees a later one
    matches: Match | None  # a module that computes the same
    formula: ex.Expression | None  # an expression in the inputs that does
    repr: tuple[Shown, ...] | None  # what `extra_repr` shows; None: all arguments
    attributes: Mapping[str, ex.Expression]  # what the layer has for others to read alone
    accept: Mapping[str, str]  # judgements of the checks that the author overrules, with the reasons
    cases: tuple[Mapping[str, Any], ...]
    forward: Method
    names: Mapping[str, Meaning]  # what the forward sees at its start
    entries: tuple[Entry, ...]  # of the inputs' shapes
    dimensions: Mapping[str, Dimension]  # in the order in which the inputs bind them
    initial_order: tuple[str, ...]  # its tensors, each after those that its initial value reads
    runs: tuple[str, ...] = ()  # the names of its runs of dimensions; `...` is the first one, or has no name
    single: bool = False  # whether its ops take a single sample by themselves
    keywords: frozenset[str] = frozenset()  # what the constructor takes by its name alone
    definition: Definition | None = None  # the formula, in index notation
    kin: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # at numbers, the tensors of each family
    declared: Mapping[str, str] = field(default_factory=dict)  # and the family of each of these
    floats: frozenset[str] = frozenset()  # what the forward names, as far as it is known to be floating always

    def returned(self, holds: Callable[[ex.Expression], bool]) -> Iterator[tuple[str, bool]]:
        """The outputs that stand in the result where some conditions hold, and whether each is there or None."""
        for name, part in self.outputs.items():
            there = part.when is None or holds(part.when)
            if there or part.otherwise == "null":
                yield name, there

    @property
    def left_out(self) -> str | None:
        """The dimension that all inputs may lack together."""
        return next((name for name, note in self.noted.items() if note.optional), None)

    @property
    def taken(self) -> tuple[str, ...]:
        """What a call of the forward gives one by one: values, and tensors, those of tuples among them."""
        return spread(self.call, self.tuples)

    @cached_property
    def kept(self) -> Mapping[str, Input]:
        """The inputs that the constructor takes, and that the layer keeps as buffers."""
        return {name: part for name, part in self.inputs.items() if isinstance(part, Kept)}

    @cached_property
    def decided(self) -> Mapping[str, Argument]:
        """What a setting decides: the arguments of the constructor, and the values of the inputs."""
        return {**self.arguments, **self.values}

    @cached_property
    def replaced(self) -> frozenset[str]:
        """The arguments whose place derived values take: only these read what the constructor was given."""
        return frozenset(self.arguments) & frozenset(self.derived)

    @cached_property
    def tensors(self) -> Mapping[str, Parameter | Buffer]:
        """The parameters and then the buffers: what the layer owns."""
        return {**self.parameters, **self.buffers}

    @cached_property
    def expansions(self) -> dict[tuple[tuple[str, int], ...], "Program"]:
        """The programs in which its families have become tensors, by their numbers: each is made once."""
        return {}

    @cached_property
    def scoped(self) -> tuple[Scoped, ...]:
        """Its expressions outside the forward, with the names that are known there."""
        return tuple(scoped(self))

    @property
    def modules(self) -> Mapping[str, Member]:
        """What it is made of, under the name of the section."""
        return self.members

    @cached_property
    def children(self) -> Mapping[str, Child]:
        """The layers of other specs that it is made of, by class."""
        return {child.name: child for member in self.members.values() for child in member.children}

    @cached_property
    def asks_mode(self) -> bool:
        """Whether it does something else in training than in evaluation, by itself or by a member."""
        return self.forward.asks_mode or any(member.modes for member in self.members.values())

    @property
    def modes(self) -> tuple[bool, ...]:
        """Training and evaluation, or training alone where it does not ask which it is."""
        return (True, False) if self.asks_mode else (True,)

    @property
    def always_draws(self) -> bool:
        """Whether it draws random numbers in evaluation too, so that nothing else gives the same."""
        return self.draws and self.random == "always"

    @cached_property
    def draws(self) -> bool:
        """Whether it draws random numbers in some mode, by itself or by a member."""
        return self.forward.draws or any(member.draws for member in self.members.values())

    @cached_property
    def owns(self) -> bool:
        """Whether it has parameters or buffers, of its own or of a member."""
        return bool(self.tensors) or any(self.takes("device", member) for member in self.members.values())

    @cached_property
    def takes_dtype(self) -> bool:
        """Whether some tensor of it has a dtype that the user may choose."""
        own = any(tensor.dtype is None for tensor in self.tensors.values())
        return own or any(self.takes("dtype", member) for member in self.members.values())

    @property
    def penalizes(self) -> bool:
        """Whether it has a regularization term, its own or a member's."""
        return self.penalty is not None or any(member.penalizes for member in self.members.values())

    @cached_property
    def updates(self) -> bool:
        """Whether it updates buffers, its own or a member's."""
        own = not self.forward.assigned.isdisjoint(self.buffers)
        return own or any(member.updates for member in self.members.values())

    @cached_property
    def infinite(self) -> bool:
        """Whether infinity is one of the numbers that it computes with, or a member."""
        return "inf" in self.forward.reads or any(child.program.infinite for child in self.children.values())

    @cached_property
    def narrow(self) -> bool:
        """Whether it computes in a dtype that holds few digits, whatever its inputs have, or a member does."""
        named = {str(getattr(part, "dtype", None)) for part in (*self.tensors.values(), *self.inputs.values())}
        own = not NARROW.isdisjoint(named | self.forward.reads)
        return own or any(child.program.narrow for child in self.children.values())

    def has_mixing_member(self, training: bool) -> bool:
        """Whether the samples of a batch see each other in a member."""
        return any(member.mixes(training) for member in self.members.values())

    def takes(self, option: Literal["device", "dtype"], member: Member) -> bool:
        """Whether a member's constructor, or one of a list, takes ``device`` or ``dtype``."""
        return any(made.of.takes(option) for made in member.made)

    @cached_property
    def asked(self) -> frozenset[str]:
        """The inputs of which constraints or the shapes of outputs ask whether they are there."""
        shapes = (entry for part in self.outputs.values() for entry in part.entries)
        mentioned = frozenset[str]().union(*map(ex.names, (*self.constraints, *shapes)))
        return mentioned & frozenset(wholes(self.inputs)) - frozenset(self.arguments)

    @cached_property
    def argument_constraints(self) -> tuple[ex.Expression, ...]:
        """The constraints on arguments alone that the constructor checks: their bounds it checks anyway."""
        return tuple(n for n in self.constraints if not (ex.names(n) & self.sized or is_bound(n, self.arguments)))

    @cached_property
    def size_constraints(self) -> tuple[ex.Expression, ...]:
        """The constraints that mention what a call brings with it, which the forward checks."""
        return tuple(node for node in self.constraints if ex.names(node) & self.sized)

    @cached_property
    def size_conditions(self) -> tuple[Condition, ...]:
        """What must hold where a layer is tried: those, and that ranges have room for entries that are distinct."""
        rooms = filter(None, (part.room for part in self.inputs.values()))
        return tuple(map(Condition, (*self.size_constraints, *rooms)))

    @cached_property
    def sized(self) -> frozenset[str]:
        """The names that a call gives values: dimensions, the run, values, and inputs that need not be there."""
        return frozenset(self.dimensions).union(self.runs, self.values, self.asked)

    @property
    def run(self) -> str | None:
        """The name of what `...` stands for, if it has one."""
        return self.runs[0] if self.runs else None

    @cached_property
    def sources(self) -> Mapping[str, Entry]:
        """Where the sizes of each run can be read, by their names."""
        return sources_of(self.inputs, self.entries, self.run)

    @cached_property
    def met(self) -> Mapping[str, frozenset[str]]:
        """The runs that are broadcast, each with those that it meets."""
        return meetings(self.size_constraints, self.runs)

    @cached_property
    def shapes(self) -> Mapping[str, tuple[Sizes, ...]]:
        """The lists of sizes that the shape of each input may be."""
        return shapes_of(self.inputs, self.entries)

    def started_before(self, name: str) -> tuple[str, ...]:
        """The tensors that the initial value of one reads, and those that theirs read, in the order of their start."""
        found = {name}
        for other in reversed(self.initial_order):
            found |= self.tensors[other].init.mentions if other in found else set()
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
        return name if family is None else f"{family}[{self.kin[family].index(name)}]"

    def section(self, name: str) -> Literal["parameters", "buffers"]:
        """The section in which a tensor of the layer's own is declared."""
        return "parameters" if name in self.parameters else "buffers"
