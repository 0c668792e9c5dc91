"""Which names there are in a spec, and which of them each of its expressions may mention."""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.diagnostics import Path, Place
from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES
from layergen.lang.inits import initializer
from layergen.lang.model import LayerSpec, Tensor

CONSTANTS = ("pi", "inf", "nan", *DTYPES)  # known where tensors are
FANS = ("fan_in", "fan_out")


@dataclass(frozen=True)
class Scoped:
    """An expression of a spec outside its forward, with the names that are known there."""

    path: Path
    expression: ex.Expression
    names: frozenset[str]
    known: str  # what these names are, in words


def dimensions(spec: LayerSpec) -> tuple[str, ...]:
    """The dimensions, in the order in which the inputs bind them: by bare names that no argument has."""
    scalars = {*spec.arguments, *spec.derived}
    bare = (name for tensor in spec.inputs.values() for name in _bare(tensor))
    return tuple(dict.fromkeys(name for name in bare if name not in scalars))


def optional_dimensions(spec: LayerSpec) -> dict[str, str]:
    """The dimensions that are bound only by inputs that may be absent, each with the first such input."""
    always = {name for tensor in spec.inputs.values() if not tensor.optional for name in _bare(tensor)}
    inputs = {dimension: name for name, tensor in reversed(spec.inputs.items()) for dimension in _bare(tensor)}
    return {name: inputs[name] for name in dimensions(spec) if name not in always}


def dimension_places(spec: LayerSpec) -> dict[str, Place]:
    """Where each dimension is bound first."""
    places: dict[str, Place] = {}
    names = dimensions(spec)
    for name, tensor in spec.inputs.items():
        for index, entry in enumerate(tensor.shape if isinstance(tensor.shape, tuple) else ()):
            if isinstance(entry, ex.Name) and entry.id in names:
                places.setdefault(entry.id, Place(("inputs", name, "shape", index), entry.span))
    return places


def scoped(spec: LayerSpec) -> Iterator[Scoped]:
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
    for index, constraint in enumerate(spec.constraints):
        yield Scoped(("constraints", index), constraint, scalars, known)
    yield from _owned(spec, scalars, known)
    bound, holds = scalars.union(dimensions(spec)), f"{known}, and dimensions that stand alone in an input's shape"
    for name, tensor in spec.inputs.items():
        yield from _shape(("inputs", name), tensor, bound, holds)
        for index, end in enumerate(tensor.range or ()):
            yield Scoped(("inputs", name, "range", index), end, bound, holds)
    for name, output in spec.outputs.items():
        yield from _shape(("outputs", name), output, bound, holds)
    if spec.matches:
        yield Scoped(("matches", "module"), spec.matches.module, scalars, known)
        for index, value in enumerate(spec.matches.inputs or ()):
            yield Scoped(("matches", "inputs", index), value, frozenset(spec.inputs), "inputs")


def _owned(spec: LayerSpec, scalars: frozenset[str], known: str) -> Iterator[Scoped]:
    """The expressions of parameters and buffers."""
    earlier: list[str] = []
    for name, tensor in spec.tensors.items():
        path = ("parameters" if name in spec.parameters else "buffers", name)
        yield from _shape(path, tensor, scalars, known)
        if tensor.when is not None:
            yield Scoped((*path, "when"), tensor.when, scalars, known)
        yield from _init((*path, "init"), tensor.init, scalars, frozenset(earlier))
        earlier.append(name)


def _shape(path: Path, tensor: Tensor, names: frozenset[str], known: str) -> Iterator[Scoped]:
    if not isinstance(tensor.shape, tuple):
        yield Scoped((*path, "shape"), tensor.shape, names, known)
        return
    for index, entry in enumerate(tensor.shape):
        yield Scoped((*path, "shape", index), entry, names, known)


def _init(path: Path, init: ex.Expression, scalars: frozenset[str], earlier: frozenset[str]) -> Iterator[Scoped]:
    """An init knows arguments, derived names and constants; the fans in it are those of earlier parameters."""
    call = initializer(init) or init
    fans = [node for node in ex.walk(call) if isinstance(node, ex.Call) and node.function in FANS]
    for fan in fans:
        for argument in (*fan.arguments, *(keyword.value for keyword in fan.keywords)):
            yield Scoped(path, argument, earlier, "earlier parameters and buffers")
    rest = ex.transform(call, lambda node: ex.Literal(1) if node in fans else None)
    yield Scoped(path, rest, scalars.union(CONSTANTS), "arguments, derived names and constants")


def _bare(tensor: Tensor) -> Iterator[str]:
    """The names that stand alone in a shape that is a list."""
    entries = tensor.shape if isinstance(tensor.shape, tuple) else ()
    return (entry.id for entry in entries if isinstance(entry, ex.Name))
