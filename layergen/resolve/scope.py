"""Which names there are in a spec, and which of them each of its expressions may mention."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from layergen.diagnostics import Path
from layergen.lang import expression as ex
from layergen.lang.constructors import constructor_calls
from layergen.lang.dtypes import DTYPES
from layergen.lang.inits import FANS, Initial, initializer
from layergen.lang.model import Argument, Buffer, Causal, Input, Kept, Law, Match, Output, Parameter, Tensor
from layergen.lang.scalars import NUMBERS
from layergen.lang.shown import Shown
from layergen.lang.ties import Tie
from layergen.lang.tuples import item_index, wholes
from layergen.lang.visitor import Block, parts
from layergen.resolve.signature import read_dimensions

CONSTANTS = (*NUMBERS, *DTYPES)  # known where tensors are
SAID = "inputs, arguments, derived names, dimensions, and tensors and members of the layer"  # what a law may speak of

# The sections that say something of the layer, and compute nothing of what it does.
SAID_OF_THE_LAYER = frozenset({"constraints", "laws", "matches", "repr", "attributes"})


@dataclass(frozen=True)
class Scoped:
    """An expression of a spec outside its forward, with the names that are known there."""

    path: Path
    expression: ex.Expression
    names: frozenset[str]
    known: str  # what these names are, in words
    asked: frozenset[str] = frozenset()  # the inputs of which it may ask whether they are there


class Modules(Protocol):
    """What a part that is a member, or a list of them, has of expressions."""

    @property
    def module(self) -> ex.Expression: ...
    @property
    def when(self) -> ex.Expression | None: ...
    @property
    def requires_grad(self) -> ex.Expression | None: ...
    @property
    def init(self) -> Mapping[str, ex.Expression]: ...


class Parts(Protocol):
    """The parts of a layer that hold expressions: of a spec, or of what it was resolved to."""

    @property
    def arguments(self) -> Mapping[str, Argument]: ...
    @property
    def derived(self) -> Mapping[str, ex.Expression]: ...
    @property
    def constraints(self) -> tuple[ex.Expression, ...]: ...
    @property
    def parameters(self) -> Mapping[str, Parameter]: ...
    @property
    def buffers(self) -> Mapping[str, Buffer]: ...
    @property
    def inputs(self) -> Mapping[str, Input]: ...
    @property
    def values(self) -> Mapping[str, Argument]: ...
    @property
    def outputs(self) -> Mapping[str, Output]: ...
    @property
    def modules(self) -> Mapping[str, "Modules"]: ...
    @property
    def ties(self) -> tuple[Tie, ...]: ...
    @property
    def penalty(self) -> ex.Expression | None: ...
    @property
    def causal(self) -> Causal | None: ...
    @property
    def laws(self) -> tuple[Law, ...]: ...
    @property
    def matches(self) -> Match | ex.Expression | None: ...
    @property
    def runs(self) -> tuple[str, ...]: ...
    @property
    def repr(self) -> tuple[Shown, ...] | None: ...
    @property
    def attributes(self) -> Mapping[str, ex.Expression]: ...


def scoped(spec: Parts) -> Iterator[Scoped]:
    """The expressions of a spec outside its forward, in the order of its sections."""
    earlier: list[str] = []
    for name, argument in spec.arguments.items():
        if argument.default is not None:
            path = ("arguments", name, "default")
            yield Scoped(path, argument.default, frozenset(earlier), "earlier arguments")
        earlier.append(name)
    for name, expression in spec.derived.items():
        yield Scoped(("derived", name), expression, frozenset(earlier), "arguments and earlier derived names")
        earlier.append(name)
    scalars, known = frozenset(earlier), "arguments and derived names"
    bound = scalars.union(read_dimensions(spec.inputs, scalars), spec.runs)
    holds = f"{known}, and dimensions that stand alone in an input's shape"
    called = bound.union(spec.values)
    asked = frozenset(wholes(name for name, part in spec.inputs.items() if part.optional)) - scalars
    for index, constraint in enumerate(spec.constraints):
        yield Scoped(("constraints", index), constraint, called, holds, asked)
    yield from _owned(spec, scalars, known)
    yield from _members(spec, scalars, known)
    yield from _ties(spec, scalars, known)
    for name, tensor in spec.inputs.items():
        yield from _shape(("inputs", name), tensor, bound, holds)
        for index, end in enumerate(tensor.range or ()):
            yield Scoped(("inputs", name, "range", index), end, called, holds)
        for index, single in enumerate(tensor.also):
            yield Scoped(("inputs", name, "also", index), single, called, holds)
    for name, argument in spec.values.items():
        if argument.default is not None:
            yield Scoped(("inputs", name, "default"), argument.default, frozenset(), "constants")
    for name, output in spec.outputs.items():
        yield from _shape(("outputs", name), output, called, holds, asked)
        if output.when is not None and item_index(name) in (None, 0):  # a tuple is there as a whole
            path, words = ("outputs", name, "when"), f"{known}, and values of the inputs"
            yield Scoped(path, output.when, scalars.union(spec.values), words)
    if spec.penalty is not None:
        owned = scalars.union(CONSTANTS, spec.parameters, spec.buffers, spec.modules)
        words = "arguments, derived names, and tensors of the layer and its members"
        yield Scoped(("penalty",), spec.penalty, owned, words)
    if spec.causal is not None:
        words = f"{known}, and values of the inputs"
        for key, condition in spec.causal.conditions.items():
            yield Scoped(("causal", key), condition, scalars.union(spec.values), words)
    for index, law in enumerate(spec.laws):
        yield Scoped(("laws", index, "law"), law.law, _said(spec, bound), SAID)
        if law.when is not None:
            yield Scoped(("laws", index, "when"), law.when, bound, holds)
    for index, shown in enumerate(spec.repr or ()):
        yield Scoped(("repr", index), shown.name, scalars.union(spec.attributes), known)
        if shown.when is not None:
            yield Scoped(("repr", index), shown.when, scalars, known)
    for name, expression in spec.attributes.items():
        yield Scoped(("attributes", name), expression, scalars, known)
    yield from _matches(spec, scalars, known, bound)


def _said(spec: Parts, bound: frozenset[str]) -> frozenset[str]:
    """What a law may speak of, or an expression that gives the same as the layer."""
    return bound.union(CONSTANTS, wholes(spec.inputs), spec.values, spec.parameters, spec.buffers, spec.modules)


def _matches(spec: Parts, scalars: frozenset[str], known: str, bound: frozenset[str]) -> Iterator[Scoped]:
    """What computes the same: a module of the arguments, or an expression in the inputs."""
    if isinstance(spec.matches, ex.Expression):
        yield Scoped(("matches",), spec.matches, _said(spec, bound), SAID)
    elif spec.matches:
        tensors = (name for name, part in spec.inputs.items() if isinstance(part, Kept))
        yield Scoped(("matches", "module"), spec.matches.module, scalars.union(tensors), known)
        for index, value in enumerate(spec.matches.inputs or ()):
            yield Scoped(("matches", "inputs", index), value, frozenset({*wholes(spec.inputs), *spec.values}), "inputs")


def _owned(spec: Parts, scalars: frozenset[str], known: str) -> Iterator[Scoped]:
    """The expressions of parameters and buffers."""
    tensors: dict[str, Parameter | Buffer] = {**spec.parameters, **spec.buffers}
    for name, tensor in tensors.items():
        path = ("parameters" if name in spec.parameters else "buffers", name)
        if tensor.each is not None:
            yield Scoped((*path, *tensor.each.path), tensor.each.count, scalars, known)
        yield from _own(path, tensor, scalars | ({tensor.each.index} if tensor.each else set()), frozenset(tensors))


def _own(path: Path, tensor: Parameter | Buffer, scalars: frozenset[str], tensors: frozenset[str]) -> Iterator[Scoped]:
    """The expressions of one parameter or buffer."""
    known = "arguments and derived names"
    yield from _shape(path, tensor, scalars, known)
    if tensor.when is not None:
        yield Scoped((*path, "when"), tensor.when, scalars, known)
    if isinstance(tensor, Parameter) and tensor.requires_grad is not None:
        yield Scoped((*path, "requires_grad"), tensor.requires_grad, scalars, known)
    yield from _init((*path, "init"), tensor.init, scalars, tensors)


def _members(spec: Parts, scalars: frozenset[str], known: str) -> Iterator[Scoped]:
    """The expressions of what the layer is made of."""
    for name, member in spec.modules.items():
        path: Path = ("modules", name)
        inner = scalars
        if isinstance(member.module, ex.Comprehension):
            yield Scoped((*path, "module"), member.module.iterable, scalars, known)
            inner = scalars | {member.module.target.id}
        for call in constructor_calls(member.module):
            yield Scoped((*path, "module"), call, inner, known)
        if member.when is not None:
            yield Scoped((*path, "when"), member.when, scalars, known)
        if member.requires_grad is not None:
            yield Scoped((*path, "requires_grad"), member.requires_grad, scalars, known)
        for tensor, init in member.init.items():
            yield from _initial((*path, "init", tensor), init, scalars, frozenset())


def _ties(spec: Parts, scalars: frozenset[str], known: str) -> Iterator[Scoped]:
    """How many pairs of tensors are one, and which of a list has the one that both are."""
    for tie in spec.ties:
        inner = scalars
        if tie.each is not None:
            yield Scoped(("ties", *tie.each.path), tie.each.count, scalars, known)
            inner = scalars | {tie.each.index}
        for node in ex.walk(tie.right):
            if isinstance(node, ex.Subscript):
                yield Scoped(("ties", tie.key), node.index, inner, known)


def _shape(
    path: Path, tensor: Tensor, names: frozenset[str], known: str, asked: frozenset[str] = frozenset()
) -> Iterator[Scoped]:
    if not isinstance(tensor.shape, tuple):
        yield Scoped((*path, "shape"), tensor.shape, names, known, asked)
        return
    for index, entry in enumerate(tensor.shape):
        yield Scoped((*path, "shape", index), entry, names, known, asked)


def _init(path: Path, init: Initial, names: frozenset[str], tensors: frozenset[str]) -> Iterator[Scoped]:
    """An init knows arguments, derived names, constants, and the other tensors, and a block what it has assigned."""
    for expression, assigned in _with_locals(init.before, frozenset()):
        yield from _initial(path, expression, names | assigned, tensors)
    locals = known_after(init.before, frozenset())
    yield from _initial(path, init.value, names | locals, tensors)


def _with_locals(block: Block, known: frozenset[str]) -> Iterator[tuple[ex.Expression, frozenset[str]]]:
    """The expressions of a block, each with the locals that it knows."""
    for statement in block:
        found = parts(statement)
        yield from ((expression, known) for expression in found.expressions)
        inside = known.union(target.id for target in found.targets)  # of a loop
        for inner in found.blocks:
            yield from _with_locals(inner, inside)
        known = known_after((statement,), known)


def known_after(block: Block, known: frozenset[str]) -> frozenset[str]:
    """The locals that are assigned whichever way a block has gone."""
    for statement in block:
        if isinstance(statement, ex.For):
            continue  # which may take no turn
        known |= {target.id for target in parts(statement).targets}
        if isinstance(statement, ex.If):
            known |= known_after(statement.body, known) & known_after(statement.orelse, known)
    return known


def _initial(path: Path, init: ex.Expression, names: frozenset[str], tensors: frozenset[str]) -> Iterator[Scoped]:
    """An expression of an initial value; the fans in it are those of tensors, even where an argument has their name."""
    call = initializer(init) or init
    fans = [node for node in ex.walk(call) if isinstance(node, ex.Call) and node.function in FANS]
    for fan in fans:
        for argument in (*fan.arguments, *(keyword.value for keyword in fan.keywords)):
            within = tensors | names if isinstance(argument, ex.Subscript) else tensors  # which one of a family
            yield Scoped(path, argument, within, "other parameters and buffers")
    rest = ex.transform(call, lambda node: ex.Literal(1) if node in fans else None)
    known = "arguments, derived names, constants, and other parameters and buffers"
    yield Scoped(path, rest, names.union(CONSTANTS, tensors), known)
