"""Arranges loops as one who knows what a turn costs would write them: the same mathematics, less often.

What does not depend on the turn, or on nothing but the step that is at hand, leaves the loop: one product over all
steps takes the place of many small ones. Each way to do so is a module; all rewrite our own trees, and nothing else.
"""

from dataclasses import dataclass, replace

from layergen.lang import expression as ex
from layergen.lang.visitor import Block, statements
from layergen.lower.loops.added import added
from layergen.lower.loops.appended import behind
from layergen.lower.loops.indexed import unbound
from layergen.lower.loops.invariant import before
from layergen.lower.loops.parted import parted
from layergen.lower.loops.projected import projected, stepwise
from layergen.lower.loops.scene import Scene
from layergen.lower.loops.turns import turns
from layergen.resolve.method import Method
from layergen.resolve.program import Program
from layergen.resolve.written import writes


@dataclass(frozen=True)
class Arranged:
    """A layer whose loops have been arranged, and what was moved, in words."""

    program: Program
    moved: tuple[str, ...] = ()


def arranged(program: Program) -> Arranged:
    """A layer with its loops as one would write them by hand."""
    loops = any(isinstance(statement, ex.For) for statement in statements(program.forward.statements))
    if not loops or writes(program):  # what is read of an input that is written stays where it is read
        return Arranged(program)
    scene = Scene(program)
    block = _block(program.forward.statements, scene)
    return Arranged(replace(program, forward=Method(block)), tuple(scene.moved))


def _block(block: Block, scene: Scene) -> tuple[ex.Statement, ...]:
    """A block whose loops have been arranged, those in other loops first."""
    found: list[ex.Statement] = []
    for place, statement in enumerate(block, 1):
        rest = block[place:]
        match statement:
            case ex.If(body=body, orelse=orelse):
                with scene.before(rest):
                    found.append(replace(statement, body=_block(body, scene), orelse=_block(orelse, scene)))
            case ex.For(body=body):
                sure = turns(statement, block, scene)
                with scene.before(body, rest):
                    loop = replace(statement, body=_block(body, scene))
                if any(scene.asks_for(target.id, rest) for target in loop.targets):
                    found.append(loop)  # it has to run over what it says that it does
                    continue
                loop = unbound(loop, scene)
                ahead, loop = before(loop, scene, sure)
                further, loop = projected(loop, scene, sure)
                parts, loop = parted(loop, scene)
                others, loop = stepwise(loop, scene, sure)
                ahead += [*further, *parts, *others]
                transposed, loop = added(loop, ahead, scene)
                begun = _begun(found)
                found[len(found) - len(begun) :] = [*ahead, *transposed, *begun, loop]
            case _:
                found.append(statement)
    return behind(tuple(found), scene)


def _begun(block: Block) -> tuple[ex.Statement, ...]:
    """The statements at the end of a block that give lists which are empty: they stand right above the loop."""
    count = 0
    while count < len(block) and _is_empty_list(block[-1 - count]):
        count += 1
    return tuple(block[len(block) - count :])


def _is_empty_list(statement: ex.Statement) -> bool:
    return isinstance(statement, ex.Assign) and statement.value == ex.Sequence(())
