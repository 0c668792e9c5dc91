"""What the rewriting of loops needs to know of a forward: ranks, what stays as it is, and which names are free."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind, Role
from layergen.lang.kinds import Kind
from layergen.lang.tuples import wholes
from layergen.lang.visitor import Block, assigned
from layergen.lower.loops.shapes import Shapes
from layergen.resolve.inference import INT, TENSOR, UNKNOWN, kinds_of
from layergen.resolve.loops import first_use
from layergen.resolve.program import Program
from layergen.resolve.reserved import BUILTINS, GENERATED

TENSORS = frozenset({Kind.TENSORS})
WORDS = {"+": "shifted", "-": "shifted", "**": "raised"}  # what is done to a value, where it is not scaled


class Scene:
    """A forward whose loops are being rewritten."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.taken = {*program.names, *wholes(program.outputs), *program.forward.assigned, *GENERATED, *BUILTINS}
        self.shape = Shapes(program)
        self.moved: list[str] = []  # what was, in words
        self.further: list[Block] = []  # what may follow the block at hand, the innermost last

    def rank(self, node: ex.Expression) -> int | None:
        """How many dimensions a tensor has, 0 for a number; None if it cannot be told."""
        return self.shape.rank(node)

    def free(self, name: str) -> str:
        """A name that nothing else has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def asks_for(self, name: str, block: Block) -> bool:
        """Whether what a name stands for is read by some statements, or by what follows the block that they end."""
        for part in (block, *reversed(self.further)):
            reads = first_use(part, name)
            if reads is not None:
                return reads
        return name in wholes(self.program.outputs)

    @contextmanager
    def before(self, *blocks: Block) -> Iterator[None]:
        """What is rewritten here is followed by some blocks, the nearest first."""
        count = len(self.further)
        self.further += reversed(blocks)
        yield
        del self.further[count:]

    def note(self, node: ex.Expression, where: str) -> None:
        self.moved.append(f"`{ex.show(node)}` {where}")

    def stays(self, node: ex.Expression, loop: ex.For) -> bool:
        """Whether an expression is the same at every turn of a loop, and there on every way."""
        changing = assigned([loop]) | _grown(loop.body)
        names = [part for part in ex.walk(node) if isinstance(part, ex.Name)]
        fixed = not any(name.id in changing or Kind.NONE in kinds_of(name) for name in names)
        return fixed and not any(op.random for op in _ops(node)) and not _calls_members(node)


def _grown(block: Block) -> set[str]:
    """The lists that a block makes longer."""
    found = set[str]()
    for statement in block:
        match statement:
            case ex.Append(list=name):
                found.add(name.id)
            case ex.If(body=body, orelse=orelse):
                found |= _grown(body) | _grown(orelse)
            case ex.For(body=body):
                found |= _grown(body)
    return found


def _calls_members(node: ex.Expression) -> bool:
    """Whether a member is called, which may draw random numbers or count its calls."""
    calls = (part for part in ex.walk(node) if isinstance(part, ex.Call | ex.Apply))
    return any(call.callee is not None and call.callee.kind is CalleeKind.MEMBER for call in calls)


def _ops(node: ex.Expression) -> Iterator[ops.Op]:
    calls = (part for part in ex.walk(node) if isinstance(part, ex.Call))
    return (op for call in calls if (op := ops.called(call)) is not None)


def tensor(name: str) -> ex.Name:
    """A name of a tensor of the forward's own."""
    return ex.Name(name, role=Role.LOCAL, kinds=TENSOR)


def given(name: str, value: ex.Expression) -> ex.Assign:
    return ex.Assign((tensor(name),), value)


def unbinding(source: ex.Expression, dim: int) -> ex.Call:
    """The steps of a tensor along a dimension."""
    callee = Callee(CalleeKind.OP, "unbind")
    return ex.Call("unbind", (source, ex.Literal(dim, kinds=INT)), callee=callee, kinds=TENSORS)


def iteration(name: str, *arguments: ex.Expression) -> ex.Call:
    return ex.Call(name, arguments, callee=Callee(CalleeKind.ITERATION, name), kinds=UNKNOWN)


def unconditional(node: ex.Expression) -> Iterator[ex.Expression]:
    """An expression and those in it that are computed whenever it is."""
    yield node
    parts = (node.test,) if isinstance(node, ex.Conditional) else node.children
    if isinstance(node, ex.Binary) and node.operator in ("and", "or"):
        parts = (node.left,)
    for part in parts:
        inner = part.value if isinstance(part, ex.Keyword) else part
        if isinstance(inner, ex.Expression):
            yield from unconditional(inner)


def put(statement: ex.Statement, old: ex.Expression, new: ex.Expression) -> ex.Statement:
    """A statement in which one expression has taken the place of another, wherever that stands."""

    def change(part: ex.Expression) -> ex.Expression | None:
        return new if part == old else None

    match statement:
        case ex.Assign(value=value):
            return replace(statement, value=ex.transform(value, change))
        case ex.Append(value=value):
            return replace(statement, value=ex.transform(value, change))
        case ex.If(test=test, body=body, orelse=orelse):
            inner = (tuple(put(part, old, new) for part in block) for block in (body, orelse))
            return replace(statement, test=ex.transform(test, change), body=next(inner), orelse=next(inner))
        case ex.For(iterable=iterable, body=body):
            found = tuple(put(part, old, new) for part in body)
            return replace(statement, iterable=ex.transform(iterable, change), body=found)
        case _:
            return statement


def computed(block: Block) -> Iterator[ex.Expression]:
    """The expressions that a block computes at every turn, whatever its conditions come to."""
    for statement in block:
        if isinstance(statement, ex.Assign | ex.Append):
            yield from unconditional(statement.value)


def name_of(node: ex.Expression, first: str = "") -> str:
    """A name for what is computed, as one would call it: ``one_minus_keep``, ``exp_rate``.

    Args:
        node: What is computed.
        first: What it is computed of, unless that is the first name in it.
    """
    first = first or next((part.id for part in ex.walk(node) if isinstance(part, ex.Name)), "value")
    match node:
        case ex.Call(function=function):
            return f"{function.rpartition('.')[2]}_{first}"
        case ex.Binary(operator="-", left=ex.Literal(value=1)):
            return f"one_minus_{first}"
        case ex.Binary(operator=operator):
            return f"{WORDS.get(operator, 'scaled')}_{first}"
    return f"negative_{first}"
