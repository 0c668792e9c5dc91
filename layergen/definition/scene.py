"""What a definition may speak of: the tensors and numbers of a spec, and the equations themselves."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from layergen.definition.draws import DRAWN
from layergen.definition.grammar import RUN, Equation, is_run, reduction, run_name
from layergen.definition.layout import Runs
from layergen.lang import expression as ex
from layergen.lang.constructors import constructor_calls
from layergen.lang.meetings import at_full_shape, met_in
from layergen.lang.model import Buffer, LayerSpec, Module, Parameter
from layergen.lang.values import Shape
from layergen.rules.cases import UntoldTraining

TRAINING = "training"  # whether the layer is in training, which a definition may ask


@dataclass(frozen=True)
class Members:
    """A layer that this one is made of, or a list of them, as the definition may call it."""

    constructor: ex.Expression  # a call, a list of calls, or a comprehension of one
    when: ex.Expression | None  # it is None where this is false
    known: Mapping[str, "Definition"]  # the definitions of the classes that have one

    @property
    def listed(self) -> bool:
        return not isinstance(self.constructor, ex.Call)

    @property
    def made(self) -> tuple[ex.Call, ...]:
        """The calls of constructors."""
        return constructor_calls(self.constructor)


@dataclass(frozen=True)
class Scene:
    """The names that a spec gives its definition. A tensor hides the argument of its name."""

    tensors: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    buffers: Mapping[str, Shape]  # those of the tensors that training may update, and an equation may say to what
    numbers: frozenset[str]  # arguments, derived names, values of inputs, dimensions, runs, and the mode
    run: str | None  # the name of the leading dimensions, if they have one
    met: frozenset[str]  # the runs that are broadcast: the tensors that have them are read at the full shape
    members: Mapping[str, "Members"]
    families: Mapping[str, Parameter | Buffer]  # whose tensors have the index in the family before their own
    optional: frozenset[str]  # parameters and buffers that need not exist

    @property
    def names(self) -> frozenset[str]:
        """All names with a meaning, which no index can have."""
        return frozenset(self.tensors) | frozenset(self.outputs) | self.numbers | self.members.keys()

    @property
    def told(self) -> Mapping[str, Shape]:
        """What the spec declares of that which equations say."""
        return {**self.buffers, **self.outputs}


def scene_of(spec: LayerSpec, known: Callable[[str], "Definition | None"]) -> Scene:
    """What a spec gives its definition.

    Args:
        spec: The spec.
        known: Gives the definition of a class, if it has one.
    """
    scalars = {*spec.arguments, *spec.derived, *spec.values}
    sizes = {name for part in spec.inputs.values() for entry in part.entries for name in ex.names(entry)}
    shapes = {name: part.shape for name, part in (*spec.inputs.items(), *spec.tensors.items())}
    families = {name: part for name, part in spec.tensors.items() if part.each is not None}
    shapes |= {name: _of_family(part) for name, part in families.items()}
    met = met_in(spec)
    shapes |= {name: at_full_shape(part.shape, met) for name, part in spec.inputs.items()} if met else {}
    return Scene(
        tensors=shapes,
        outputs={name: at_full_shape(part.shape, met) for name, part in spec.outputs.items()},
        buffers={name: part.shape for name, part in spec.buffers.items() if part.each is None},
        numbers=frozenset(scalars | sizes | {TRAINING, *spec.runs}),
        run=None if met else spec.run,
        met=met,
        members={name: _members(part, known) for name, part in spec.modules.items()},
        families=families,
        optional=frozenset(name for name, part in spec.tensors.items() if part.when is not None),
    )


def scene_at_start(spec: LayerSpec, told: Iterable[str]) -> Scene:
    """What there is when a layer starts: its arguments and its own tensors, some of which are told.

    Args:
        spec: The spec.
        told: The names of those.
    """
    shapes = {name: part.shape for name, part in spec.tensors.items() if part.each is None}
    return Scene(
        tensors=shapes,
        outputs={name: shapes[name] for name in told},
        buffers={},
        numbers=frozenset({*spec.arguments, *spec.derived}),
        run=None,
        met=frozenset(),
        members={},
        families={},
        optional=frozenset(name for name, part in spec.tensors.items() if part.when is not None),
    )


def _members(part: Module, known: Callable[[str], "Definition | None"]) -> Members:
    classes = {call.function: known(call.function) for call in constructor_calls(part.module)}
    found = {name: definition for name, definition in classes.items() if definition is not None}
    return Members(part.module, part.when, found)


def _exchanged(one: ex.Expression, other: ex.Expression, node: ex.Expression) -> ex.Expression | None:
    return other if node == one else None


def _of_family(part: Parameter | Buffer) -> Shape:
    """The shape of a family: how many tensors it has, and then theirs, in which its index may stand."""
    assert part.each is not None
    return (part.each.count, *part.shape) if isinstance(part.shape, tuple) else part.shape


@dataclass(frozen=True, eq=False)
class Definition:
    """Equations whose names are known."""

    equations: tuple[Equation, ...]
    scene: Scene
    spec: LayerSpec
    start: "Definition | None" = None  # of the values that tensors of the layer start with
    term: "Definition | None" = None  # of the layer's own regularization term

    @cached_property
    def named(self) -> Mapping[str, tuple[Equation, ...]]:
        """The equations of each name: first those with the most fixed indices."""
        found: dict[str, list[Equation]] = {}
        for equation in self.equations:
            found.setdefault(equation.name.id, []).append(equation)
        return {name: tuple(sorted(several, key=lambda own: -self.fixed(own))) for name, several in found.items()}

    @property
    def updates(self) -> tuple[str, ...]:
        """The buffers of which it says what they are after a call in training."""
        return tuple(name for name in self.named if name in self.scene.buffers)

    @cached_property
    def tells_training(self) -> bool:
        """Whether it says what the layer does in training, by itself or by the definition of a member."""
        return self._asks_mode or any(child.tells_training for child in self.called)

    @cached_property
    def draws(self) -> bool:
        """Whether it draws random numbers, by itself or by the definition of a member."""
        return not self.functions.isdisjoint(DRAWN) or any(child.draws for child in self.called)

    @property
    def _asks_mode(self) -> bool:
        return TRAINING in self.mentions or bool(self.updates)

    @property
    def knows_training(self) -> bool:
        """Whether nothing that is done in training goes unsaid, as a spec may accept, in it or in a member's."""
        own = self._asks_mode or UntoldTraining.name not in self.spec.accept
        return own and all(child.knows_training for child in self.called)

    def reached_from(self, names: Iterable[str]) -> frozenset[str]:
        """The names with equations that some of them need, with themselves."""
        found: set[str] = set()
        open_names = [name for name in names if name in self.named]
        while open_names:
            name = open_names.pop()
            if name not in found:
                found.add(name)
                read = frozenset[str]().union(*(ex.names(part) for own in self.named[name] for part in parts(own)))
                open_names += read & self.named.keys() - self.scene.tensors.keys()  # a tensor's name reads the tensor
        return frozenset(found)

    @property
    def called(self) -> Iterator["Definition"]:
        """The definitions of the members that it names."""
        for name, members in self.scene.members.items():
            if name in self.mentions | self.functions:
                yield from members.known.values()

    def owned(self, name: str) -> Shape | None:
        """The shape of a tensor of the layer, as others read it: of a family, with the index in it first."""
        own = self.spec.tensors.get(name)
        if own is not None:
            return self.scene.tensors[name] if own.named is None else None
        for part in self.scene.families.values():
            pattern = part.each and part.named and re.escape(part.name("{}")).replace(re.escape("{}"), "([0-9]+)")
            found = re.fullmatch(pattern, name) if pattern else None
            if found and part.each and isinstance(part.shape, tuple):
                index, turn = ex.Name(part.each.index), ex.Literal(int(found[1]))
                change = partial(_exchanged, index, turn)
                return tuple(ex.transform(entry, change) for entry in part.shape)
        return None

    def free(self, equation: Equation) -> tuple[str | None, ...]:
        """The names of an equation's free indices, None for those that are fixed."""
        return tuple(self.index_name(index) for index in equation.indices)

    def fixed(self, equation: Equation) -> int:
        return self.free(equation).count(None)

    def index_name(self, node: ex.Expression) -> str | None:
        """The name that an index on a left side has, a run's with its dots; None where it is fixed."""
        written = written_index(node)
        return written[0] if written is not None and written[0] not in self.scene.names else None

    @cached_property
    def runs(self) -> Runs:
        """Its runs of indices; what is written for one holds wherever its name stands."""
        told = (written for index in self.bound if (written := written_index(index)) is not None)
        return Runs(ex.Name(self.scene.run or "..."), {name: size for name, size in told if is_run(name) and size})

    @cached_property
    def letters(self) -> frozenset[str]:
        """The names of indices, and those of runs without their dots."""
        written = (written_index(index) for index in self.bound)
        return frozenset(found[0].removesuffix("...") for found in written if found is not None)

    @property
    def bound(self) -> Iterator[ex.Expression]:
        """The indices on left sides and under sums."""
        for equation in self.equations:
            sums = (found[1] for part in parts(equation) for node in ex.walk(part) if (found := reduction(node)))
            yield from (*equation.indices, *(index for indices in sums for index in indices))

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that the equations call, ``padded`` among them."""
        nodes = (node for equation in self.equations for part in parts(equation) for node in ex.walk(part))
        return frozenset(node.function for node in nodes if isinstance(node, ex.Call))

    @cached_property
    def callables(self) -> frozenset[str]:
        """The arguments that are functions, which the equations may call."""
        return frozenset(name for name, argument in self.spec.arguments.items() if argument.type.callable)

    @cached_property
    def mentions(self) -> frozenset[str]:
        """All names that the equations mention, on both sides."""
        nodes = (node for equation in self.equations for node in parts(equation))
        return frozenset(name for node in nodes for name in ex.names(node))


def parts(equation: Equation) -> tuple[ex.Expression, ...]:
    """The expressions of an equation, those of its left side among them."""
    return (*equation.conditions, *equation.indices, equation.value)


def written_index(node: ex.Expression) -> tuple[str, ex.Expression | None] | None:
    """The name of an index, or of a run of them with its dots, and its range where that is written."""
    match node:
        case ex.Compare(left=left, operators=("<",), comparators=(size,)):
            found = written_index(left)
            return (found[0], size) if found is not None and found[1] is None else None
        case ex.Name(id=name):
            return name, None
    run = run_name(node)
    return (run, None) if run is not None else None


def bare_index(node: ex.Expression) -> ex.Expression:
    """An index of a left side without its range."""
    return node.left if isinstance(node, ex.Compare) else node


def without_run_name(equation: Equation, run: str) -> Equation:
    """An equation in which the named run of dimensions, ``S...``, has become ``...``."""

    def change(node: ex.Expression) -> ex.Expression | None:
        return replace(RUN, span=node.span) if isinstance(node, ex.Splice) and node.value == ex.Name(run) else None

    return mapped(equation, lambda node: ex.transform(node, change))


def mapped(equation: Equation, change: Callable[[ex.Expression], ex.Expression]) -> Equation:
    """An equation whose indices, conditions and value have been changed."""
    return replace(
        equation,
        indices=tuple(map(change, equation.indices)),
        conditions=tuple(map(change, equation.conditions)),
        value=change(equation.value),
    )
