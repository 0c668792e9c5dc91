"""Lays out tables of literals as black does, which takes most of its time for them.

What is written here is plain: texts, numbers, names, calls, and brackets around such. Where black has more to choose
from, nothing is laid out, and the table is left to black.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

WIDTH = 88
STEP = "    "
CLOSING = {"(": ")", "[": "]", "{": "}"}
ENDS = {",", *CLOSING.values()}  # of an item
TEXT = r'"[^"\\]*"' + r"|'[^'\"\\]*'"  # which black writes in double quotes, whatever it has
NAME = r"[A-Za-z_]\w*"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)"
BETWEEN = r": |(?<=[\"']) (?=[\"'])"  # a key and a value, and texts that follow each other
TOKEN = re.compile(rf"{TEXT}|[(\[{{]|[)\]}}]|, ?|\.?{NAME}(?:\.{NAME})*=?|{NUMBER}|{BETWEEN}")
EXPONENT = re.compile(r"(?<=\de)\+(?=\d+$)")  # the sign that black leaves out
TABLE = re.compile(r"^([A-Z]+) = \{\n((?:    .+,\n)+)\}$", re.MULTILINE)
# What may stand before the bracket at which a long item is broken: a key or a name, and what is called.
BEFORE = re.compile(rf"(?:(?:{TEXT}|{NUMBER}): )?(?:{NAME}=)?((?:{NAME}\.)?{NAME})?")
TEXTS = re.compile(rf"(?:{TEXT})(?: (?:{TEXT}))+")
WHOLE = re.compile(rf"(?:(?:{TEXT}): |{NAME}=)?(?:{TEXT})")  # what stands on a line however long it is


class UnlaidError(Exception):
    """A table has something in it that black alone knows how to lay out."""


@dataclass(frozen=True)
class Bracket:
    """What stands in brackets."""

    opening: str
    items: "tuple[Item, ...]"
    single: bool  # whether it is a tuple of one item

    @cached_property
    def inner(self) -> str:
        return ", ".join(item.flat for item in self.items) + "," * self.single

    @cached_property
    def flat(self) -> str:
        """All of it on a line."""
        return f"{self.opening}{self.inner}{CLOSING[self.opening]}"


@dataclass(frozen=True)
class Item:
    """What stands between two commas: texts and brackets that follow each other."""

    parts: tuple[str | Bracket, ...]

    @cached_property
    def flat(self) -> str:
        return "".join(part if isinstance(part, str) else part.flat for part in self.parts)


def formatted(source: str, by_black: Callable[[str], str]) -> str:
    """A module as black formats it, which is handed the tables empty.

    Args:
        source: The module. A table is assigned to a name in capitals, and has a row on each line.
        by_black: Formats by black alone.
    """
    tables: dict[str, str] = {}

    def emptied(match: re.Match[str]) -> str:
        name, rows = match.groups()
        if source.count(f"\n{name} = {{") > 1:
            return match[0]
        try:
            laid = "\n".join(line for row in rows.splitlines() for line in _lines(_read(row), STEP, ","))
        except UnlaidError:
            return match[0]
        tables[f"\n{name} = {{}}\n"] = f"\n{name} = {{\n{laid}\n}}\n"
        return f"{name} = {{}}"

    text = by_black(TABLE.sub(emptied, source))
    for empty, table in tables.items():
        text = text.replace(empty, table)
    return text


def _read(row: str) -> Item:
    """The row of a table, without the comma behind it.

    Raises:
        UnlaidError: If there is something else in it than plain literals.
    """
    if not row.isascii():  # of which some letters are wider than others
        raise UnlaidError
    tokens, end = [], len(STEP)
    for match in TOKEN.finditer(row, end):
        if match.start() != end:
            raise UnlaidError
        end = match.end()
        tokens.append(match[0])
    if end != len(row) or not tokens or tokens.pop() != ",":
        raise UnlaidError
    tokens.reverse()
    item = _item(tokens)
    if tokens:
        raise UnlaidError
    return item


def _item(tokens: list[str]) -> Item:
    """The item that begins a list of tokens, the first of which comes last; they are taken from it."""
    parts: list[str | Bracket] = []
    while tokens and tokens[-1][0] not in ENDS:
        token = tokens.pop()
        if token in CLOSING:
            bracket = _bracket(token, tokens)
            if bracket.single and parts and not str(parts[-1]).endswith(("=", ": ")):
                raise UnlaidError  # the comma of a call, which asks black for a line for each item
            parts.append(bracket)
            continue
        text = f'"{token[1:-1]}"' if token[0] == "'" else EXPONENT.sub("", token)
        if parts and isinstance(parts[-1], str):
            parts[-1] += text
        else:
            parts.append(text)
    if not parts:
        raise UnlaidError
    return Item(tuple(parts))


def _bracket(opening: str, tokens: list[str]) -> Bracket:
    items: list[Item] = []
    comma = False
    while tokens and tokens[-1] != CLOSING[opening]:
        items.append(_item(tokens))
        comma = bool(tokens) and tokens[-1][0] == ","
        if comma:
            tokens.pop()
    if not tokens:
        raise UnlaidError
    tokens.pop()
    if comma and (opening != "(" or len(items) > 1):  # as well
        raise UnlaidError
    if opening == "[" and len(items) == 1 and items[0].flat.startswith("("):  # of which black takes brackets away
        raise UnlaidError
    return Bracket(opening, tuple(items), comma)


def _lines(item: Item, indent: str, after: str) -> Iterator[str]:
    """The lines of an item, with what comes after it.

    Raises:
        UnlaidError: If black has several ways to break it, or none that is known here.
    """
    line = f"{indent}{item.flat}{after}"
    if len(line) <= WIDTH or WHOLE.fullmatch(item.flat):
        yield line
        return
    *first, last = item.parts
    if not isinstance(last, Bracket) or len(first) > 1 or (first and not isinstance(first[0], str)):
        raise UnlaidError
    before = str(first[0]) if first else ""
    found = BEFORE.fullmatch(before)
    if found is None or last.single or not last.items or len(indent) + len(before) + 1 > WIDTH:
        raise UnlaidError
    yield f"{indent}{before}{last.opening}"
    yield from _body(last, indent + STEP, called=found[1] is not None)
    yield f"{indent}{CLOSING[last.opening]}{after}"


def _body(bracket: Bracket, indent: str, called: bool) -> Iterator[str]:
    """The lines inside of brackets that do not stand on one."""
    if called and bracket.opening != "(":
        raise UnlaidError
    several = len(bracket.items) > 1
    if (called or not several) and len(indent) + len(bracket.inner) <= WIDTH:
        yield f"{indent}{bracket.inner}"
    elif several:
        for item in bracket.items:
            yield from _lines(item, indent, ",")
    elif TEXTS.fullmatch(bracket.inner):
        for text in re.findall(TEXT, bracket.inner):
            if len(indent) + len(text) > WIDTH:
                raise UnlaidError
            yield f"{indent}{text}"
    else:
        yield from _lines(bracket.items[0], indent, "")
