"""What a definition may speak of: the tensors and numbers of a spec, and the equations themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from layergen.definition.grammar import RUN, Equation, index_items, reduction
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.values import Shape


@dataclass(frozen=True)
class Scene:
    """The names that a spec gives its definition. A tensor hides the argument of its name."""

    tensors: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    numbers: frozenset[str]  # arguments, derived names, values of inputs, dimensions, and the run
    run: str | None  # the name of the leading dimensions, if they have one
    members: frozenset[str]
    families: frozenset[str]
    optional: frozenset[str]  # parameters and buffers that need not exist

    @property
    def names(self) -> frozenset[str]:
        """All names with a meaning, which no index can have."""
        return frozenset(self.tensors) | frozenset(self.outputs) | self.numbers | self.members


def scene_of(spec: LayerSpec) -> Scene:
    """What a spec gives its definition."""
    scalars = {*spec.arguments, *spec.derived, *spec.values}
    sizes = {name for part in spec.inputs.values() for entry in part.entries for name in ex.names(entry)}
    shapes = {name: part.shape for name, part in (*spec.inputs.items(), *spec.tensors.items())}
    return Scene(
        tensors=shapes,
        outputs={name: part.shape for name, part in spec.outputs.items()},
        numbers=frozenset(scalars | sizes | ({spec.run} if spec.run else set())),
        run=spec.run,
        members=frozenset(spec.modules),
        families=frozenset(name for name, part in spec.tensors.items() if part.each is not None),
        optional=frozenset(name for name, part in spec.tensors.items() if part.when is not None),
    )


@dataclass(frozen=True)
class Definition:
    """Equations whose names are known."""

    equations: tuple[Equation, ...]
    scene: Scene

    @cached_property
    def named(self) -> Mapping[str, tuple[Equation, ...]]:
        """The equations of each name: first those with the most fixed indices."""
        found: dict[str, list[Equation]] = {}
        for equation in self.equations:
            found.setdefault(equation.name.id, []).append(equation)
        return {name: tuple(sorted(several, key=lambda own: -self.fixed(own))) for name, several in found.items()}

    def free(self, equation: Equation) -> tuple[str | None, ...]:
        """The names of an equation's free indices, None for those that are fixed."""
        return tuple(self.index_name(index) for index in equation.indices)

    def fixed(self, equation: Equation) -> int:
        return self.free(equation).count(None)

    def index_name(self, node: ex.Expression) -> str | None:
        """The name that an index on a left side has, ``...`` included; None where it is fixed."""
        match node:
            case ex.Literal(value=value) if value is ...:
                return "..."
            case ex.Name(id=name) | ex.Compare(left=ex.Name(id=name), operators=("<",)):
                return None if name in self.scene.names else name
        return None

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that the equations call, ``padded`` among them."""
        nodes = (node for equation in self.equations for part in parts(equation) for node in ex.walk(part))
        return frozenset(node.function for node in nodes if isinstance(node, ex.Call))

    @cached_property
    def mentions(self) -> frozenset[str]:
        """All names that the equations mention, on both sides."""
        nodes = (node for equation in self.equations for node in parts(equation))
        return frozenset(name for node in nodes for name in ex.names(node))


def parts(equation: Equation) -> tuple[ex.Expression, ...]:
    """The expressions of an equation, those of its left side among them."""
    return (*equation.conditions, *equation.indices, equation.value)


def written_index(node: ex.Expression) -> tuple[str, ex.Expression | None] | None:
    """The name of an index that a sum binds, and its range where that is written."""
    match node:
        case ex.Literal(value=value) if value is ...:
            return "...", None
        case ex.Name(id=name):
            return name, None
        case ex.Compare(left=ex.Name(id=name), operators=("<",), comparators=(size,)):
            return name, size
    return None


def without_run_name(equation: Equation, run: str) -> Equation:
    """An equation in which the named run of dimensions, ``S...``, has become ``...``."""

    def change(node: ex.Expression) -> ex.Expression | None:
        return replace(RUN, span=node.span) if isinstance(node, ex.Splice) and node.value == ex.Name(run) else None

    return replace(
        equation,
        indices=tuple(ex.transform(index, change) for index in equation.indices),
        value=ex.transform(equation.value, change),
    )


@dataclass(frozen=True)
class Reading:
    """``weight[o, c]``: where an equation reads an entry."""

    node: ex.Subscript
    name: str
    indices: tuple[ex.Expression, ...]
    padded: bool
    guards: frozenset[str]  # the names in the conditions above it


def entry_of(node: ex.Expression) -> tuple[ex.Name, bool] | None:
    """The name whose entry a subscript reads, and whether it is zero outside."""
    if not isinstance(node, ex.Subscript):
        return None
    match node.value:
        case ex.Name() as name:
            return name, False
        case ex.Call(function="padded", arguments=(ex.Name() as name,), keywords=()):
            return name, True
    return None


def readings(node: ex.Expression, guards: frozenset[str] = frozenset()) -> Iterator[Reading]:
    """What an expression reads of tensors and of other equations."""
    found = entry_of(node)
    if found is not None:
        assert isinstance(node, ex.Subscript)
        name, padded = found
        yield Reading(node, name.id, index_items(node.index), padded, guards)
        for index in index_items(node.index):
            yield from readings(index, guards)
        return
    if isinstance(node, ex.Conditional):
        yield from readings(node.test, guards)
        inner = guards | ex.names(node.test)
        yield from readings(node.then, inner)
        yield from readings(node.orelse, inner)
        return
    bound = reduction(node)
    children = (bound[2], *_ranges(bound[1])) if bound else node.children
    for child in children:
        if isinstance(child, ex.Expression):
            yield from readings(child, guards)


def _ranges(indices: tuple[ex.Expression, ...]) -> Iterator[ex.Expression]:
    for index in indices:
        written = written_index(index)
        if written and written[1] is not None:
            yield written[1]
