"""A loop over the positions of a dimension that only takes the steps there runs over the steps."""

from collections.abc import Iterator
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import assigned, expressions, mentioned
from layergen.lower.loops.columns import Column, Header, with_header
from layergen.lower.loops.scene import Scene, put, tensor
from layergen.lower.loops.shapes import without
from layergen.resolve.inference import kinds_of

ALL = ex.Slice(None, None, None)


def unbound(loop: ex.For, scene: Scene) -> ex.For:
    """A loop over ``range(L)`` as one over the steps of the tensors of which it takes the entry ``t`` along ``L``."""
    match loop:
        case ex.For(targets=(index,), iterable=ex.Call(function="range", arguments=(ex.Name(id=count),))):
            pass
        case _:
            return loop
    body, columns = loop.body, list[Column]()
    for node in dict.fromkeys(_taken(loop, index, count, scene)):
        assert isinstance(node.value, ex.Name)
        step = scene.free(f"{node.value.id}_{index.id}")
        position, shape = _position(node), scene.shape.told(scene.program.inputs[node.value.id].entries)
        scene.shape.made[step] = without(shape, position)
        columns.append(Column(step, node.value, position))
        body = tuple(put(statement, node, tensor(step)) for statement in body)
    kept = index if index.id in mentioned(body) else None
    found = with_header(replace(loop, body=body), Header(tuple(columns), kept)) if columns else None
    if found is None:
        return loop
    scene.moved.append(f"`for {index.id} in range({count})` runs over the steps themselves")
    return found


def _taken(loop: ex.For, index: ex.Name, count: str, scene: Scene) -> Iterator[ex.Subscript]:
    """The entries at the index of a loop that are taken of inputs, along the dimension that it counts."""
    program, changing = scene.program, assigned(scene.program.forward.statements)
    for node in (part for whole in expressions(loop.body) for part in ex.walk(whole)):
        match node:
            case ex.Subscript(value=ex.Name(id=name)) if name in program.inputs and name not in changing:
                shape, position = program.inputs[name].shape, _position(node)
                parts = _parts(node)
                plain = parts[position:] == (ex.Name(index.id),) and all(part == ALL for part in parts[:position])
                alone = isinstance(shape, tuple) and ex.Literal(...) not in shape and position < len(shape)
                optional = Kind.NONE in kinds_of(node.value) or program.inputs[name].optional
                if plain and alone and not optional and shape[position] == ex.Name(count):  # type: ignore[index]
                    yield node


def _parts(node: ex.Subscript) -> tuple[ex.Expression, ...]:
    index = node.index
    return index.items if isinstance(index, ex.Sequence) and not index.bracket else (index,)


def _position(node: ex.Subscript) -> int:
    """Which of its dimensions the last index of a tensor is about."""
    return len(_parts(node)) - 1
