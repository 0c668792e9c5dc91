"""The tokens of a text as the parser reads them: those of an expression, or the lines of a block.

Line breaks are dropped for an expression, and become lines, indents and dedents for a block of statements.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from layergen.diagnostics import Span
from layergen.lang.tokens import SyntaxFault, Token, TokenKind, scan

_WHITE = re.compile(r"[ \t]*")
_TAB = 4  # columns of a tab that indents, once it is told


def expression_tokens(text: str) -> list[Token]:
    """The tokens of one expression: line breaks are white space and comments nothing.

    Raises:
        SyntaxFault: If a piece of the text is no token.
    """
    layout = {TokenKind.NEWLINE, TokenKind.COMMENT}
    tokens = [token for token in scan(text) if token.kind not in layout]
    refuse(tokens)
    end = tokens[-1].span[1] if tokens else 0
    return [*tokens, Token(TokenKind.END, "", (end, end))]


def refuse(tokens: list[Token]) -> None:
    """Go on only where all are tokens of the language.

    Raises:
        SyntaxFault: The first fault among them, if there is one.
    """
    for token in tokens:
        if isinstance(token.value, SyntaxFault):
            raise token.value


def block_tokens(text: str) -> list[Token]:
    """The tokens of a block: lines, indents and dedents, each comment before the statement that it belongs to."""
    tokens: list[Token] = []
    indents = [0]
    comments: list[tuple[int, Token]] = []  # with their columns, until the next line of code tells where they go

    def dedent(column: int, end: Span) -> None:
        while column < indents[-1]:
            while comments and comments[0][0] >= indents[-1]:
                tokens.append(comments.pop(0)[1])
            indents.pop()
            tokens.append(Token(TokenKind.DEDENT, "", end))

    for begin, column, line in _lines(text):
        if line[-1].kind is TokenKind.COMMENT:
            comments.append((column, line.pop()))
        if not line:
            continue
        start = line[0].span[0]
        if column > indents[-1]:
            indents.append(column)
            tokens.append(Token(TokenKind.INDENT, " " * column, (begin, start)))
        elif column not in indents:  # it belongs nowhere: let it be of the innermost block that can hold it
            while column < indents[-2]:
                dedent(indents[-1] - 1, (start, start))
            indents[-1] = column
            fault = SyntaxFault("this line's indentation fits none of the lines above it", (begin, start))
            line.insert(0, Token(TokenKind.FAULT, " " * column, fault.span, fault))
        dedent(column, (start, start))
        tokens += [comment for _, comment in comments]
        comments.clear()
        end = line[-1].span[1]
        tokens += [*line, Token(TokenKind.NEWLINE, "\n", (end, end))]
    end = tokens[-1].span[1] if tokens else 0
    dedent(0, (end, end))
    tokens += [comment for _, comment in comments]
    return [*tokens, Token(TokenKind.END, "", (end, end))]


def _lines(text: str) -> Iterator[tuple[int, int, list[Token]]]:
    """The lines that are not empty: where each begins, how far it is indented, and its tokens.

    Of tabs that indent, those of the first line alone are a fault.
    """
    told = False
    for is_end, found in groupby(scan(text), lambda token: token.kind is TokenKind.NEWLINE):
        if is_end:
            continue
        line = list(found)
        begin = text.rfind("\n", 0, line[0].span[0]) + 1
        while told and len(line) > 1 and line[0].text == "\t":
            line.pop(0)
        white = _WHITE.match(text, begin)
        assert white is not None
        told |= "\t" in white[0]
        yield begin, len(white[0].expandtabs(_TAB)), line
