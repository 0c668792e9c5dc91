"""Text of the expression language to tokens.

A text is scanned into raw tokens; inside brackets line breaks and comments mean nothing. What is no token of the
language becomes one of kind `TokenKind.FAULT`, so that what comes after it can be read. `layergen.lang.layout` makes
lines of them.
"""

import keyword
import math
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from layergen.diagnostics import Span

LAYER = "layer"  # what a law calls the layer itself
TERM = f"{LAYER}.penalty"  # and its regularization term
MAX_TEXT = 20_000
MAX_NUMBER = 40
MAX_STRING = 200
MAX_BRACKETS = 64


class SyntaxFault(Exception):  # the fault is the text's
    """A text that is not of the language.

    ``forbidden`` tells a construct that the language leaves out on purpose from a slip of the pen.
    """

    def __init__(self, message: str, span: Span, help: str | None = None, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.help = help
        self.forbidden = forbidden
        self.further: tuple[SyntaxFault, ...] = ()  # of a block, those of the lines after

    @property
    def every(self) -> "tuple[SyntaxFault, ...]":
        """This fault, and those further down."""
        return self, *self.further


class TokenKind(StrEnum):
    NUMBER = "number"
    STRING = "string"
    NAME = "name"
    KEYWORD = "keyword"
    OPERATOR = "operator"
    COMMENT = "comment"
    NEWLINE = "newline"
    INDENT = "indent"
    DEDENT = "dedent"
    END = "end"
    FAULT = "fault"


@dataclass(frozen=True)
class Token:
    """A word, literal or sign of a text; ``value`` is what a literal stands for, a comment's words, or a fault."""

    kind: TokenKind
    text: str
    span: Span
    value: object = None


def quoted(text: str, limit: int = 40) -> str:
    """A piece of a text in backticks, cut when long, with its invisible characters escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"`{''.join(c if c.isprintable() else c.encode('unicode_escape').decode() for c in cut)}`"


# A number goes on as far as anything like one does (`1_000`, `0x10`, `1.2.3`), so that a fault shows all of it.
_RAW = re.compile(
    r"""
      (?P<space>\ +) | (?P<newline>\n) | (?P<comment>\#[^\n]*)
    | (?P<number>\.?[0-9](?:[eE][+-]|[\w.])*)
    | (?P<string>(?:[bfrtuBFRTU]|[bftBFT][rR]|[rR][bftBFT])?(?P<quote>["']))
    | (?P<name>[A-Za-z_]\w*)
    | (?P<operator>(?:\+\+|--)(?=\ *(?:[\n#]|\Z))|/\*|=>|\|>
                  |\.\.\.|\*\*=|//=|>>=|<<=|:=|<>|\*\*|//|<<|>>|<=|>=|==|!=|&&|\|\|
                  |[-+*/%@&|^]=|[-+*/%@&|^~<>=.,:()\[\]])
    """,
    re.ASCII | re.VERBOSE,
)
_NUMBER = re.compile(r"(?P<whole>0|[1-9][0-9]*)?(?P<rest>(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)")
_STRING = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\[^\n])*") for quote in "\"'"}
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n"}
_FOREIGN = {
    "&&": "write `and`", "||": "write `or`", "<>": "write `!=`", "++": "write `x = x + 1`", "--": "write `x = x - 1`",
    "/*": "write a comment as `# …`", "=>": "write `>=` to compare, and `=` to assign",
    "|>": "write calls one inside the other, `g(f(x))`",
}  # fmt: skip
_MANY = 8  # open brackets at the begin of a line
_PAIRS = {")": "(", "]": "["}
_LONG = ('"""', "'''")


# How a statement begins, after one whose bracket is never closed.
_BEGIN = re.compile(
    r"""^(?P<indent>\ *)(?:(?:if|elif|for)\b[^\n]*: | else\ *: | append\(
                          |[A-Za-z_][\w.,\ ]*(?:\[[^\n=]*\]\ *)?[-+*/]?=(?!=))""",
    re.ASCII | re.MULTILINE | re.VERBOSE,
)


def scan(text: str) -> list[Token]:
    """The raw tokens of a text, with the line breaks and comments that stand outside brackets."""
    if len(text) > MAX_TEXT:
        raise SyntaxFault(f"this text is longer than {MAX_TEXT} characters", (MAX_TEXT, MAX_TEXT + 1))
    scanner = _Scanner(text)
    while scanner.position < len(text) or scanner.brackets:
        scanner.step()
    return scanner.tokens


class _Scanner:
    """Goes through a text; ``brackets`` are the places among the tokens of those that are open."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.tokens: list[Token] = []
        self.brackets: list[int] = []

    def step(self) -> None:
        """Take the next token, if there is one."""
        if self.position == len(self.text):
            self.never_closed()
            return
        match = _RAW.match(self.text, self.position)
        try:
            if match is None:
                raise _stray(self.text, self.position)
            token = _token(self.text, match)
            if token is not None and token.kind is TokenKind.OPERATOR:
                self.match_brackets(token)
        except SyntaxFault as fault:
            token = Token(TokenKind.FAULT, self.text[slice(*fault.span)], fault.span, fault)
            self.position = _behind(self.text, fault)
        else:
            self.position = token.span[1] if token else match.end()
        if token and not (self.brackets and token.kind in (TokenKind.NEWLINE, TokenKind.COMMENT)):
            self.tokens.append(token)
        newline = token is not None and token.kind is TokenKind.NEWLINE
        if len(self.brackets) > MAX_BRACKETS or (newline and len(self.brackets) > _MANY and self.at_statement()):
            self.never_closed()

    def match_brackets(self, token: Token) -> None:
        """Open or close a bracket."""
        if token.text in _PAIRS.values():
            self.brackets.append(len(self.tokens))
        elif token.text in _PAIRS:
            if not self.brackets:
                raise SyntaxFault(f"`{token.text}` closes nothing", token.span)
            opening = self.tokens[self.brackets[-1]]
            same = [at for at, index in enumerate(self.brackets) if self.tokens[index].text == _PAIRS[token.text]]
            del self.brackets[same[-1] if same else -1 :]
            if opening.text != _PAIRS[token.text]:
                raise SyntaxFault(f"`{token.text}` cannot close `{opening.text}`", token.span)

    def never_closed(self) -> None:
        """Make a fault of a bracket, and go on at the statement after it, if one begins there."""
        resumed = self.following()
        opened = [index for index in self.brackets if resumed is None or self.tokens[index].span[0] < resumed]
        bracket = self.tokens[opened[-1]]
        behind = [token for token in self.tokens[opened[-1] :] if token.kind is TokenKind.FAULT]
        fault = SyntaxFault(f"`{bracket.text}` is never closed", bracket.span)
        if resumed is None and len(opened) > MAX_BRACKETS:
            fault = SyntaxFault(f"more than {MAX_BRACKETS} brackets are open", bracket.span)
        if not behind:  # which may have hidden what closes it
            self.tokens[opened[-1]] = Token(TokenKind.FAULT, bracket.text, bracket.span, fault)
        self.brackets.clear()
        self.position = len(self.text) if resumed is None else resumed
        if resumed is not None:
            while self.tokens[-1].span[0] >= resumed:
                self.tokens.pop()
            self.tokens.append(Token(TokenKind.NEWLINE, "\n", (resumed - 1, resumed)))

    def following(self) -> int | None:
        """Where the line of the next statement begins, indented no more than the one that has an open bracket."""
        begin = self.text.find("\n", self.tokens[self.brackets[0]].span[0]) + 1
        found = _BEGIN.finditer(self.text, begin) if begin else ()
        indent = self.indent()
        return next((match.start() for match in found if len(match["indent"]) <= indent), None)

    def at_statement(self) -> bool:
        """Whether this line is one of those at which it may go on."""
        match = _BEGIN.match(self.text, self.position)
        return match is not None and len(match["indent"]) <= self.indent()

    def indent(self) -> int:
        """How far the line with the first open bracket is indented."""
        first = self.tokens[self.brackets[0]].span[0]
        line = self.text[self.text.rfind("\n", 0, first) + 1 : first]
        return len(line) - len(line.lstrip(" "))


def _behind(text: str, fault: SyntaxFault) -> int:
    """Where to go on after what is no token: behind it, and behind the whole of a string."""
    start, end = fault.span
    mark = text[start : start + 3]
    if text[end - 1 : end] in _STRING and text[start].isalpha():  # its prefix
        closing = text.find(text[end - 1], end, text.find("\n", end) % (len(text) + 1))
        return closing + 1 if closing >= 0 else end
    if mark in _LONG:
        closing = text.find(mark, end)
        return closing + 3 if closing >= 0 else len(text)
    return max(end, start + 1)


def _token(text: str, match: re.Match[str]) -> Token | None:
    """The token that a match begins, or None for white space."""
    word, span = match.group(), match.span()
    if match["comment"]:
        _refuse_invisible(text, span)
        return Token(TokenKind.COMMENT, word, span, word.strip("# "))
    if match["number"]:
        return Token(TokenKind.NUMBER, word, span, _number(word, span))
    if match["string"]:
        return _string(text, match)
    if match["name"]:
        if "__" in word:
            raise SyntaxFault(f"{quoted(word)} has two underscores in a row", span, forbidden=True)
        return Token(TokenKind.KEYWORD if keyword.iskeyword(word) else TokenKind.NAME, word, span)
    if match["operator"]:
        if word in _FOREIGN:
            raise SyntaxFault(f"`{word}` is no operator of the language", span, _FOREIGN[word])
        return Token(TokenKind.OPERATOR, word, span)
    return Token(TokenKind.NEWLINE, word, span) if match["newline"] else None


def _number(word: str, span: Span) -> int | float:
    if len(word) > MAX_NUMBER:
        raise SyntaxFault(f"{quoted(word)} is longer than {MAX_NUMBER} characters", span)
    match = _NUMBER.fullmatch(word)
    if match is None:
        raise SyntaxFault(f"{quoted(word)} is not a number of the language", span, _number_help(word))
    value = float(word) if match["rest"] else int(word)
    if math.isinf(value):
        raise SyntaxFault(f"{quoted(word)} is too large for a float", span, "write `inf`")
    return value


def _number_help(word: str) -> str | None:
    """How to write what somebody meant by a malformed number."""
    plain = word.replace("_", "").lstrip("0") or "0"
    if _NUMBER.fullmatch(plain):
        return f"write `{plain}`"
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", word):
        return f"write `{int(word, 0)}`"
    if re.fullmatch(r"[0-9.]+[jJ]", word):
        return "there are no imaginary numbers; make one with `complex(zeros(1), ones(1))`"
    if (typed := re.fullmatch(r"(.*[0-9.])[fFlLdD]", word)) and _NUMBER.fullmatch(typed[1]):
        return f"write `{typed[1]}`"
    product = re.fullmatch(r"([0-9]+)([A-Za-z_]\w*)", word)
    return f"write `{product[1]} * {product[2]}`" if product else None


def _string(text: str, match: re.Match[str]) -> Token:
    quote, start, first = match["quote"], match.start(), match.end()
    if len(match.group()) > 1:
        raise SyntaxFault(
            f"{quoted(match.group() + '…' + quote)} has a prefix, and the language has only plain strings",
            match.span(),
            f"write `{quote}…{quote}`",
            forbidden=True,
        )
    if text.startswith(quote * 3, start):
        message, help = f"`{quote * 3}` begins a string of several lines", "write comments, `# …`"
        raise SyntaxFault(message, (start, start + 3), help, forbidden=True)
    body = _STRING[quote].match(text, first)
    end = body.end() if body else first
    if not text.startswith(quote, end):
        raise SyntaxFault("this string is never closed", (start, end))
    if end - first > MAX_STRING:
        raise SyntaxFault(f"this string is longer than {MAX_STRING} characters", (start, end + 1))
    _refuse_invisible(text, (first, end))
    return Token(TokenKind.STRING, text[start : end + 1], (start, end + 1), _unescaped(text, first, end))


def _unescaped(text: str, start: int, end: int) -> str:
    characters = []
    while start < end:
        character = text[start]
        if character == "\\":
            start += 1
            if text[start] not in _ESCAPES:
                message = f"{quoted(text[start - 1 : start + 1])} is not an escape of the language"
                raise SyntaxFault(message, (start - 1, start + 1), r"the escapes are `\\`, `\'`, `\"` and `\n`")
            character = _ESCAPES[text[start]]
        characters.append(character)
        start += 1
    return "".join(characters)


def _refuse_invisible(text: str, span: Span) -> None:
    """Some invisible characters end a line of Python, others reorder what a reader sees: let none through."""
    for position in range(*span):
        if not text[position].isprintable():
            raise _stray(text, position)


_SIGNS = {
    "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "≠": "!=", "…": "...", "“": '"', "”": '"',  # noqa: RUF001
    "‘": "'", "’": "'", "√": "sqrt(…)", "π": "pi", "∞": "inf", "!": "not", "?": "a if condition else b", "¬": "not",  # noqa: RUF001
    "²": "** 2", "ᵀ": "transpose(x, -2, -1)", "∧": "and", "∨": "or", "∑": "sum", "Σ": "sum", "∏": "prod",  # noqa: RUF001
}  # fmt: skip


def _stray(text: str, position: int) -> SyntaxFault:
    """The fault of a character that begins no token."""
    character, span = text[position], (position, position + 1)
    match character:
        case "\t":
            return SyntaxFault("a tab stands here, where the language has only spaces", span, "write spaces")
        case "{" | "}":
            message = f"`{character}` belongs to a dictionary or set, which the language does not have"
            return SyntaxFault(message, span, "write a list, `[…]`", forbidden=True)
        case ";":
            message = "`;` joins statements, which the language does not do"
            ends = not text[position + 1 :].partition("\n")[0].partition("#")[0].strip()
            help = "delete it: a line ends by itself" if ends else "write each statement on a line of its own"
            return SyntaxFault(message, span, help, forbidden=True)
        case "\\":
            message = "`\\` continues a line, which the language does not do"
            return SyntaxFault(message, span, "let the line break stand between brackets", forbidden=True)
    name = "" if character.isascii() else f" ({unicodedata.name(character, f'U+{ord(character):04X}')})"
    greek = re.fullmatch(r"GREEK SMALL LETTER ([A-Z]+)", unicodedata.name(character, ""))
    plain = _SIGNS.get(character) or (greek[1].lower() if greek else None)
    message = f"{quoted(character)}{name} is not a character of the language"
    return SyntaxFault(message, span, f"write `{plain}`" if plain else None)
