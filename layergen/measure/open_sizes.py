"""Whether a forward needs sizes as numbers, so that a trace of it holds for these sizes alone."""

from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.visitor import assigned, nodes, statements
from layergen.ops.recurrences import FUSED
from layergen.resolve.program import Program
from layergen.resolve.torch_module import RECURRENT, TorchModule

PLAIN = frozenset({"int", "float", "max", "min", "abs", "len", "prod", "sum"})  # that torch follows at symbols


def needs_sizes(program: Program) -> bool:
    """Whether a layer or a member loops over a size, asks about one, or computes a root or the like of one."""
    block = program.forward.statements
    unknown = {*program.dimensions, *program.inputs, *assigned(block)}

    def is_fixed(asked: ex.Expression | None) -> bool:
        return asked is not None and not _asks_for_none(asked) and bool(ex.names(asked) & unknown)

    if any(op.name in FUSED for op in program.forward.ops) or has_recurrent_member(program):
        return True
    if any(is_fixed(_asked(node)) for node in (*statements(block), *nodes(block))):
        return True
    return any(needs_sizes(child.program) for child in program.children.values())


def has_recurrent_member(program: Program) -> bool:
    """Whether a layer or a member is made of a recurrent module of torch, which its compiler does not trace."""
    made = [made.of for member in program.members.values() for made in member.made]
    own = any(isinstance(of, TorchModule) and of.name in RECURRENT for of in made)
    return own or any(has_recurrent_member(child.program) for child in program.children.values())


def _asked(node: ex.Node) -> ex.Expression | None:
    """What a node needs to know before it can go on."""
    match node:
        case ex.For(iterable=asked) | ex.If(test=asked) | ex.Conditional(test=asked):
            return asked
        case ex.Call(callee=callee, function=name) if callee and callee.kind is CalleeKind.SCALAR:
            return None if name in PLAIN else node
        case _:
            return None


def _asks_for_none(node: ex.Expression) -> bool:
    return isinstance(node, ex.Compare) and set(node.operators) <= {"is", "is not"}
