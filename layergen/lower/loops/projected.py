"""What is made of each step alone is made of all at once, before the loop: linear maps, and what is elementwise."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.kinds import Kind
from layergen.lang.tuples import wholes
from layergen.lang.visitor import assignments, mentioned
from layergen.lower.loops.columns import Column, header, step_of, with_header
from layergen.lower.loops.scene import Scene, computed, given, name_of, put, tensor
from layergen.lower.loops.shapes import without
from layergen.lower.loops.turns import cannot_fail
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import kinds_of
from layergen.resolve.loops import reads_first

Whole = Callable[[ex.Expression], ex.Expression]  # what is made of all steps, of the tensor that has them


def projected(loop: ex.For, scene: Scene, sure: bool) -> tuple[list[ex.Statement], ex.For]:
    """The products to put before a loop, and the loop over what they give.

    Args:
        loop: The loop.
        scene: The forward that it stands in.
        sure: Whether it surely takes a turn; before one that may take none stands only what cannot fail.
    """
    ahead: list[ex.Statement] = []
    for call in [part for part in computed(loop.body) if isinstance(part, ex.Call) and _is_linear(part, scene)]:
        found = _product(call, loop, scene) if sure or all(map(cannot_fail, _weights(call))) else None
        if found is not None:
            statement, loop = found
            ahead.append(statement)
            scene.note(call, "is one product over all steps, before the loop")
    return ahead, loop


def stepwise(loop: ex.For, scene: Scene, sure: bool) -> tuple[list[ex.Statement], ex.For]:
    """What to put before a loop of that which a turn does to each entry of a step alone, and the loop over the rest."""
    ahead: list[ex.Statement] = []
    while (first := next(_stepwise(loop, scene, sure), None)) is not None:
        node, statement, loop = first
        ahead.append(statement)
        scene.note(node, "is done to all steps at once, before the loop")
    return ahead, loop


def _is_linear(call: ex.Call, scene: Scene) -> bool:
    """Whether a call is a linear map, the same for all leading dimensions: the op, or an ``nn.Linear`` always there."""
    member = scene.program.members.get(call.function)
    if call.callee is not None and call.callee.kind is CalleeKind.MEMBER and member is not None:
        return (
            member.when is None and [made.call.function for made in member.made] == ["nn.Linear"] and not member.listed
        )
    return scene.shape.is_map(call)


def _product(call: ex.Call, loop: ex.For, scene: Scene) -> tuple[ex.Statement, ex.For] | None:
    """A linear map of all steps, and the loop without it."""
    match call.arguments:
        case (ex.Name(id=name), *others):
            pass
        case _:
            return None
    column = step_of(loop, name, scene)
    if column is None or not all(_stays(weight, loop, scene) for weight in _weights(call)):
        return None
    rank = scene.rank(column.source)
    if rank is None or column.dim == rank - 1:  # the product sums over what the loop runs over
        return None
    return _moved(call, column, loop, scene, lambda source: replace(call, arguments=(source, *others)), "projected")


def _weights(call: ex.Call) -> list[ex.Expression]:
    """What a linear map is given beside what it maps."""
    return [*call.arguments[1:], *(word.value for word in call.keywords)]


def _stepwise(loop: ex.For, scene: Scene, sure: bool) -> Iterator[tuple[ex.Expression, ex.Statement, ex.For]]:
    """What a turn does to each entry of a step alone, with the statement that does it to all steps, and the loop after.

    What a list collects is left to what is done behind a loop.
    """
    collected = [statement.value for statement in loop.body if isinstance(statement, ex.Append)]
    for node in computed(loop.body):
        name = None if isinstance(node, ex.Name) or node in collected else _step(node, loop, scene)
        column = step_of(loop, name, scene) if name else None
        if column is None or name is None or not (sure or cannot_fail(node)):
            continue
        if scene.rank(column.source) == 1 and _has_tensors(node, name):
            continue  # of two tensors without dimensions another dtype may come than of all steps and one of them
        target, source = column.target, ex.show(column.source)

        def whole(source: ex.Expression, node: ex.Expression = node, target: str = target) -> ex.Expression:
            return ex.transform(node, lambda part: source if isinstance(part, ex.Name) and part.id == target else None)

        found = _moved(node, column, loop, scene, whole, name_of(node, source.removeprefix("all_")))
        if found is not None:
            yield node, *found


def _step(node: ex.Expression, loop: ex.For, scene: Scene) -> str | None:
    """The name of which an expression makes another entry of each, with numbers that are the same at every turn."""
    match node:
        case ex.Name(id=name):
            return name
        case ex.Unary(operator="-", operand=operand):
            return _step(operand, loop, scene)
        case ex.Binary(operator="+" | "-" | "*" | "/", left=left, right=right):
            sides = [part for part in (left, right) if not _is_number(part, loop, scene)]
            return _step(sides[0], loop, scene) if len(sides) == 1 else None
        case ex.Call(function=function, arguments=(first, *others), keywords=words) if function in ELEMENTWISE:
            values = [*others, *(word.value for word in words)]
            alone = ops.called(node) is not None and all(_is_number(part, loop, scene) for part in values)
            return _step(first, loop, scene) if alone else None
    return None


def _has_tensors(node: ex.Expression, name: str) -> bool:
    """Whether an expression is made of tensors beside a step."""
    names = (part for part in ex.walk(node) if isinstance(part, ex.Name) and part.id != name)
    return any(Kind.TENSOR in kinds_of(part) for part in names)


def _is_number(node: ex.Expression, loop: ex.For, scene: Scene) -> bool:
    return scene.rank(node) == 0 and scene.stays(node, loop)


def _moved(
    node: ex.Expression, column: Column, loop: ex.For, scene: Scene, whole_of: Whole, name: str
) -> tuple[ex.Statement, ex.For] | None:
    """What makes of all steps what a loop makes of each, and the loop without it; None where no header says that."""
    columns, rank, value = header(loop, scene), scene.rank(column.source), whole_of(column.source)
    if columns is None or rank is None:
        return None
    shape = scene.shape(value) or (None,) * rank
    body, step = _without(node, loop, scene)
    if step is None:
        whole = scene.free(name)
        step = scene.free(f"{whole}_t")
        body = tuple(put(statement, node, tensor(step)) for statement in loop.body)
    else:
        whole = scene.free(f"all_{step}")
    scene.shape.made |= {whole: shape, step: without(shape, column.dim)}
    kept = [part for part in columns.columns if part.target != column.target or column.target in mentioned(body)]
    place = columns.columns.index(column) + (len(kept) == len(columns.columns))
    kept.insert(place, Column(step, tensor(whole), column.dim))
    found = with_header(replace(loop, body=body), replace(columns, columns=tuple(kept)))
    return (given(whole, value), found) if found is not None else None


def _without(node: ex.Expression, loop: ex.For, scene: Scene) -> tuple[tuple[ex.Statement, ...], str | None]:
    """The body without the statement that does no more than give a value a name, and that name."""
    for statement in loop.body:
        match statement:
            case ex.Assign(targets=(target,), value=value) if value is node:
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
