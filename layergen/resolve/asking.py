"""Questions to the values of tensors, which a forward cannot ask: in a condition, or by ``and``, ``or`` and ``not``."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from layergen.diagnostics import FORWARD, Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import expressions, parts
from layergen.resolve.inference import NONE, TENSOR, kinds_of
from layergen.resolve.scope import scoped
from layergen.rules.calls import DataDependent
from layergen.rules.spec import ForbiddenConstruct
from layergen.words import shorten

CHOOSE = "choose element by element: `where(condition, a, b)`"
MEASURES = frozenset({"len", "prod"})
SIGNS = {"and": "&", "or": "|"}


def check_asking(statement: ex.Statement, path: Path, always: Collection[str] = ()) -> Iterator[Finding]:
    """Yield the questions of a statement, those in the statements of its branches aside.

    Args:
        statement: The statement.
        path: Where it stands.
        always: The layer's own tensors that are there at all settings, and are not assigned anew.
    """
    if isinstance(statement, ex.If):
        test = statement.test
        there = isinstance(test, ex.Name) and test.id in always
        yield from _condition(test, path, f"`{ex.show(test)}` is always there: delete the `if`" if there else CHOOSE)
    for expression in parts(statement).expressions:
        if not (isinstance(statement, ex.If) and expression is statement.test):
            yield from _expression(expression, path)


def check_identity(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the questions with `is` that ask for something else than None, which hold by accident if at all."""
    for part in scoped(spec):
        yield from _identity(part.expression, part.path)
    for expression in expressions(spec.forward):
        yield from _identity(expression, FORWARD)


def check_nameless(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what asks for the sizes of dimensions that have no name."""
    parts = [(part.path, part.expression) for part in scoped(spec)]
    for path, expression in (*parts, *((FORWARD, expression) for expression in expressions(spec.forward))):
        for node in ex.walk(expression):
            if isinstance(node, ex.Call) and node.function in MEASURES and ex.Literal(...) in node.arguments:
                named = "S" if spec.run is None else spec.run
                call = ex.show(replace(node, arguments=(ex.Name(named),)))
                message = f"`{node.function}` of `...` asks for sizes of dimensions that have no name"
                help = f"call them `{named}...` in the shapes, and write `{call}`"
                yield ForbiddenConstruct.at(Place(path, node.span), message, help=help)


def _identity(expression: ex.Expression, path: Path) -> Iterator[Finding]:
    for node in ex.walk(expression):
        match node:
            case ex.Compare(operators=("is" | "is not" as word,), comparators=(ex.Literal(value=value) as other,)) if (
                value is not None
            ):
                message = f"`{ex.show(node)}` asks whether two values are one"
                help = f"write `{'==' if word == 'is' else '!='} {ex.show(other)}`: `{word}` goes with None alone"
                yield ForbiddenConstruct.at(Place(path, node.span), message, help=help)


def _expression(node: ex.Node, path: Path) -> Iterator[Finding]:
    match node:
        case ex.Conditional(test=test, then=then, orelse=orelse):
            chosen = ex.show(ex.Call("where", (elementwise(test), then, orelse)))
            yield from _condition(test, path, f"choose element by element: `{chosen}`")
            yield from _expression(then, path)
            yield from _expression(orelse, path)
        case ex.Binary(operator="and" | "or" as word) if asked(node):
            message = f"`{word}` asks for the values of a tensor"
            yield DataDependent.at(Place(path, node.span), message, help=f"write `{ex.show(elementwise(node))}`")
        case ex.Unary(operator="not") if asked(node):
            message = "`not` asks for the values of a tensor"
            yield DataDependent.at(Place(path, node.span), message, help=f"write `{ex.show(elementwise(node))}`")
        case ex.Compare() if _is_chain(node):
            message = f"the chain `{shorten(ex.show(node))}` asks for the values of a tensor"
            yield DataDependent.at(Place(path, node.span), message, help=f"write `{ex.show(elementwise(node))}`")
        case ex.Compare(operators=("in" | "not in" as word,), left=left) if kinds_of(left) == TENSOR:
            message = f"`{word}` asks for the values of a tensor"
            yield DataDependent.at(Place(path, node.span), message, help=f"write `{ex.show(elementwise(node))}`")
        case _:
            for child in node.children:
                yield from _expression(child, path)


def _condition(test: ex.Expression, path: Path, help: str) -> Iterator[Finding]:
    """A condition asks about the setting, never about the values of a tensor."""
    for question in _questions(test):
        if kinds_of(question) == TENSOR | NONE and isinstance(question, ex.Name):
            message = f"the condition `{question.id}` asks for the values of a tensor"
            help = f"ask whether it is there: `{question.id} is not None`"
            yield DataDependent.at(Place(path, question.span), message, help=help)
            return
        match question:
            case ex.Compare(left=ex.Name(), operators=("==" | "!=" as sign,), comparators=(ex.Literal(value=None),)):
                word = "is" if sign == "==" else "is not"
                help = f"write `{ex.show(replace(question, operators=(word,)))}`"
        if kinds_of(question) == TENSOR or asked(question):
            message = f"the condition `{shorten(ex.show(question))}` asks for the values of a tensor"
            yield DataDependent.at(Place(path, question.span), message, help=help)
            return


def _questions(test: ex.Expression) -> Iterator[ex.Expression]:
    """The questions of a condition that stand for themselves."""
    match test:
        case ex.Binary(operator="and" | "or", left=left, right=right):
            yield from _questions(left)
            yield from _questions(right)
        case ex.Unary(operator="not", operand=operand):
            yield from _questions(operand)
        case _:
            yield test


def asked(node: ex.Expression) -> bool:
    """Whether Python would ask for the truth of a tensor to compute an expression."""
    match node:
        case ex.Binary(operator="and" | "or", left=left):
            return kinds_of(left) == TENSOR or asked(left)
        case ex.Unary(operator="not", operand=operand):
            return kinds_of(operand) == TENSOR or asked(operand)
        case ex.Compare(left=left, operators=("in" | "not in",)):
            return kinds_of(left) == TENSOR
        case ex.Compare():
            return _is_chain(node)
    return False


def _is_chain(node: ex.Compare) -> bool:
    """Whether several comparisons stand in a row, of which one but the last is that of a tensor."""
    return any(kinds_of(pair) == TENSOR for pair in _pairs(node)[:-1])


def _pairs(node: ex.Compare) -> list[ex.Compare]:
    """The single comparisons of a chain."""
    operands = (node.left, *node.comparators)
    return [
        ex.Compare(operands[at], (operator,), (operands[at + 1],)) for at, operator in enumerate(node.operators)
    ]  # fmt: skip


def elementwise(node: ex.Expression) -> ex.Expression:
    """The same question, asked of each element."""
    match node:
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            return ex.Binary(SIGNS[word], elementwise(left), elementwise(right))
        case ex.Unary(operator="not", operand=operand):
            return ex.Unary("~", elementwise(operand))
        case ex.Compare(left=left, operators=("in" | "not in" as word,), comparators=(ex.Sequence(items=items),)):
            sign, joined = ("==", "|") if word == "in" else ("!=", "&")
            first, *others = [ex.Compare(left, (sign,), (item,)) for item in items] or [node]
            found: ex.Expression = first
            for other in others:
                found = ex.Binary(joined, found, other)
            return found
        case ex.Compare(left, (sign, other_sign), (ex.Binary("&" | "|" | "^" as word, one, two), last)):
            return ex.Binary(word, ex.Compare(left, (sign,), (one,)), ex.Compare(two, (other_sign,), (last,)))
        case ex.Compare(operators=operators) if len(operators) > 1:
            first, *others = _pairs(node)
            found = first
            for other in others:
                found = ex.Binary("&", found, other)
            return found
    return replace(node, kinds=None)
