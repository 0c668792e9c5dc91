"""Blocks of statements to trees, with all that is wrong with them.

A line that is none of the language is told and left out, and the parser goes on after it. What hangs on such a line is
not told again: its indented lines are no unexpected indent, and an ``else`` after it is not without an ``if``.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from layergen.lang import expression as ex
from layergen.lang import refusals
from layergen.lang.grammar import MAX_DEPTH, ExpressionParser, check_depth
from layergen.lang.layout import block_tokens
from layergen.lang.targets import Targets, grouped
from layergen.lang.tokens import SyntaxFault, Token, TokenKind

T = TypeVar("T")

AUGMENTED = ("+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", "<<=", ">>=", "**=")
_CLAUSES = ("elif", "else")  # which go on with what began above
_FOREIGN = ("except", "finally")
_INDENT = "indent the lines that belong to it"
_ALIGN = "let the statements of a block begin in the same column"
_OF_OTHERS = ("def", "class", "async")  # whose indented lines are no statements of the forward


def parse_block(text: str) -> tuple[ex.Statement, ...]:
    """The trees of the statements of a block.

    Raises:
        SyntaxFault: If the text is not a block of the language, or has no statement.
    """
    statements, faults = read_block(text)
    refuse(faults)
    return statements


def read_block(text: str) -> tuple[tuple[ex.Statement, ...], tuple[SyntaxFault, ...]]:
    """The statements of a block that can be read, and what is wrong with the others, from top to bottom."""
    parser = BlockParser(text)
    statements = parser.whole()
    if not parser.faults and all(isinstance(statement, ex.Comment) for statement in statements):
        parser.tell(SyntaxFault("there is no statement here", (0, len(text))))
    return statements, parser.found()


def refuse(faults: Iterable[SyntaxFault]) -> None:
    """Go on only where a block has no fault.

    Raises:
        SyntaxFault: The first one, with those further down.
    """
    found = tuple(faults)
    if found:
        found[0].further = found[1:]
        raise found[0]


class BlockParser(ExpressionParser):
    """Reads the statements of a block, and keeps what is wrong with them."""

    def __init__(self, text: str) -> None:
        super().__init__(text, block_tokens(text))
        self.faults: list[SyntaxFault] = []
        self.bodiless = False  # whether an `if` has no body, so that an `else` may be its

    def whole(self) -> tuple[ex.Statement, ...]:
        """All statements of the block that can be read."""
        statements = tuple(self.statements())
        for statement in () if self.faults else statements:
            try:
                check_depth(statement)
            except SyntaxFault as fault:
                self.tell(fault)
        return statements

    def found(self) -> tuple[SyntaxFault, ...]:
        """What is wrong with the block, from top to bottom."""
        return tuple(sorted(self.faults, key=lambda fault: fault.span))

    # Faults

    def tell(self, fault: SyntaxFault) -> None:
        self.faults.append(fault)

    def line(self, read: Callable[[], T]) -> T | None:
        """What is read of a line, or None where it is faulty; then the rest of it is left out."""
        depth = self.depth
        try:
            self.refuse_faulty()
            return read()
        except SyntaxFault as fault:
            self.tell(fault)
            self.depth = depth
            self.leave_line()
            return None

    def refuse_faulty(self) -> None:
        """Refuse a line in which a token is none."""
        position = self.position
        while self.tokens[position].kind not in (TokenKind.NEWLINE, TokenKind.END):
            value = self.tokens[position].value
            if isinstance(value, SyntaxFault):
                raise value
            position += 1

    def leave_line(self) -> None:
        while not self.on(TokenKind.NEWLINE, TokenKind.END):
            self.take()

    def leave_body(self) -> None:
        """Go past indented lines, whatever they are."""
        level = 0
        while True:
            level += self.on(TokenKind.INDENT) - self.on(TokenKind.DEDENT)
            if level == 0:
                break
            self.position += 1

    def leave_rest(self, first: Token) -> None:
        """Go past what hangs on a faulty line that begins with a token, and has just ended; other faults are told."""
        last = self.tokens[self.position - 2]
        if self.on(TokenKind.INDENT) and (last.text == ":" or first.kind is TokenKind.KEYWORD):
            self.indented(left=first.text in _OF_OTHERS)
        elif self.on(TokenKind.INDENT) and self.faults[-1].span[0] >= last.span[1]:  # what is missing may stand there
            self.indented(left=True)
        here = self.position, self.end
        self.comments()
        if self.at(*_CLAUSES):
            self.clause()
        elif self.at(*_FOREIGN):
            token = self.token
            self.leave_line()
            self.take()
            self.leave_rest(token)
        else:
            self.position, self.end = here

    def clause(self) -> None:
        """Go past an ``elif`` or ``else`` without an ``if``."""
        if self.at("else") and self.tokens[self.position + 1].text == "if":
            self.take()
        if self.at("else"):
            self.body(*(self.line(self.otherwise) or ()))
        else:
            self.if_statement()

    # Statements

    def statements(self) -> list[ex.Statement]:
        """The statements up to the end of the lines that are indented as the next one is."""
        found: list[ex.Statement] = []
        while not self.on(TokenKind.END, TokenKind.DEDENT):
            found += self.statement()
        return found

    def statement(self) -> list[ex.Statement]:
        """The next statement, after the comments that stand before it."""
        before = self.comments()
        token = self.token
        if token.kind in (TokenKind.END, TokenKind.DEDENT):
            return before
        if token.kind is TokenKind.INDENT:
            return [*before, *self.further_indented()]
        if self.at(*_CLAUSES):
            if not self.bodiless:
                self.tell(SyntaxFault(f"`{token.text}` belongs to no `if`", token.span))
            self.bodiless = False
            self.clause()
            return before
        if self.at("if"):
            return [*before, self.if_statement()]
        return [*before, *([self.for_statement()] if self.at("for") else self.plain())]

    def comments(self) -> list[ex.Statement]:
        comments: list[ex.Statement] = []
        while self.on(TokenKind.COMMENT):
            token = self.take()
            if token.value:
                comments.append(ex.Comment(str(token.value), span=token.span))
        return comments

    def if_statement(self) -> ex.If:
        tests: list[tuple[int, ex.Expression, tuple[ex.Statement, ...]]] = []
        orelse: tuple[ex.Statement, ...] = ()
        between: list[ex.Statement] = []
        while True:
            start = self.token.span[0]
            test, *colon = self.line(self.condition) or (ex.Literal(None),)
            tests.append((start, test, (*between, *self.body(*colon))))
            here = self.position, self.end
            between = self.comments()
            if self.at("elif") or self.is_else_if():
                continue
            if self.at("else"):
                orelse = (*between, *self.body(*(self.line(self.otherwise) or ())))
            else:
                self.position, self.end = here  # the comments belong to the statement that follows
            break
        start, test, body = tests.pop()
        made = ex.If(test, body, orelse, span=self.since(start))
        while tests:
            start, test, body = tests.pop()
            made = ex.If(test, body, (made,), span=self.since(start))
        return made

    def is_else_if(self) -> bool:
        """Whether an ``else if`` stands here, which is told and then read as an ``elif``."""
        following = self.tokens[self.position + 1] if self.at("else") else None
        if following is None or following.text != "if":
            return False
        self.tell(SyntaxFault("`else if` is one word", following.span, "write `elif`"))
        self.take()
        return True

    def condition(self) -> tuple[ex.Expression, Token]:
        """What follows an ``if`` or an ``elif``, and the colon after it."""
        self.take()
        return self.expression(), self.expect(":")

    def otherwise(self) -> tuple[Token]:
        """The colon after an ``else``."""
        self.take()
        return (self.expect(":"),)

    def for_statement(self) -> ex.For:
        start = self.token.span[0]
        header = self.line(self.loop)
        (targets, groups), iterable, *colon = header or (((), ()), ex.Literal(None))
        body = (*groups, *self.body(*colon))
        here = self.position, self.end
        self.comments()
        if self.at("else") and header:
            self.tell(refusals.loop_else(self.token.span))
        if self.at("else"):
            self.clause()
        else:
            self.position, self.end = here  # the comments belong to the statement that follows
        return ex.For(targets, iterable, body, span=self.since(start))

    def loop(self) -> tuple[Targets, ex.Expression, Token]:
        """What a ``for`` names and what it runs over, and the colon after it."""
        if not refusals.begins_loop(self.tokens[self.position + 1]):
            raise refusals.keyword_as_name(self.token)
        self.take()
        return self.loop_targets(), self.expression(), self.expect(":")

    def body(self, colon: Token | None = None) -> tuple[ex.Statement, ...]:
        """What stands after the colon of an ``if`` or a ``for``: one simple statement, or an indented block.

        Without a colon the line above is faulty, and its body may be missing.
        """
        if not self.on(TokenKind.NEWLINE):
            return tuple(self.plain())
        self.take()
        if self.on(TokenKind.INDENT):
            return tuple(self.indented())
        if colon is not None:
            self.tell(SyntaxFault("no indented line follows this `:`", colon.span, _INDENT))
            self.bodiless = True
        return ()

    def further_indented(self) -> list[ex.Statement]:
        """What stands where a line is indented without a reason."""
        following = self.tokens[self.position + 1]
        if following.kind is TokenKind.OPERATOR and following.text not in ("[", "("):
            self.tell(SyntaxFault("this line continues the one before it", following.span, refusals.SEVERAL_LINES))
            return self.indented(left=True)
        self.tell(SyntaxFault("this line is indented more than the one before it", self.token.span, _ALIGN))
        return self.indented()

    def indented(self, *, left: bool = False) -> list[ex.Statement]:
        """The statements of some indented lines, or none if they are to be left out."""
        made: list[ex.Statement] = []
        if left or self.depth + 1 >= MAX_DEPTH:  # it would have no expression
            if not left:
                message = f"this is nested more than {MAX_DEPTH} deep"
                self.tell(SyntaxFault(message, self.token.span, "assign parts to names"))
            self.leave_body()
        else:
            self.take()
            self.depth += 1
            made = self.statements()
            self.depth -= 1
        self.position += 1  # past the dedent, which stands at the next line, not at the end of this body
        return made

    def plain(self) -> list[ex.Statement]:
        """A statement of one line."""
        first = self.token
        made = self.line(self.simple)
        self.take()  # the end of the line
        if made is None:
            self.leave_rest(first)
        return made or []

    def simple(self) -> list[ex.Statement]:
        """An assignment and those that take tuples among its targets apart, or an ``append``."""
        if self.at("@"):
            message = "`@` begins a decorator, which the language does not have"
            raise refusals.forbidden(message, self.token.span, "leave it out")
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
        self.at_end_of_line()
        return [ex.Assign(targets, value, span=self.since(start)), *groups]

    def append(self) -> ex.Append:
        name = self.take()
        call = self.call(name.text, name.span[0])
        self.at_end_of_line()
        match call:
            case ex.Call(arguments=(ex.Name() as items, value), keywords=()):
                return ex.Append(items, value, span=call.span)
        raise refusals.appended(call, self.source(call.span))

    def at_end_of_line(self) -> None:
        if not self.on(TokenKind.NEWLINE):
            raise self.trailing() or self.unexpected("the end of the line")

    def trailing(self) -> SyntaxFault | None:
        """The fault of words that follow a `//`, as a comment does elsewhere, if they stand here."""
        first, second, third = self.tokens[self.position - 2 : self.position + 1]
        names = {TokenKind.NAME, TokenKind.KEYWORD}
        if first.text == "//" and second.kind is TokenKind.NAME and third.kind in names:
            return refusals.foreign_comment(first)
        return None

    def not_an_assignment(self, node: ex.Expression) -> SyntaxFault:
        token = self.token
        if self.at(*AUGMENTED):
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
