"""What stands in a definition as a forward writes it, and how a definition does: by indices, and sums over them."""

from collections.abc import Sequence

from layergen.definition.draws import MEANT
from layergen.definition.functions import FUNCTIONS, WRITTEN_OUT
from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.tokens import SyntaxFault, Token, TokenKind, quoted

REDUCTIONS = ("sum", "mean", "prod", "max", "min", "logsumexp", "argmax", "argmin")
PRODUCT = "write the indices, and a sum over them: `y[i, j] = sum[k](a[i, k] * b[j, k])`"  # for `a @ b.T`
PRODUCTS = frozenset({"T", "mT", "t", "dot", "matmul", "mm", "bmm", "mv", "inner", "einsum"})


def help_with_op(name: str) -> str | None:
    """What to write for an op of torch, or a method of a tensor, that is no function of numbers."""
    word, _, index = name.partition("_")
    if name in PRODUCTS:
        return PRODUCT
    if name in WRITTEN_OUT or name in MEANT:
        return f"write `{WRITTEN_OUT.get(name) or MEANT[name]}`"
    if word in REDUCTIONS and (index or word not in FUNCTIONS):  # as it is written on paper, or by torch
        return f"write `{word}[{index or 'i'}](…)`: the indices stand in brackets, and what is reduced behind"
    return None


def summed(item: ex.Expression, names: Sequence[ex.Name], items: ex.Expression, word: str) -> str:
    """The sum over indices that stands for one over what a ``for`` inside of brackets makes."""
    match items:
        case ex.Call(function="range", arguments=(size,)) if len(names) == 1:
            return f"{word}[{names[0].id} < {_side(size)}]({ex.show(item)})"
    return f"{word}[{', '.join(name.id for name in names)}]({ex.show(item)})"


def ranged(index: ex.Expression) -> str | None:
    """The index with its range that is meant by ``c in range(dim)``, or by ``c <= last``."""
    match index:
        case ex.Compare(ex.Name(id=name), ("<=",), (ex.Binary("-", size, ex.Literal(value=1)),)):
            return f"{name} < {_side(size)}"
        case ex.Compare(ex.Name(id=name), ("<=",), (last,)):
            return f"{name} < {_side(last)} + 1"
        case ex.Compare(ex.Name(id=name), ("in",), (ex.Call(function="range", arguments=(size,)),)):
            return f"{name} < {_side(size)}"
    return None


def called_on(tokens: Sequence[Token], position: int) -> str:
    """The reduction between whose brackets a token stands, `sum` if it is none."""
    depth = 0
    for at in range(position - 1, 0, -1):
        text = tokens[at].text if tokens[at].kind is TokenKind.OPERATOR else ""
        depth += (text in (")", "]")) - (text in ("(", "["))
        if depth < 0 and text == "(":
            word = tokens[at - 1].text
            return word if word in REDUCTIONS else "sum"
        depth = max(depth, 0)  # out of the brackets of a list
    return "sum"


def by_a_loop(help: str, span: Span) -> SyntaxFault:
    """The fault of a ``for`` inside of brackets."""
    message = "`for` inside of brackets makes a list, and a definition has indices instead"
    return SyntaxFault(message, span, f"write {quoted(help, 80)}", forbidden=True)


def grown(call: ex.Call, source: str) -> SyntaxFault:
    """The fault of an ``append``."""
    name = ex.show(call.arguments[0]) if call.arguments else "items"
    help = f"write an equation of an entry, `{name}[k, i] = …`"
    return SyntaxFault(f"{source} makes a list longer, and a definition has none that grow", call.span, help)


def augmented(left: ex.Expression, token: Token) -> SyntaxFault:
    """The fault of ``y[n] += …``."""
    help = f"write {quoted(f'{ex.show(left)} = sum[i](…)', 80)}, which adds up over an index"
    return SyntaxFault(f"`{token.text}` changes a value, and an equation says what it is", token.span, help)


def _side(size: ex.Expression) -> str:
    return ex.Printer().show(size, ex.PRECEDENCE["compare"] + 1)
