"""What is the same at every turn is computed once, before the loop."""

from collections.abc import Callable
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.tuples import wholes
from layergen.lang.visitor import assignments
from layergen.lower.loops.scene import Scene, computed, given, name_of, put, tensor
from layergen.lower.loops.turns import cannot_fail
from layergen.resolve.inference import kinds_of
from layergen.resolve.loops import reads_first

ARITHMETIC = frozenset({"+", "-", "*", "/", "**", "@"})


def before(loop: ex.For, scene: Scene, sure: bool) -> tuple[list[ex.Statement], ex.For]:
    """The statements to put before a loop, and the loop without what they compute.

    Args:
        loop: The loop.
        scene: The forward that it stands in.
        sure: Whether it surely takes a turn; before one that may take none stands only what cannot fail.
    """
    ahead: list[ex.Statement] = []

    def may_leave(node: ex.Expression) -> bool:
        return (sure or cannot_fail(node)) and scene.stays(node, loop)

    while True:
        whole = next((statement for statement in loop.body if _leaves(statement, loop, scene, may_leave)), None)
        if isinstance(whole, ex.Assign):
            ahead.append(whole)
            loop = replace(loop, body=tuple(statement for statement in loop.body if statement is not whole))
            scene.note(whole.value, "is computed once, before the loop")
            continue
        part = next((part for part in computed(loop.body) if _is_work(part) and may_leave(part)), None)
        if part is None:
            return ahead, loop
        name = scene.free(name_of(part))
        shape = scene.shape(part)
        if shape is not None:
            scene.shape.made[name] = shape
        ahead.append(given(name, part))
        loop = replace(loop, body=tuple(put(statement, part, tensor(name)) for statement in loop.body))
        scene.note(part, "is computed once, before the loop")


def _leaves(statement: ex.Statement, loop: ex.For, scene: Scene, may_leave: Callable[[ex.Expression], bool]) -> bool:
    """Whether a statement gives a name, which nothing else gives a value, the same at every turn."""
    if not isinstance(statement, ex.Assign) or not may_leave(statement.value):
        return False
    if Kind.TENSOR not in kinds_of(statement.value) or isinstance(statement.value, ex.Name) or len(loop.body) == 1:
        return False
    targets, program = {target.id for target in statement.targets}, scene.program
    owned = {*program.buffers, *wholes(program.inputs), *wholes(program.outputs)}
    anywhere = [target.id for target in program.forward.targets]
    inside = [target.id for target in assignments(loop.body)]
    single = all(anywhere.count(name) <= 1 == inside.count(name) for name in targets)
    return single and not targets & owned and not any(reads_first(loop.body, name) for name in targets)


def _is_work(node: ex.Expression) -> bool:
    """Whether an expression computes a tensor of others."""
    if kinds_of(node) != {Kind.TENSOR}:
        return False
    op = ops.called(node) if isinstance(node, ex.Call) else None
    arithmetic = isinstance(node, ex.Binary | ex.Unary) and node.operator in ARITHMETIC
    return arithmetic or (op is not None and not op.factory)
