"""Says what a forward says as one would write it by hand, and as linters want it, wherever its author has not."""

from collections.abc import Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lower.scopes import negated
from layergen.resolve.inference import kinds_of

Block = tuple[ex.Statement, ...]
MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
COMPLEMENTS = frozenset({"==", "!=", "is", "is not", "in", "not in"})


def tidied(block: Sequence[ex.Statement], outputs: Sequence[str]) -> Block:
    """The statements of a forward whose result has these names."""
    statements = _block(block)
    match statements:
        case (*before, ex.Assign(targets=(first,), value=value), ex.Assign(targets=(last,), value=ex.Name(id=name))):
            if name == first.id and (last.id,) == tuple(outputs):
                return (*before, ex.Assign((last,), value, span=statements[-1].span))
    return statements


def _block(block: Sequence[ex.Statement]) -> Block:
    return tuple(tidy for statement in block if (tidy := _statement(statement)) is not None)


def _statement(statement: ex.Statement) -> ex.Statement | None:
    """A statement; None if it does nothing."""
    match statement:
        case ex.Assign(targets=(target,), value=ex.Name(id=name)) if name == target.id:
            return None
        case ex.Assign(value=value):
            return replace(statement, value=_expression(value))
        case ex.If(test=test, body=body, orelse=orelse):
            found = replace(statement, test=_expression(test), body=_block(body), orelse=_block(orelse))
            return _merged(found) if found.body or found.orelse else None
        case ex.For(targets=targets, iterable=iterable, body=body):
            tidy = _block(body)
            if not tidy and all(target.id == "_" for target in targets):
                return None
            return replace(statement, iterable=_expression(iterable), body=tidy or body)  # its last step has a name
        case ex.Append(value=value):
            return replace(statement, value=_expression(value))
        case _:
            return statement


def _merged(statement: ex.If) -> ex.If:
    """A branch without a branch that is all there is in it, and without one that does the same after it."""
    match statement:
        case ex.If(body=(ex.If(orelse=()) as inner,), orelse=()):
            return replace(statement, test=ex.Binary("and", statement.test, inner.test), body=inner.body)
        case ex.If(orelse=(ex.If() as following,)) if statement.body == following.body:
            test = ex.Binary("or", statement.test, following.test)
            return replace(statement, test=test, orelse=following.orelse)
    return statement


def _expression(node: ex.Expression) -> ex.Expression:
    node = ex.with_children(node, _expression)
    match node:
        case ex.Compare(left=ex.Literal() as number, operators=(sign,), comparators=(other,)) if (
            sign in MIRRORED and not isinstance(other, ex.Literal)
        ):
            return _expression(replace(node, left=other, operators=(MIRRORED[sign],), comparators=(number,)))
        case ex.Compare(left=left, operators=("==" | "!=" as sign,), comparators=(ex.Literal(value=bool() as answer),)):
            if kinds_of(left) == {Kind.BOOL}:
                return left if answer == (sign == "==") else ex.Unary("not", left, kinds=node.kinds)
        case ex.Unary(operator="not", operand=ex.Compare(operators=(sign,)) as inner) if sign in COMPLEMENTS:
            return replace(negated(inner), kinds=node.kinds)
        case ex.Conditional(test=test, then=ex.Literal(value=bool() as one), orelse=ex.Literal(value=bool() as other)):
            if one != other and kinds_of(test) == {Kind.BOOL}:
                return test if one else ex.Unary("not", test, kinds=node.kinds)
    return node
