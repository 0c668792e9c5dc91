"""What the text of a scalar means by YAML 1.2's core schema, and where in the file each of its characters stands."""

import re
from collections.abc import Iterator

from layergen.diagnostics import Span
from layergen.words import shorten

Value = str | int | float | bool | None

NUMBER_LENGTH = 40  # no number of a spec is longer, and reading huge ones takes time

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

CORE = "tag:yaml.org,2002:"
KINDS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}

BLANKS = " \t\r\n"
RUN = re.compile(rf"[{BLANKS}]+|[^{BLANKS}]+")
UNITS = {
    "'": re.compile(r"''|[^']"),
    '"': re.compile(r"\\(?:x.{2}|u.{4}|U.{8}|\r\n|.)|[^\\]", re.DOTALL),
}
BLANK_ESCAPE = re.compile(r"\\(?:[ntr \t\r\n]|\r\n|(?:x|u00|U000000)(?:09|0[aA]|0[dD]|20))")


def resolve(text: str) -> Value:
    """The value of a plain scalar.

    Raises:
        ValueError: It is a number that is too long or too large; the error says which.
    """
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    integer = INTEGER.fullmatch(text)
    if not integer and not FLOAT.fullmatch(text):
        return text
    if len(text) > NUMBER_LENGTH:
        raise ValueError(f"the number `{shorten(text, 11)}` has {len(text)} characters, more than {NUMBER_LENGTH}")
    if integer:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError(f"the number `{text}` is too large for a float")
    return value


def resolve_tagged(text: str, tag: str) -> Value:
    """The value of a scalar with one of the core tags.

    Raises:
        ValueError: The tag does not fit the text; the error says so.
    """
    kind = KINDS.get(tag.removeprefix(CORE))
    if kind is str:
        return text
    value = resolve(text)
    if kind is float and type(value) is int:
        value = float(value)
    if kind is None or type(value) is not kind:
        raise ValueError(f"`{shorten(text)}` is no `{tag.replace(CORE, '!!')}`")
    return value


def spots(value: str, raw: str, style: str, start: int) -> tuple[Span, ...]:
    """Where each character of a scalar's value stands in the file.

    Characters other than white space stand in the file in the order that they have in the value, each as itself or
    as an escape. White space may be folded or be an indentation, so it is fitted in between.

    Args:
        value: The scalar's text as YAML means it.
        raw: The scalar as it is written, with its quotes or block header.
        style: ``'``, ``"``, ``|``, ``>`` or nothing, as PyYAML names it.
        start: Where in the file ``raw`` begins.
    """
    body = _body(raw, style)
    solids = list(_solids(raw[body[0] : body[1]], style, start + body[0]))
    result: list[Span] = []
    taken, reached = 0, start + body[0]
    for run in RUN.findall(value):
        if run[0] not in BLANKS:
            result += solids[taken : taken + len(run)]
            taken += len(run)
        else:
            following = solids[taken][0] if taken < len(solids) else start + body[1]
            result += _blanks(run, reached, following)
        reached = result[-1][1]
    return tuple(result)


def _body(raw: str, style: str) -> Span:
    """The part of a scalar as written without its quotes or block header."""
    if style in ("'", '"'):
        return 1, len(raw) - 1
    if style in ("|", ">"):
        header = re.match(r"[^\r\n]*(\r\n|\r|\n)?", raw)
        return (header.end() if header else 0), len(raw)
    return 0, len(raw)


def _solids(body: str, style: str, start: int) -> Iterator[Span]:
    """The places of all that stands for something other than white space."""
    units = UNITS.get(style)
    if units is None:
        yield from ((start + at, start + at + 1) for at, letter in enumerate(body) if letter not in BLANKS)
        return
    for unit in units.finditer(body):
        text = unit.group()
        if text not in BLANKS and not (style == '"' and BLANK_ESCAPE.fullmatch(text)):
            yield start + unit.start(), start + unit.end()


def _blanks(run: str, left: int, right: int) -> Iterator[Span]:
    """Fit white space between two places: lines from the left, and what indents the last one from the right."""
    indent = len(run) - run.rfind("\n") - 1
    for at in range(len(run)):
        spot = left + at if at < len(run) - indent else right - (len(run) - at)
        spot = max(left, min(spot, right))
        yield spot, min(spot + 1, right)
