"""Text to trees.

Whatever the text, the depth of its tree is bounded, so all that walks the tree later may recurse.
"""

from typing import TypeVar

from layergen.lang import expression as ex
from layergen.lang import refusals
from layergen.lang.block import parse_block
from layergen.lang.grammar import ExpressionParser, check_depth
from layergen.lang.layout import expression_tokens
from layergen.lang.tokens import SyntaxFault, TokenKind, quoted

__all__ = [
    "SyntaxFault",
    "parse_block",
    "parse_entry",
    "parse_expression",
    "parse_module",
]

T = TypeVar("T", bound=ex.Expression)


def parse_expression(text: str) -> ex.Expression:
    """The tree of one expression.

    Raises:
        SyntaxFault: If the text is not one expression of the language.
    """
    parser = _begun(text)
    return _whole(parser, parser.expression())


def parse_entry(text: str) -> ex.Expression:
    """The tree of one entry of a shape: an expression, or a list whose items go there, ``shape...``.

    Raises:
        SyntaxFault: If the text is neither.
    """
    parser = _begun(text)
    return _whole(parser, parser.entry())


def parse_module(text: str) -> ex.Call | ex.Comprehension | ex.Sequence:
    """The tree of what makes a module, ``Block(dim)``, or a list of them.

    A list is written out, ``[Block(dim), Block(2 * dim)]``, or made by ``[Block(dim) for i in range(depth)]``.

    Raises:
        SyntaxFault: If the text is neither.
    """
    parser = _begun(text)
    opening = parser.take() if parser.at("[") else None
    node = parser.expression()
    if not isinstance(node, ex.Call):
        raise refusals.not_a_module(node, parser.source(node.span))
    if not opening:
        return _whole(parser, node)
    start = opening.span[0]
    if parser.at("for"):
        return _whole(parser, _comprehension(parser, node, start))
    return _whole(parser, _listed(parser, node, start))


def _listed(parser: ExpressionParser, first: ex.Call, start: int) -> ex.Sequence:
    """What follows the first of some calls in brackets."""
    items = [first]
    while parser.took(",") and not parser.at("]"):
        node = parser.expression()
        if not isinstance(node, ex.Call):
            raise refusals.not_a_module(node, parser.source(node.span))
        items.append(node)
    if not parser.at("]"):
        raise parser.unexpected("`for`, `,` or `]`")
    parser.expect("]")
    return ex.Sequence(tuple(items), "[", span=parser.since(start))


def _comprehension(parser: ExpressionParser, element: ex.Call, start: int) -> ex.Comprehension:
    """What follows the element of a list of modules: one ``for`` over one ``range``."""
    parser.take()
    (target, *others), groups = parser.loop_targets()
    if others or groups:
        raise refusals.comprehension("a list of modules has one index", (others or [target])[0].span)
    iterable = parser.expression(ex.PRECEDENCE["or"])  # the `if` of a condition is none of `a if b else c`
    if not (isinstance(iterable, ex.Call) and iterable.function == "range"):
        raise refusals.comprehension("a list of modules runs over a `range`", iterable.span)
    if parser.at("if", "for"):
        message = f"a list of modules has one `for` and no `if`, and here stands `{parser.token.text}`"
        raise refusals.comprehension(message, parser.token.span)
    parser.expect("]")
    return ex.Comprehension(element, target, iterable, span=parser.since(start))


def _begun(text: str) -> ExpressionParser:
    """A parser at the begin of a text that is not empty."""
    parser = ExpressionParser(text, expression_tokens(text))
    if parser.on(TokenKind.END):
        raise SyntaxFault("there is no expression here", (0, len(text)))
    return parser


def _whole(parser: ExpressionParser, node: T) -> T:
    """A node that is all of a text, and not too deep."""
    text = parser.text
    if parser.at(","):
        raise SyntaxFault("several values need brackets around them", parser.token.span, f"write {_bracketed(text)}")
    if not parser.on(TokenKind.END):
        raise parser.unexpected("the end of the expression")
    check_depth(node)
    return node


def _bracketed(text: str) -> str:
    """Some values with brackets around them, and a space behind each comma where that changes none of them."""
    whole = f"[{text.strip()}]"
    try:
        return quoted(ex.show(parse_expression(whole)), 80)
    except SyntaxFault:
        return quoted(whole, 80)
