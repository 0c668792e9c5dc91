"""Formulas of exponentials that run over, for which torch has one op that does not."""

from collections.abc import Iterator

from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.resolve.program import Program

ONE = (ex.Literal(1), ex.Literal(1.0))


def closed_form(program: Program, around: ex.Node | None = None) -> str | None:
    """Help with the first such formula of a forward; with a node, of the one that it is, or is a part of."""
    written = (node for node in nodes(program.forward.statements) if isinstance(node, ex.Expression))
    for node in written:
        op = _op(node)
        if op is not None and (around is None or any(part is around for part in ex.walk(node))):
            return f"write `{op}`, which is `{ex.show(node)}` without what is too large on the way"
    return None


def _op(node: ex.Expression) -> str | None:
    """The call that gives what a formula does."""
    match node:
        case ex.Call(function="log", arguments=(ex.Binary(operator="+") as inner,)):
            return next((f"softplus({ex.show(u)})" for u in _beside_one(inner)), None)
        case ex.Call(function="log1p", arguments=(inner,)) if (u := _exponent(inner)) is not None:
            return f"softplus({ex.show(u)})"
        case ex.Call(function="log", arguments=(ex.Call(function="sum", arguments=(inner, *rest)) as whole,)):
            u = _exponent(inner)
            dims = rest or any(word.name == "dim" for word in whole.keywords)
            return _over("logsumexp", u, rest, whole.keywords) if u is not None and dims else None
        case ex.Call(function="log", arguments=(ex.Binary("-", one, ex.Call(function="sigmoid", arguments=(u,))),)):
            return f"logsigmoid({ex.show(_negative(u))})" if one in ONE else None
        case ex.Binary("/", ex.Binary("-", a, b), ex.Binary("+", c, d)) if (a, b) == (c, d):
            u, v = _exponent(a), _exponent(b)
            return f"tanh({ex.show(u)})" if u is not None and v is not None and v == _negative(u) else None
        case ex.Binary("/", one, ex.Binary(operator="+") as inner) if one in ONE:
            return next((f"sigmoid({ex.show(_negative(u))})" for u in _beside_one(inner)), None)
        case ex.Binary("/", above, ex.Binary(operator="+") as inner) if (v := _exponent(above)) is not None:
            return next((f"sigmoid({ex.show(u)})" for u in _beside_one(inner) if u == v), None)
        case ex.Binary("/", above, ex.Call(function="sum", arguments=(inner, *rest)) as whole):
            u = _exponent(inner)
            kept = tuple(word for word in whole.keywords if word.name != "keepdim")
            alike = u is not None and u == _exponent(above) and len(kept) < len(whole.keywords)
            return _over("softmax", u, rest, kept) if u is not None and alike else None
    return None


def _over(op: str, u: ex.Expression, rest: list[ex.Expression], keywords: tuple[ex.Keyword, ...]) -> str:
    return ex.show(ex.Call(op, (u, *rest[:1]), keywords))


def _exponent(node: ex.Expression) -> ex.Expression | None:
    """What a call of `exp` is given."""
    match node:
        case ex.Call(function="exp", arguments=(u,)):
            return u
    return None


def _beside_one(node: ex.Binary) -> Iterator[ex.Expression]:
    """What a call of `exp` is given that 1 is added to."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if one in ONE and (u := _exponent(other)) is not None:
            yield u


def _negative(node: ex.Expression) -> ex.Expression:
    match node:
        case ex.Unary("-", operand):
            return operand
    return ex.Unary("-", node)
