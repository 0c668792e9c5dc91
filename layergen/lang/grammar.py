"""Tokens to the trees of expressions, by precedence climbing.

Nothing here evaluates, and nothing hands text to Python.
"""

from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang import refusals
from layergen.lang.targets import Targets, grouped
from layergen.lang.tokens import LAYER, TERM, SyntaxFault, Token, TokenKind, quoted

MAX_DEPTH = 100  # of a tree, and of the recursion that makes it
FUNCTION_MODULES = ("fft", "linalg", "nn")  # what may stand before a function's name and a dot

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=", "in", "is", "not")  # `not` begins `not in`
_CONSTANTS = {"True": True, "False": False, "None": None, "...": ...}


def check_depth(root: ex.Node) -> None:
    """Refuse a deep tree. A long chain such as ``1 + 1 + …`` makes one without any recursion of the parser."""
    level: list[ex.Node] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.children]
    if level:
        raise SyntaxFault(f"this is nested or chained more than {MAX_DEPTH} deep", root.span, "assign parts to names")


class ExpressionParser:
    """Walks the tokens of a text once, from left to right; a method takes the tokens of what it returns."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.position = 0
        self.end = 0  # where the last token taken ends
        self.depth = 0

    # Tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def on(self, *kinds: TokenKind) -> bool:
        return self.token.kind in kinds

    def at(self, *texts: str) -> bool:
        return self.on(TokenKind.OPERATOR, TokenKind.KEYWORD) and self.token.text in texts

    def take(self) -> Token:
        token = self.token
        self.position += 1
        self.end = token.span[1]
        return token

    def took(self, *texts: str) -> bool:
        return self.at(*texts) and bool(self.take())

    def expect(self, text: str) -> Token:
        if not self.at(text):
            raise self.unexpected(f"`{text}`")
        return self.take()

    def since(self, start: int) -> Span:
        return start, self.end

    def source(self, span: Span) -> str:
        return quoted(self.text[span[0] : span[1]])

    def unexpected(self, wanted: str) -> SyntaxFault:
        following = self.tokens[self.position + 1] if self.position + 1 < len(self.tokens) else None
        before = self.tokens[self.position - 1] if self.position else None
        beside = refusals.side_by_side(before, self.token, wanted) if before and before.span[1] == self.end else None
        if beside is not None:
            return beside
        return refusals.unexpected(self.token, wanted, following)

    def deepen(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SyntaxFault(f"this is nested more than {MAX_DEPTH} deep", self.token.span, "assign parts to names")

    # Expressions

    def values(self) -> ex.Expression:
        """An expression, or several with commas between: a bare tuple."""
        start = self.token.span[0]
        first = self.expression()
        if not self.at(","):
            return first
        items = [first]
        while self.took(",") and not self.on(TokenKind.NEWLINE) and not self.at("="):
            items.append(self.expression())
        return ex.Sequence(tuple(items), "", span=self.since(start))

    def expression(self, minimum: int = ex.PRECEDENCE["if"]) -> ex.Expression:
        """An expression of operators that bind at least as tightly as ``minimum``."""
        self.deepen()
        start = self.token.span[0]
        node = self.operand(minimum)
        while (operator := self.operator()) and ex.PRECEDENCE[operator] >= minimum:
            if operator == "compare":
                node = self.comparison(node, start)
                continue
            self.take()
            if operator == "if":
                test = self.expression(ex.PRECEDENCE["or"])
                self.expect("else")
                node = ex.Conditional(test, node, self.expression(), span=self.since(start))
            else:
                tightness = ex.PRECEDENCE["unary"] if operator == "**" else ex.PRECEDENCE[operator] + 1
                node = ex.Binary(operator, node, self.expression(tightness), span=self.since(start))
        self.depth -= 1
        return node

    def operator(self) -> str | None:
        """The key in `ex.PRECEDENCE` of the operator that stands here, if one does."""
        if self.at(*_COMPARISONS):
            return "compare"
        return self.token.text if self.at(*ex.PRECEDENCE) else None

    def comparison(self, left: ex.Expression, start: int) -> ex.Compare:
        operators: list[str] = []
        comparators: list[ex.Expression] = []
        while self.at(*_COMPARISONS):
            operator = self.take().text
            if operator == "not":
                self.expect("in")
                operator = "not in"
            elif operator == "is" and self.took("not"):
                operator = "is not"
            operators.append(operator)
            comparators.append(self.expression(ex.PRECEDENCE["compare"] + 1))
        return ex.Compare(left, tuple(operators), tuple(comparators), span=self.since(start))

    def operand(self, minimum: int) -> ex.Expression:
        start = self.token.span[0]
        if self.at("not"):
            if minimum > ex.PRECEDENCE["not"]:
                raise SyntaxFault("`not` needs parentheses here", self.token.span, "write `(not …)`")
            self.take()
            return ex.Unary("not", self.expression(ex.PRECEDENCE["not"]), span=self.since(start))
        if self.at("-", "+", "~"):
            operator = self.take().text
            return ex.Unary(operator, self.expression(ex.PRECEDENCE["unary"]), span=self.since(start))
        return self.primary()

    def primary(self) -> ex.Expression:
        """An atom with what follows it: subscripts, the path of a member's tensor, the arguments of a list's member."""
        start = self.token.span[0]
        node = self.atom()
        while self.at("[", "(", "."):
            if self.at("["):
                node = ex.Subscript(node, self.index(), span=self.since(start))
            elif self.at("."):
                node = self.member(node, start)
            elif refusals.is_listed(node):
                arguments, keywords = self.arguments()
                node = ex.Apply(node, arguments, keywords, span=self.since(start))
            else:
                raise self.called(node, start)
        return node

    def member(self, node: ex.Expression, start: int) -> ex.Expression:
        """The path of a member's tensor, one name or several."""
        here = self.position, self.end
        path: list[Token] = []
        while self.took("."):
            if not self.on(TokenKind.NAME):
                raise self.unexpected("a name")
            path.append(self.take())
        if self.at("(") and ex.show(node) == LAYER and [token.text for token in path] == ["penalty"]:
            return self.term(start)
        if self.at("(") or not refusals.is_path(node, tuple(token.text for token in path)):
            self.position, self.end = here
            raise self.attribute(node, start)
        for token in path:
            node = ex.Member(node, token.text, span=(start, token.span[1]))
        return node

    def term(self, start: int) -> ex.Expression:
        """The call of the layer's penalty, which a law may make."""
        function = (start, self.end)
        if any(self.arguments()):
            help = f"write `{TERM}()`"
            raise SyntaxFault(f"`{TERM}` takes nothing: it is of the layer's own tensors", self.since(start), help)
        return ex.Call(TERM, (), (), span=self.since(start), function_span=function)

    def atom(self) -> ex.Expression:
        token = self.token
        if token.kind is TokenKind.NAME:
            return self.named()
        if token.kind in (TokenKind.NUMBER, TokenKind.STRING):
            self.take()
            return ex.Literal(token.value, span=token.span)
        if self.at(*_CONSTANTS):
            self.take()
            return ex.Literal(_CONSTANTS[token.text], span=token.span)
        if self.at("["):
            items, _ = self.items("]")
            return ex.Sequence(items, "[", span=self.since(token.span[0]))
        if self.at("("):
            items, trailing = self.items(")")
            if len(items) == 1 and not trailing:
                return items[0]
            return ex.Sequence(items, "(", span=self.since(token.span[0]))
        raise self.unexpected("a value")

    def items(self, closing: str) -> tuple[tuple[ex.Expression, ...], bool]:
        """The values between brackets, and whether a comma stands behind the last one."""
        self.take()
        items: list[ex.Expression] = []
        trailing = False
        while not self.at(closing):
            items.append(self.entry())
            trailing = self.took(",")
            if self.at("for"):
                raise self.by_a_loop(items[-1])
            if not trailing and not self.at(closing):
                raise self.unexpected(f"`,` or `{closing}`")
        self.take()
        return tuple(items), trailing

    def entry(self) -> ex.Expression:
        """An item of a list: an expression, or a list whose items go there, ``shape...``."""
        start = self.token.span[0]
        node = self.expression()
        return ex.Splice(node, span=self.since(start)) if self.took("...") else node

    def named(self) -> ex.Expression:
        """A name, or a call of a function by its name."""
        token = self.take()
        if token.text in refusals.CONSTANTS:
            raise refusals.misspelt_constant(token)
        function = token.text
        if function in FUNCTION_MODULES and self.at("."):
            self.take()
            if not self.on(TokenKind.NAME):
                raise self.unexpected("a function's name")
            function += f".{self.take().text}"
            if not self.at("("):
                node = ex.Name(token.text, span=token.span)
                self.position -= 2
                raise self.attribute(node, token.span[0])
        if not self.at("("):
            return ex.Name(function, span=token.span)
        call = self.call(function, token.span[0])
        if function == "append":
            raise self.grown(call)
        return call

    def call(self, function: str, start: int) -> ex.Call:
        """The call of a function whose name has been taken."""
        function_span = self.since(start)
        if function == "finfo":
            raise refusals.limits(function_span)
        arguments, keywords = self.arguments()
        return ex.Call(function, arguments, keywords, span=self.since(start), function_span=function_span)

    def arguments(self) -> tuple[tuple[ex.Expression, ...], tuple[ex.Keyword, ...]]:
        """The positional and the keyword arguments between a call's parentheses."""
        self.expect("(")
        positional: list[ex.Expression] = []
        keywords: list[ex.Keyword] = []
        while not self.at(")"):
            token = self.token
            value = self.expression()
            if isinstance(value, ex.Name) and value.span == token.span and self.took("="):
                keyword_value = self.expression()
                keywords.append(ex.Keyword(value.id, keyword_value, span=self.since(token.span[0])))
            elif keywords and self.at(",", ")"):
                message = f"{self.source(value.span)} has no keyword but follows an argument that has one"
                raise SyntaxFault(message, value.span, f"put it before `{keywords[0].name}=`")
            else:
                positional.append(value)
            if self.at("for"):
                raise self.by_a_loop(value)
            if not self.took(",") and not self.at(")"):
                raise self.unexpected("`,` or `)`")
        self.take()
        return tuple(positional), tuple(keywords)

    def index(self) -> ex.Expression:
        """What stands between the brackets of a subscript; several indices make a bare tuple."""
        opening = self.take()
        if self.at("]"):
            raise SyntaxFault("these brackets are empty", (opening.span[0], self.token.span[1]))
        start = self.token.span[0]
        items = [self.slice()]
        trailing = False
        while not self.at("]"):
            if not self.took(","):
                raise self.unexpected("`,`, `:` or `]`")
            trailing = True
            if not self.at("]"):
                items.append(self.slice())
        span = self.since(start)
        self.take()
        return ex.Sequence(tuple(items), "", span=span) if trailing else items[0]

    def slice(self) -> ex.Expression:
        start = self.token.span[0]
        parts: list[ex.Expression | None] = []
        while len(parts) < 3:
            parts.append(None if self.at(":", ",", "]") else self.expression())
            if not self.at(":") or len(parts) == 3:
                break
            self.take()
        first, *rest = parts
        if not rest:
            return first if first is not None else self.atom()  # an atom is missing: the fault says so
        stop, step = (*rest, None)[:2]
        return ex.Slice(first, stop, step, span=self.since(start))

    def loop_targets(self) -> Targets:
        """The names between ``for`` and ``in``, and the ``in``."""
        self.deepen()
        targets: list[ex.Expression] = []
        while not targets or self.took(","):
            targets.append(self.expression(ex.PRECEDENCE["compare"] + 1))
        self.expect("in")
        self.depth -= 1
        match targets:
            case [ex.Sequence(items=(_, *_) as items, bracket="(")]:
                targets = [*items]
        return grouped(targets, lambda wrong: refusals.loop_target(wrong, self.source(wrong.span)))

    # What is not in the language

    def by_a_loop(self, item: ex.Expression) -> SyntaxFault:
        """The fault of a ``for`` inside of brackets, behind what it makes."""
        return refusals.list_by_a_loop(self.token, item)

    def grown(self, call: ex.Call) -> SyntaxFault:
        """The fault of an ``append`` in an expression."""
        return refusals.append_as_value(self.source(call.span), call.span)

    def called(self, node: ex.Expression, start: int) -> SyntaxFault:
        """The fault of ``nn.ReLU()(x)`` or ``2(x)``."""
        span = self.since(start)
        if not (isinstance(node, ex.Call) and refusals.is_module(node)):
            return refusals.called(node, self.source(span), span)
        return refusals.module(node, *self.arguments(), self.source(span), span)

    def attribute(self, receiver: ex.Expression, start: int) -> SyntaxFault:
        """The fault of ``x.shape``, ``x.flatten(1)`` or ``F.relu(x)``."""
        path: list[str] = []
        while self.took("."):
            if not self.on(TokenKind.NAME):
                return self.unexpected("a name")
            path.append(self.take().text)
        call = None
        if path[-1] == "finfo":
            return refusals.limits(self.since(start))
        if self.at("("):
            positional, keywords = self.arguments()
            call = ex.Call(path[-1], positional, keywords)
            if self.at("(") and refusals.is_module(call):
                return self.called(call, start)
        span = self.since(start)
        return refusals.attribute(receiver, tuple(path), call, self.source(span), span)
