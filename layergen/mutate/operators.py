"""The small changes to a method that make mutants of it: each is what a hand may slip into."""

import ast
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from layergen.mutate.same import alike, swaps

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
NEIGHBOURS = {
    "sigmoid": "tanh",
    "tanh": "sigmoid",
    "relu": "gelu",
    "gelu": "relu",
    "silu": "gelu",
    "softplus": "relu",
    "exp": "expm1",
    "log": "log1p",
    "sqrt": "rsqrt",
    "rsqrt": "sqrt",
    "sin": "cos",
    "cos": "sin",
    "mean": "sum",
    "sum": "mean",
    "amax": "amin",
    "amin": "amax",
    "argmin": "argmax",
    "argmax": "argmin",
    "cumsum": "cumprod",
    "cumprod": "cumsum",
    "softmax": "log_softmax",
    "log_softmax": "softmax",
    "square": "abs",
    "abs": "square",
    "tril": "triu",
    "triu": "tril",
    "zeros": "ones",
    "ones": "zeros",
    "floor": "ceil",
    "ceil": "floor",
    "bernoulli": "round",
    "rand_like": "randn_like",
    "randn_like": "rand_like",
    "uniform_": "normal_",
    "normal_": "uniform_",
    "zeros_": "ones_",
    "ones_": "zeros_",
    "kaiming_uniform_": "kaiming_normal_",
    "kaiming_normal_": "kaiming_uniform_",
    "xavier_uniform_": "xavier_normal_",
    "xavier_normal_": "xavier_uniform_",
    "max_pool2d": "avg_pool2d",
    "avg_pool2d": "max_pool2d",
}
KEPT = {"dtype", "requires_grad", "persistent", "strict"}  # keywords that are not left out


def mutations(
    method: ast.FunctionDef, lists: frozenset[str] = frozenset()
) -> Iterator[tuple[int, AbstractContextManager[None]]]:
    """Each change to a method, made while its context is open, and its line; what refuses inputs is left alone.

    Args:
        method: The method.
        lists: What has one entry in its class.
    """
    for parent, name, index, node in slots(method.body, method, "body"):
        for other in changed(node):
            if not alike(parent, name, node, other, lists):
                yield getattr(node, "lineno", method.lineno), put(parent, name, index, other)


def slots(value: Any, parent: ast.AST, name: str) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """All nodes under a field of a node, with where they stand; what raises errors aside."""
    for index, node in enumerate(value) if isinstance(value, list) else ((None, value),):
        if not isinstance(node, ast.AST) or isinstance(node, ast.arguments | ast.Raise) or refuses(node):
            continue
        if isinstance(node, ast.Call) and ast.unparse(node).endswith("[0].numel()"):
            continue  # the fan-in: each row has as many elements
        if isinstance(node, ast.Compare) and ast.unparse(node).endswith(".dtype.itemsize < 4"):
            continue  # at 4 and 3, it converts the same, or to the dtype that there is already
        if isinstance(node, ast.IfExp) and ast.unparse(node.test).endswith(".is_meta"):
            continue  # where autocast is turned off, which all tests on one device do alike
        yield parent, name, index, node
        for field, inner in ast.iter_fields(node):
            if not (isinstance(node, ast.AnnAssign) and field == "annotation"):  # which computes nothing
                yield from slots(inner, node, field)


def refuses(node: ast.AST) -> bool:
    """Whether a node is a check that raises an error."""
    return isinstance(node, ast.If) and any(isinstance(part, ast.Raise) for part in node.body)


@contextmanager
def put(parent: ast.AST, name: str, index: int | None, other: ast.AST) -> Iterator[None]:
    """Put another node in a place, as long as the context is open."""
    held = getattr(parent, name)
    if index is None:
        setattr(parent, name, other)
    else:
        setattr(parent, name, [*held[:index], other, *held[index + 1 :]])
    try:
        yield
    finally:
        setattr(parent, name, held)


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) in OPERATORS:
                yield ast.BinOp(left, OPERATORS[type(op)](), right)
            yield left
            yield right
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Constant(value=float() as value):
            yield ast.Constant(value * 1.1 + 0.01)
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in COMPARISONS:
            yield ast.Compare(left, [COMPARISONS[type(op)]()], comparators)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
            yield body
            yield orelse
        case ast.If(test=test, body=body, orelse=orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Attribute(value=ast.Name(id="self"), attr="training"):
            yield ast.Constant(True)
            yield ast.Constant(False)
        case ast.Call():
            yield from changed_call(node)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if mentions(value, name):
            yield ast.Pass()
        case ast.AugAssign() | ast.Expr(value=ast.Call()) if not is_set_up(node):
            yield ast.Pass()


def changed_call(call: ast.Call) -> Iterator[ast.AST]:
    """What may stand in the place of a call."""
    if isinstance(call.func, ast.Attribute):
        function, name = call.func.value, call.func.attr
        if name in NEIGHBOURS:
            yield ast.Call(ast.Attribute(function, NEIGHBOURS[name], ast.Load()), call.args, call.keywords)
        if not isinstance(function, ast.Name) or function.id not in ("torch", "F", "nn", "init", "math", "self"):
            yield function  # the method is left out
    elif isinstance(call.func, ast.Name):
        return
    if len(call.args) > 1 and not any(isinstance(argument, ast.Starred) for argument in call.args):
        first, second, *others = call.args
        if swaps(call):
            yield ast.Call(call.func, [second, first, *others], call.keywords)
        yield ast.Call(call.func, call.args[:-1], call.keywords)
    for keyword in call.keywords:
        if keyword.arg not in KEPT:
            yield ast.Call(call.func, call.args, [other for other in call.keywords if other is not keyword])


def mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def is_set_up(node: ast.AST) -> bool:
    """Whether a statement sets a module up, without which it does not exist: `super().__init__()`."""
    return "super()" in ast.unparse(node)
