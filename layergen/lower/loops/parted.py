"""Steps that every turn takes apart in the same way are taken apart once, before the loop."""

from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.tuples import wholes
from layergen.lang.visitor import assignments, mentioned
from layergen.lower.loops.columns import Column, header, step_of, with_header
from layergen.lower.loops.scene import Scene, tensor
from layergen.lower.loops.shapes import without
from layergen.lower.loops.split import part_of
from layergen.resolve.inference import INT
from layergen.resolve.loops import reads_first


def parted(loop: ex.For, scene: Scene) -> tuple[list[ex.Statement], ex.For]:
    """The statements to put before a loop, and the loop over the parts."""
    ahead: list[ex.Statement] = []
    for statement in loop.body:
        found = _moved(statement, loop, scene) if isinstance(statement, ex.Assign) else None
        if found is not None:
            before, loop = found
            ahead.append(before)
    return ahead, loop


def _moved(statement: ex.Assign, loop: ex.For, scene: Scene) -> tuple[ex.Statement, ex.For] | None:
    """The parts of all steps, and the loop that runs over them."""
    columns = header(loop, scene)
    match statement.value:
        case ex.Call(function="chunk", arguments=(ex.Name(id=name), ex.Literal() as count), keywords=(word,)):
            pass
        case _:
            return None
    column = step_of(loop, name, scene)
    if columns is None or column is None or word.name != "dim":
        return None
    shape, body = scene.shape(column.source), tuple(part for part in loop.body if part is not statement)
    dim = _dim(word.value, scene.rank(column.source), column.dim)
    if shape is None or dim is None or name in mentioned(body) or not _own(statement, loop, scene):
        return None
    names = [target.id for target in statement.targets]
    wholes = [scene.free(f"all_{part}") for part in names]
    keyword = replace(word, value=ex.Literal(dim, kinds=INT))
    value = replace(statement.value, arguments=(column.source, count), keywords=(keyword,))
    for place, (name, whole) in enumerate(zip(names, wholes, strict=True)):
        scene.shape.made[whole] = part_of(shape, value, place, len(names))
        scene.shape.made[name] = without(scene.shape.made[whole], column.dim)
    new = [Column(part, tensor(whole), column.dim) for part, whole in zip(names, wholes, strict=True)]
    place = columns.columns.index(column)
    kept = (*columns.columns[:place], *new, *columns.columns[place + 1 :])
    found = with_header(replace(loop, body=body), replace(columns, columns=kept))
    if found is None:
        return None
    scene.note(statement.value, "takes all steps apart at once, before the loop")
    return ex.Assign(tuple(map(tensor, wholes)), value), found


def _dim(node: ex.Expression, rank: int | None, run_over: int) -> int | None:
    """The dimension of a step as one of all steps."""
    match node:
        case ex.Literal(value=int(dim)) if rank is not None and 0 <= dim < rank - 1:
            return dim + (dim >= run_over)
        case ex.Unary(operator="-", operand=ex.Literal(value=1)) if rank is not None and run_over < rank - 1:
            return -1
    return None


def _own(statement: ex.Assign, loop: ex.For, scene: Scene) -> bool:
    """Whether the parts have their names in this loop alone, and from this statement alone."""
    program = scene.program
    lasting = {*wholes(program.inputs), *wholes(program.outputs), *program.buffers, "_"}
    everywhere = [target.id for target in program.forward.targets]
    inside = [target.id for target in assignments(loop.body)]
    names = [target.id for target in statement.targets]
    single = all(everywhere.count(name) <= 1 == inside.count(name) for name in names)
    return single and lasting.isdisjoint(names) and not any(reads_first(loop.body, name) for name in names)
