"""Text to trees.

Whatever the text, the depth of its tree is bounded, so all that walks the tree later may recurse.
"""

from typing import TypeVar

from layergen.lang import expression as ex
from layergen.lang import refusals
from layergen.lang.grammar import MAX_DEPTH, ExpressionParser
from layergen.lang.targets import Targets, grouped
from layergen.lang.tokens import SyntaxFault, TokenKind, block_tokens, expression_tokens, quoted

__all__ = [
    "BlockParser",
    "SyntaxFault",
    "check_depth",
    "parse_block",
    "parse_entry",
    "parse_expression",
    "parse_module",
]

T = TypeVar("T", bound=ex.Expression)

_AUGMENTED = ("+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", "<<=", ">>=", "**=")


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


def parse_block(text: str) -> tuple[ex.Statement, ...]:
    """The trees of the statements of a block.

    Raises:
        SyntaxFault: If the text is not a block of the language, or has no statement.
    """
    parser = BlockParser(text, block_tokens(text))
    statements: list[ex.Statement] = []
    while not parser.on(TokenKind.END):
        statements += parser.statement()
    if all(isinstance(statement, ex.Comment) for statement in statements):
        raise SyntaxFault("there is no statement here", (0, len(text)))
    for statement in statements:
        check_depth(statement)
    return tuple(statements)


def check_depth(root: ex.Node) -> None:
    """Refuse a deep tree. A long chain such as ``1 + 1 + …`` makes one without any recursion of the parser."""
    level: list[ex.Node] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.children]
    if level:
        raise SyntaxFault(f"this is nested or chained more than {MAX_DEPTH} deep", root.span, "assign parts to names")


class BlockParser(ExpressionParser):
    """Reads the statements of a block."""

    def statement(self) -> list[ex.Statement]:
        """The next statement, after the comments that stand before it."""
        before = self.comments()
        token = self.token
        if token.kind in (TokenKind.END, TokenKind.DEDENT):
            return before
        if token.kind is TokenKind.INDENT:
            raise SyntaxFault("this line is indented more than the one before it", token.span)
        if self.at("elif", "else"):
            raise SyntaxFault(f"`{token.text}` belongs to no `if`", token.span)
        if self.at("if"):
            return [*before, self.if_statement()]
        return [*before, *([self.for_statement()] if self.at("for") else self.simple())]

    def comments(self) -> list[ex.Statement]:
        comments: list[ex.Statement] = []
        while self.on(TokenKind.COMMENT):
            token = self.take()
            if token.value:
                comments.append(ex.Comment(str(token.value), span=token.span))
        return comments

    def if_statement(self) -> ex.If:
        self.deepen()
        start = self.take().span[0]  # `if` or `elif`
        test = self.expression()
        body = self.body()
        orelse: tuple[ex.Statement, ...] = ()
        here = self.position, self.end
        between = self.comments()
        if self.at("elif"):
            following = self.if_statement()
            orelse = (ex.If(following.test, (*between, *following.body), following.orelse, span=following.span),)
        elif self.took("else"):
            if self.at("if"):
                raise SyntaxFault("`else if` is one word", self.token.span, "write `elif`")
            orelse = (*between, *self.body())
        else:
            self.position, self.end = here  # the comments belong to the statement that follows
        self.depth -= 1
        return ex.If(test, body, orelse, span=self.since(start))

    def for_statement(self) -> ex.For:
        self.deepen()
        start = self.token.span[0]
        if not refusals.begins_loop(self.tokens[self.position + 1]):
            raise refusals.keyword_as_name(self.token)
        self.take()
        targets, groups = self.loop_targets()
        iterable = self.expression()
        body = (*groups, *self.body())
        here = self.position, self.end
        self.comments()
        if self.at("else"):
            raise refusals.loop_else(self.token.span)
        self.position, self.end = here  # the comments belong to the statement that follows
        self.depth -= 1
        return ex.For(targets, iterable, body, span=self.since(start))

    def body(self) -> tuple[ex.Statement, ...]:
        """What stands after the colon of an ``if`` or a ``for``: one simple statement, or an indented block."""
        colon = self.expect(":")
        if not self.on(TokenKind.NEWLINE):
            return tuple(self.simple())
        self.take()
        if not self.on(TokenKind.INDENT):
            raise SyntaxFault("no indented line follows this `:`", colon.span)
        self.take()
        statements: list[ex.Statement] = []
        while not self.on(TokenKind.DEDENT):
            statements += self.statement()
        self.position += 1  # past the dedent, which stands at the next line, not at the end of this body
        return tuple(statements)

    def simple(self) -> list[ex.Statement]:
        """An assignment and those that take tuples among its targets apart, or an ``append``."""
        if self.at("@"):
            raise refusals.forbidden("`@` begins a decorator, which the language does not have", self.token.span)
        if self.on(TokenKind.NAME) and self.token.text == "append" and self.tokens[self.position + 1].text == "(":
            return [self.append()]
        start = self.token.span[0]
        target = self.values()
        if not self.at("="):
            raise self.not_an_assignment(target)
        self.take()
        targets, groups = self.targets(target)
        value = self.values()
        if self.at("="):
            message = "a second `=` assigns the value twice, which the language does not do"
            raise refusals.forbidden(message, self.token.span, "write two assignments")
        span = self.since(start)
        self.end_line()
        return [ex.Assign(targets, value, span=span), *groups]

    def append(self) -> ex.Append:
        name = self.take()
        call = self.call(name.text, name.span[0])
        self.end_line()
        match call:
            case ex.Call(arguments=(ex.Name() as items, value), keywords=()):
                return ex.Append(items, value, span=call.span)
        raise refusals.appended(call, self.source(call.span))

    def end_line(self) -> None:
        if not self.on(TokenKind.NEWLINE):
            raise self.trailing() or self.unexpected("the end of the line")
        self.take()

    def trailing(self) -> SyntaxFault | None:
        """The fault of words that follow a `//`, as a comment does elsewhere, if they stand here."""
        first, second, third = self.tokens[self.position - 2 : self.position + 1]
        names = {TokenKind.NAME, TokenKind.KEYWORD}
        if first.text == "//" and second.kind is TokenKind.NAME and third.kind in names:
            return refusals.foreign_comment(first)
        return None

    def not_an_assignment(self, node: ex.Expression) -> SyntaxFault:
        token = self.token
        if self.at(*_AUGMENTED):
            self.take()
            value = ex.Binary(token.text[:-1], node, self.values())
            return refusals.augmented(token, f"{ex.show(node)} = {ex.show(value)}")
        if self.at(":"):
            return refusals.forbidden("the language has no annotations", token.span, "leave the type out")
        if token.kind is not TokenKind.NEWLINE:
            return self.unexpected("`=`" if isinstance(node, ex.Name) else "an operator or `=`")
        return refusals.no_effect(node, self.source(node.span))

    def targets(self, node: ex.Expression) -> Targets:
        """The names left of the ``=``."""
        if isinstance(node, ex.Name):
            return (node,), ()
        items = node.items if isinstance(node, ex.Sequence) else (node,)
        if len(items) < 2:
            raise refusals.target(node, self.source(node.span))
        return grouped(items, lambda wrong: refusals.target(wrong, self.source(wrong.span)))
