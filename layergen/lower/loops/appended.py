"""What is done to each value that a list collects is done once, to all of them, behind the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.visitor import Block, assigned, reads, sources
from layergen.lower.loops.columns import header, without_idle
from layergen.lower.loops.scene import Scene, given, put, tensor, unconditional
from layergen.ops.traits import ELEMENTWISE


@dataclass(frozen=True)
class Collected:
    """A list that one statement of a loop makes longer, and the one call that joins it."""

    loop: ex.For
    append: ex.Append
    joint: ex.Call
    dim: int


def behind(block: tuple[ex.Statement, ...], scene: Scene) -> tuple[ex.Statement, ...]:
    """A block in which the loops collect what is cheap, and the rest is done to what they have collected."""
    for loop in [statement for statement in block if isinstance(statement, ex.For)]:
        for append in [statement for statement in loop.body if isinstance(statement, ex.Append)]:
            found = _collected(block, loop, append, scene)
            if found is not None:
                block = _rearranged(block, found, scene) or block
    return block


def _collected(block: Block, loop: ex.For, append: ex.Append, scene: Scene) -> Collected | None:
    """How a list is joined that begins empty, grows in one place, and is read in one, in the same block alone."""
    name = append.list.id
    position = next((place for place, statement in enumerate(block) if statement is loop), None)
    if position is None or not any(_begins(statement, name) for statement in block[:position]):
        return None
    once = len(list(sources(block, name))) == 1 and sum(part.id == name for part in reads(block)) == 2
    steps = any(scene.asks_for(target.id, block[position + 1 :]) for target in loop.targets)
    if not once or steps or scene.asks_for(name, ()):
        return None
    for place, statement in enumerate(block[position + 1 :], position + 1):
        if assigned(block[position + 1 : place]) & _behind(append.value, loop):
            return None  # what the value is made of is something else by then
        for node in ex.walk(statement.value) if isinstance(statement, ex.Assign) else ():
            match node:
                case ex.Call(function="stack", arguments=(ex.Name(id=found), *rest), keywords=words) if found == name:
                    dims = [*rest, *(word.value for word in words if word.name == "dim"), ex.Literal(0)]
                    dim = dims[0].value if isinstance(dims[0], ex.Literal) else None
                    plain = isinstance(dim, int) and dim >= 0 and len(dims) <= 2
                    return Collected(loop, append, node, dim) if plain and isinstance(dim, int) else None
    return None


def _begins(statement: ex.Statement, name: str) -> bool:
    """Whether a statement gives a name a list that is empty."""
    return isinstance(statement, ex.Assign) and statement.targets[0].id == name and statement.value == ex.Sequence(())


def _behind(node: ex.Expression, loop: ex.For) -> frozenset[str]:
    """The names that a value is made of, those of what the loop runs over among them."""
    return ex.names(node) | ex.names(loop.iterable)


def _rearranged(block: tuple[ex.Statement, ...], found: Collected, scene: Scene) -> tuple[ex.Statement, ...] | None:
    """The block in which a loop collects its state alone; None where that is no gain, or not the same."""
    loop, value = found.loop, found.append.value
    states = {name for name in ex.names(value) & assigned(loop.body) if loop.body[-1] is found.append}
    columns = header(loop, scene)
    whole: dict[str, ex.Expression] = {}
    if columns is not None and not columns.backwards:
        whole = {
            part.target: part.source
            for part in columns.columns
            if part.dim == found.dim and isinstance(part.source, ex.Name) and scene.stays(part.source, loop)
        }
    if len(states) != 1 or isinstance(value, ex.Name):
        return None
    (state,) = states
    if not _is_stepwise(value, {state, *whole}, found, scene) or not _is_joined(block, found.joint):
        return None
    stacked = scene.free(f"all_{state}")
    list_name = scene.free(f"{state}s")
    everything = _with(value, {**whole, state: tensor(stacked)})
    joint = replace(found.joint, arguments=(replace(found.append.list, id=list_name), *found.joint.arguments[1:]))
    inner = replace(found.append, list=replace(found.append.list, id=list_name), value=tensor(state))
    new_loop = without_idle(replace(loop, body=(*loop.body[:-1], inner)), scene)
    result: list[ex.Statement] = []
    for statement in block:
        if statement is loop:
            result.append(new_loop)
        elif isinstance(statement, ex.Assign) and statement.targets[0].id == found.append.list.id:
            result.append(replace(statement, targets=(replace(statement.targets[0], id=list_name),)))
        elif isinstance(statement, ex.Assign) and found.joint in ex.walk(statement.value):
            result += [given(stacked, joint), put(statement, found.joint, everything)]
        else:
            result.append(statement)
    scene.note(value, "is done to all steps at once, behind the loop")
    return tuple(result)


def _is_joined(block: Block, joint: ex.Call) -> bool:
    """Whether a block joins a list whatever its conditions come to: a list without items is none to join."""
    values = (statement.value for statement in block if isinstance(statement, ex.Assign))
    return any(node is joint for value in values for node in unconditional(value))


def _with(node: ex.Expression, values: Mapping[str, ex.Expression]) -> ex.Expression:
    return ex.transform(node, lambda part: values.get(part.id) if isinstance(part, ex.Name) else None)


def _is_stepwise(node: ex.Expression, steps: set[str], found: Collected, scene: Scene) -> bool:
    """Whether an expression treats the entries of a step alike, wherever they stand along a further dimension."""
    rank = scene.rank(node)
    if rank is None or rank <= found.dim:  # the new dimension must not be the last one
        return False
    match node:
        case ex.Name(id=name):
            return name in steps
        case ex.Unary(operator="-", operand=operand):
            return _is_stepwise(operand, steps, found, scene)
        case ex.Binary(operator="+" | "-" | "*" | "/", left=left, right=right):
            sides = [part for part in (left, right) if not _is_fixed(part, rank - found.dim, found, scene)]
            alike = all(scene.rank(part) == rank for part in sides)
            return bool(sides) and alike and all(_is_stepwise(part, steps, found, scene) for part in sides)
        case ex.Call(arguments=(first, *others), keywords=words) if scene.shape.is_map(node):
            weights = [*others, *(word.value for word in words)]
            owned = all(isinstance(part, ex.Name) and part.id in scene.program.parameters for part in weights)
            return owned and _is_stepwise(first, steps, found, scene)
        case ex.Call(function=function, arguments=(first, *others), keywords=words) if function in ELEMENTWISE:
            values = [*others, *(word.value for word in words)]
            numbers = all(_is_fixed(part, 0, found, scene) for part in values)
            return ops.called(node) is not None and numbers and _is_stepwise(first, steps, found, scene)
    return False


def _is_fixed(node: ex.Expression, rank: int, found: Collected, scene: Scene) -> bool:
    """Whether an expression is the same at every turn, and has no more dimensions than stand right of the new one."""
    own = scene.rank(node)
    return own is not None and own <= rank and scene.stays(node, found.loop)
