"""What a loop runs over, as columns: tensors, the steps of which it takes one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.visitor import assigned, mentioned
from layergen.lower.loops.scene import Scene, iteration, tensor, unbinding


@dataclass(frozen=True)
class Column:
    """A tensor that a loop runs over, along a dimension that is not counted from the end."""

    target: str
    source: ex.Expression
    dim: int


@dataclass(frozen=True)
class Header:
    """What stands between ``for`` and the colon."""

    columns: tuple[Column, ...]
    index: ex.Name | None = None  # that of an ``enumerate``
    backwards: bool = False


def header(loop: ex.For, scene: Scene) -> Header | None:
    """The columns of a loop; None if it runs over something else."""
    match loop.iterable, loop.targets:
        case ex.Call(function="enumerate", arguments=(inner,)), (index, target):
            found = _columns((inner,), (target,), scene)
            return Header(found, index) if found else None
        case ex.Call(function="reversed", arguments=(inner,)), (target,):
            found = _columns((inner,), (target,), scene)
            return Header(found, backwards=True) if found else None
        case ex.Call(function="zip", arguments=inners), targets if len(inners) == len(targets):
            found = _columns(inners, targets, scene)
            return Header(found) if found else None
        case inner, (target,):
            found = _columns((inner,), (target,), scene)
            return Header(found) if found else None
    return None


def step_of(loop: ex.For, name: str, scene: Scene) -> Column | None:
    """The column of a tensor with a name whose steps a loop calls by another, to which a turn gives nothing else."""
    found = header(loop, scene)
    if found is None or name in assigned(loop.body):
        return None
    return next((part for part in found.columns if part.target == name and isinstance(part.source, ex.Name)), None)


def _columns(nodes: Sequence[ex.Expression], targets: Sequence[ex.Name], scene: Scene) -> tuple[Column, ...]:
    """The columns that some unbindings make; none if one of them is none."""
    found = []
    for node, target in zip(nodes, targets, strict=True):
        if not isinstance(node, ex.Call) or node.callee != Callee(CalleeKind.OP, "unbind"):
            return ()
        given = (*node.arguments, *(word.value for word in node.keywords), ex.Literal(0))
        source, dim = given[0], given[1]
        rank = scene.rank(source)
        if not isinstance(dim, ex.Literal) or not isinstance(dim.value, int) or rank is None:
            return ()
        found.append(Column(target.id, source, dim.value % rank))
    return tuple(found)


def without_idle(loop: ex.For, scene: Scene) -> ex.For:
    """A loop that does not run over what its body no longer asks for."""
    found, used = header(loop, scene), mentioned(loop.body)
    if found is None:
        return loop
    kept = tuple(column for column in found.columns if column.target in used) or found.columns[:1]
    return with_header(loop, replace(found, columns=kept)) or loop


def with_header(loop: ex.For, found: Header) -> ex.For | None:
    """A loop over other columns; None where no header says that."""
    columns = found.columns
    targets = tuple(tensor(column.target) for column in columns)
    steps: list[ex.Call] = [unbinding(column.source, column.dim) for column in columns]
    if found.backwards:
        steps = [iteration("reversed", step) for step in steps]
    if len(steps) == 1:
        iterable = steps[0]
    elif found.index is None:
        iterable = iteration("zip", *steps)
    else:
        return None
    if found.index is not None:
        return replace(loop, targets=(found.index, *targets), iterable=iteration("enumerate", iterable))
    return replace(loop, targets=targets, iterable=iterable)
