"""Where gradients are in a forward: the names that have one, and those from which one can reach what is returned."""

from collections.abc import Callable, Iterator

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.dtypes import INTEGRAL
from layergen.lang.facts import CalleeKind
from layergen.lang.tuples import spread, wholes
from layergen.lang.visitor import assigned, expressions, parts, statements
from layergen.ops.traits import UNDIFFERENTIABLE
from layergen.resolve.program import Program

PARAMETERS = ""  # stands for those of members, which no name of the layer does


def constant(program: Program) -> frozenset[str]:
    """The names that have no gradient: numbers, integers, truths, buffers, and what is computed of these alone."""
    floating = (name for name, part in program.inputs.items() if part.dtype not in (*INTEGRAL, "bool"))
    written = program.forward.statements
    found = assigned(written).union(*map(ex.names, expressions(written)))
    found -= {*wholes(floating), *program.parameters}
    while True:
        wrong = {name for name, sources in _flows(program) if not sources <= found} & found
        if not wrong:
            return frozenset(found)
        found -= wrong


def leading(program: Program) -> frozenset[str]:
    """The names from whose values a gradient can come back from what is returned."""
    found = {*wholes(program.outputs), *spread(wholes(program.outputs), program.results)}
    while True:
        more = set[str]().union(*(sources for name, sources in _flows(program) if name in found)) - found
        if not more:
            return frozenset(found)
        found |= more


def _flows(program: Program) -> Iterator[tuple[str, set[str]]]:
    """The names that statements give values, each with those whose gradients it has; buffers have none."""
    for statement in statements(program.forward.statements):
        sources = set[str]().union(*map(differentiable, parts(statement).expressions))
        names = (statement.list,) if isinstance(statement, ex.Append) else parts(statement).targets
        yield from ((target.id, sources) for target in names if target.id not in program.buffers)


def differentiable(node: ex.Expression) -> set[str]:
    """The names whose gradients a value has, ``PARAMETERS`` among them where a module is called that may have some."""
    if is_undifferentiable(node) or is_detached(node):
        return set()
    return _names(node, differentiable) | ({PARAMETERS} if is_open(node) else set())


def depends_on(node: ex.Expression) -> set[str]:
    """The names whose values a value depends on; what a tensor is converted to lends its dtype alone."""
    return _names(node, depends_on)


def is_open(node: ex.Expression) -> bool:
    """Whether a value is that of a member, or of a function that the caller chooses: either may do anything."""
    kind = node.callee.kind if isinstance(node, ex.Call | ex.Apply) and node.callee is not None else None
    return kind in (CalleeKind.MEMBER, CalleeKind.FUNCTION)


def is_undifferentiable(node: ex.Expression) -> bool:
    """Whether a value has no gradient, whatever it is computed of: a comparison, or the place of the least value."""
    op = ops.called(node) if isinstance(node, ex.Call) else None
    return isinstance(node, ex.Compare) or (op is not None and op.name in UNDIFFERENTIABLE)


def is_detached(node: ex.Expression) -> bool:
    """Whether a value is cut off from what it is computed of, whose memory it may share."""
    op = ops.called(node) if isinstance(node, ex.Call) else None
    return op is not None and op.name == "detach"


def _names(node: ex.Expression, of: Callable[[ex.Expression], set[str]]) -> set[str]:
    match node:
        case ex.Call(function="type_as" | "loss_as", arguments=(first, *_)):
            return of(first)
        case ex.Name(id=name):
            return {name}
    inner = (part.value if isinstance(part, ex.Keyword) else part for part in node.children)
    return set[str]().union(*(of(part) for part in inner if isinstance(part, ex.Expression)))
