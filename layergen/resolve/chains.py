"""Families each tensor of which starts from those before it: which of them a turn reads, and whether there are such."""

from collections.abc import Iterable, Iterator

from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.inits import FANS
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Buffer, Parameter
from layergen.lang.visitor import Block, parts
from layergen.rules.tensors import InitMismatch

MOST = 8  # how far back a tensor may read


def check_chain(name: str, tensor: Parameter | Buffer, index: str, path: Path) -> Iterator[Finding]:
    """Yield what is wrong with how the initial values of a family read the family itself.

    Args:
        name: The family.
        tensor: What each of its tensors is.
        index: The index of a tensor.
        path: Where the initial value stands.
    """
    init = tensor.init
    back: list[int] = []
    for node in _reads(name, _reached(init.before, init.value, {})):
        steps = _steps(node, index) if isinstance(node, ex.Subscript) else None
        if steps is None:
            message = f"the initial value of `{name}` reads `{ex.show(node)}`, which need not have begun"
            help = f"read one that comes before: `{name}[{index} - 1]`"
            yield InitMismatch.at(Place(path, node.span), message, help=help)
            return
        back.append(steps)
    for turn in range(max(back, default=0)):
        for node in _reads(name, _reached(init.before, init.value, {index: turn})):
            steps = _steps(node, index) if isinstance(node, ex.Subscript) else None
            if steps is not None and steps > turn:
                message = f"`{ex.show(node)}` is read where `{index}` is {turn}, and none comes before that one"
                test = f"{index} == 0" if steps == 1 else f"{index} < {steps}"
                help = f"say how it begins: `zeros(…) if {test} else …`"
                yield InitMismatch.at(Place(path, node.span), message, help=help)
                return


def _reads(name: str, nodes: Iterable[ex.Node]) -> Iterator[ex.Expression]:
    """Where some expressions read a family: a tensor of it, or its name alone."""
    found = list(nodes)
    inside = {id(node.value) for node in found if isinstance(node, ex.Subscript)}
    for node in found:
        match node:
            case ex.Subscript(value=ex.Name(id=own)) if own == name:
                yield node
            case ex.Name(id=own) if own == name and id(node) not in inside:
                yield node


def _steps(node: ex.Subscript, index: str) -> int | None:
    """How far before its own place a tensor of a family is read; None where that is not before it."""
    match node.index:
        case ex.Binary("-", ex.Name(id=own), ex.Literal(value=int(steps))) if own == index and 0 < steps <= MOST:
            return steps
    return None


def _reached(before: Block, value: ex.Expression, known: dict[str, int]) -> Iterator[ex.Node]:
    """What is computed at an index, as far as conditions on it alone decide that. Fans compute with no value."""
    yield from _of_block(before, known)
    yield from _of_expression(value, known)


def _of_block(block: Block, known: dict[str, int]) -> Iterator[ex.Node]:
    for statement in block:
        if isinstance(statement, ex.If) and (holds := _holds(statement.test, known)) is not None:
            yield from _of_block(statement.body if holds else statement.orelse, known)
            continue
        own = parts(statement)
        for expression in own.expressions:
            yield from _of_expression(expression, known)
        for inner in own.blocks:
            yield from _of_block(inner, known)


def _of_expression(node: ex.Node, known: dict[str, int]) -> Iterator[ex.Node]:
    if isinstance(node, ex.Conditional) and (holds := _holds(node.test, known)) is not None:
        yield from _of_expression(node.then if holds else node.orelse, known)
        return
    if isinstance(node, ex.Call) and node.function in FANS:
        return
    yield node
    for child in node.children:
        yield from _of_expression(child, known)


def _holds(test: ex.Expression, known: dict[str, int]) -> bool | None:
    """Whether a condition holds; None where it asks for more than the index."""
    try:
        return Interpreter(known).truth(test)
    except EvaluationFault:
        return None
