"""Tells the dtype of what was upcast where nothing else of it is read, so that it is not made for that alone.

``type_as(arange(H), upcast(x))`` is a range in ``torch.promote_types(x.dtype, torch.float32)``: ``x`` is not copied.
"""

from collections.abc import Mapping
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.tuples import wholes
from layergen.lang.visitor import Block, expressions, mapped, sources
from layergen.resolve.program import Program

CONVERSIONS = frozenset({"type_as", "to"})
ALIKE = frozenset(
    {
        *(f"{kind}_like" for kind in ("empty", "full", "ones", "zeros", "rand", "randint", "randn")),
        *(f"new_{kind}" for kind in ("empty", "full", "ones", "zeros")),
    }
)


def wide_dtype(dtype: str) -> str:
    """The source text of the dtype that is as wide as another one, and wide enough."""
    return f"torch.promote_types({dtype}, torch.float32)"


def unnamed(block: Block, program: Program) -> tuple[ex.Statement, ...]:
    """A forward in which what was upcast has no name where that lends its dtype alone."""
    found = {
        statement.targets[0].id: statement.value
        for statement in block
        if isinstance(statement, ex.Assign)
        and (name := _upcast(statement.value)) is not None
        and name.id not in program.forward.assigned
        and _lends_dtype_alone(statement.targets[0].id, block, program)
    }
    if not found:
        return tuple(block)
    left = (each for each in block if not (isinstance(each, ex.Assign) and each.targets[0].id in found))

    def change(node: ex.Expression) -> ex.Expression | None:
        return found.get(node.id) if isinstance(node, ex.Name) else None

    return mapped(tuple(left), lambda node: ex.transform(node, change))


def by_dtype(call: ex.Call, names: Mapping[str, str]) -> ex.Expression | None:
    """A call that reads of what was upcast the dtype alone, or the shape too, without it; None of another call.

    Args:
        call: The call.
        names: The source text of the names in it.
    """
    lender = _lender(call)
    own = _upcast(lender) if lender is not None else None
    if own is None:
        return None
    dtype = ex.Name(wide_dtype(f"{names.get(own.id, own.id)}.dtype"))
    if lender is call.arguments[0]:
        given = any(keyword.name == "dtype" for keyword in call.keywords)
        keywords = call.keywords if given else (*call.keywords, ex.Keyword("dtype", dtype))
        return replace(call, arguments=(own, *call.arguments[1:]), keywords=keywords)
    match call.arguments[0]:
        case ex.Call(function="arange", keywords=()) as made:
            device = ex.Keyword("device", ex.Name(f"{names.get(own.id, own.id)}.device"))
            return replace(made, keywords=(device, ex.Keyword("dtype", dtype)))
        case value:
            return replace(call, function="to", arguments=(value, dtype), callee=Callee(CalleeKind.OP, "to"))


def _lends_dtype_alone(name: str, block: Block, program: Program) -> bool:
    """Whether a name has one value, and no call reads more of that than the dtype, or the shape too."""
    if name in wholes(program.outputs) or len(list(sources(block, name))) != 1:
        return False
    nodes = [node for expression in expressions(block) for node in ex.walk(expression)]
    lent = [node for node in nodes if isinstance(node, ex.Call) and _is_name(_lender(node), name)]
    return len(lent) == sum(_is_name(node, name) for node in nodes)


def _lender(call: ex.Call) -> ex.Expression | None:
    """The tensor of which a call reads the dtype alone, or the shape too."""
    op = ops.called(call)
    match call.arguments:
        case (_, other) if op is not None and op.name in CONVERSIONS and not call.keywords:
            return other
        case (like, *_) if op is not None and op.name in ALIKE:
            return like
    return None


def _upcast(node: ex.Expression) -> ex.Name | None:
    """The name that is upcast, as a floating tensor, if that is what an expression does."""
    match node:
        case ex.Call(function="upcast", arguments=(ex.Name() as name,), callee=Callee(whole=False)):
            return name
    return None


def _is_name(node: ex.Node | None, name: str) -> bool:
    return isinstance(node, ex.Name) and node.id == name
