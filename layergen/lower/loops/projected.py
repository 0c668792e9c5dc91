"""A linear map of each step is one product over all steps, before the loop."""

from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.tuples import wholes
from layergen.lang.visitor import assignments, mentioned
from layergen.lower.loops.columns import Column, header, with_header
from layergen.lower.loops.scene import Scene, computed, given, put, tensor
from layergen.resolve.loops import reads_first


def projected(loop: ex.For, scene: Scene) -> tuple[list[ex.Statement], ex.For]:
    """The products to put before a loop, and the loop over what they give."""
    ahead: list[ex.Statement] = []
    for call in [part for part in computed(loop.body) if isinstance(part, ex.Call) and part.function == "linear"]:
        found = _moved(call, loop, scene)
        if found is not None:
            statement, loop = found
            ahead.append(statement)
            scene.note(call, "is one product over all steps, before the loop")
    return ahead, loop


def _moved(call: ex.Call, loop: ex.For, scene: Scene) -> tuple[ex.Statement, ex.For] | None:
    """The product over all steps, and the loop without it."""
    columns = header(loop, scene)
    match call.arguments:
        case (ex.Name(id=name), *others):
            pass
        case _:
            return None
    column = next((part for part in columns.columns if part.target == name), None) if columns else None
    weights = [*others, *(word.value for word in call.keywords)]
    if columns is None or column is None or not isinstance(column.source, ex.Name):
        return None
    rank = scene.rank(column.source)
    if rank is None or column.dim == rank - 1 or not all(_stays(weight, loop, scene) for weight in weights):
        return None
    body, step = _without(call, loop, scene)
    if step is None:
        whole = scene.free("projected")
        step = scene.free(f"{whole}_t")
        body = tuple(put(statement, call, tensor(step)) for statement in loop.body)
    else:
        whole = scene.free(f"all_{step}")
    scene.rank.made |= {whole: rank, step: rank - 1}
    kept = [part for part in columns.columns if part.target != name or name in mentioned(body)]
    place = columns.columns.index(column) + (len(kept) == len(columns.columns))
    kept.insert(place, Column(step, tensor(whole), column.dim))
    found = with_header(replace(loop, body=body), replace(columns, columns=tuple(kept)))
    if found is None:
        return None
    return given(whole, replace(call, arguments=(column.source, *others))), found


def _without(call: ex.Call, loop: ex.For, scene: Scene) -> tuple[tuple[ex.Statement, ...], str | None]:
    """The body without the statement that does no more than give the product a name, and that name."""
    for statement in loop.body:
        match statement:
            case ex.Assign(targets=(target,), value=value) if value is call:
                once = sum(other.id == target.id for other in assignments(loop.body)) == 1
                if once and not reads_first(loop.body, target.id) and target.id not in _lasting(scene):
                    return tuple(part for part in loop.body if part is not statement), target.id
    return loop.body, None


def _lasting(scene: Scene) -> set[str]:
    """The names that mean something beyond a turn."""
    program = scene.program
    counts = [target.id for target in program.forward.targets]
    return {
        *wholes(program.inputs),
        *wholes(program.outputs),
        *program.buffers,
        *(name for name in counts if counts.count(name) > 1),
    }


def _stays(node: ex.Expression, loop: ex.For, scene: Scene) -> bool:
    """Whether a weight or bias is the same at every turn; a bias may be None."""
    if isinstance(node, ex.Name) and node.id in scene.program.parameters:
        return True
    return scene.stays(node, loop)
