"""Loops that surely take a turn, and what may be computed before one that may take none: what cannot fail there.

A reduction without an identity, as `amax`, an entry, as `x[:, 0]`, or a number that is divided by a size fails where a
size is 0. Moved before a loop over that size, it would refuse what the loop itself has no turn to refuse.
"""

from collections.abc import Iterator

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.condition import Condition
from layergen.lang.kinds import Kind
from layergen.lang.visitor import Block, sources, statements
from layergen.lower.loops.scene import Scene, unconditional
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import kinds_of

# Ops that give something of tensors without entries, too, whatever is in them.
TOTAL = ELEMENTWISE | {
    *("transpose", "permute", "unsqueeze", "flip", "cumsum", "sum", "mean", "softmax", "log_softmax", "where"),
    *("linear", "matmul", "einsum", "type_as", "upcast", "detach", "maximum", "minimum"),
}
JOINING = frozenset({"stack", "cat"})  # what torch refuses of lists without items


def turns(loop: ex.For, block: Block, scene: Scene) -> bool:
    """Whether a loop takes a turn wherever its block is run to its end."""
    return any(_is_there(count, scene) for count in _counts(loop.iterable, scene)) or _is_joined(loop, block)


def cannot_fail(node: ex.Expression) -> bool:
    """Whether an expression has a value at all sizes, if it has one at some."""
    return all(_is_total(part) for part in ex.walk(node))


def _is_total(node: ex.Node) -> bool:
    match node:
        case ex.Call():
            return kinds_of(node) == {Kind.TENSOR} and node.function in TOTAL and ops.called(node) is not None
        case ex.Subscript(index=index):
            parts = index.items if isinstance(index, ex.Sequence) and not index.bracket else (index,)
            return all(part in (ex.Slice(None, None, None), ex.Literal(None), ex.Literal(...)) for part in parts)
        case ex.Binary(operator="/", left=left, right=right):
            tensors = any(Kind.TENSOR in kinds_of(side) for side in (left, right))
            return tensors or _is_positive(right)
        case ex.Binary(operator="**" | "//" | "%", right=right):
            return _is_positive(right)
    return True


def _is_positive(node: ex.Expression) -> bool:
    return isinstance(node, ex.Literal) and isinstance(node.value, int | float) and node.value > 0


def _counts(iterable: ex.Expression, scene: Scene) -> Iterator[ex.Expression]:
    """What tells how many turns a loop takes, of which each that is not 0 says that it takes one."""
    match iterable:
        case ex.Call(function="range", arguments=(count,)):
            yield count
        case ex.Call(function="enumerate" | "reversed" | "zip", arguments=inners):
            for inner in inners:
                yield from _counts(inner, scene)
        case ex.Call(function="unbind", arguments=(ex.Name(id=name), *others), keywords=words):
            dim = (*others, *(word.value for word in words), ex.Literal(0))[0]
            part = scene.program.inputs.get(name)
            changed = any(True for _ in sources(scene.program.forward.statements, name))
            if part is None or changed or scene.rank(iterable.arguments[0]) is None:
                return
            if isinstance(dim, ex.Literal) and isinstance(dim.value, int) and dim.value < len(part.entries):
                yield part.entries[dim.value]


def _is_there(count: ex.Expression, scene: Scene) -> bool:
    """Whether a number is at least 1 by itself, by the bounds of an argument, or by a constraint."""
    match count:
        case ex.Literal(value=int(number)):
            return number >= 1
        case ex.Name(id=name) if name in scene.program.decided:
            argument = scene.program.decided[name]
            return argument.min is not None and argument.min >= 1 and not argument.optional
        case ex.Name(id=name):
            constraints = map(Condition, scene.program.size_constraints)
            return any(condition.holds({name: 0}) is False for condition in constraints)
    return False


def _is_joined(loop: ex.For, block: Block) -> bool:
    """Whether a list that the loop alone makes longer is joined behind it, on every way: it has to have an item."""
    place = next((at for at, statement in enumerate(block) if statement is loop), len(block))
    for name in {statement.list.id for statement in loop.body if isinstance(statement, ex.Append)}:
        grown = [part for part in statements(block) if isinstance(part, ex.Append) and part.list.id == name]
        alone = all(any(part is other for other in statements(loop.body)) for part in grown)
        if alone and list(sources(block, name)) == [ex.Sequence(())] and _joins(block[place + 1 :], name):
            return True
    return False


def _joins(block: Block, name: str) -> bool:
    """Whether a block joins a list whatever its conditions come to."""
    values = (part.value for part in block if isinstance(part, ex.Assign | ex.Append))
    return any(
        isinstance(node, ex.Call) and node.function in JOINING and ex.Name(name) in node.arguments[:1]
        for value in values
        for node in unconditional(value)
    )
