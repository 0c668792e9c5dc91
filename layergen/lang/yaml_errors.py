"""What PyYAML's errors of syntax mean, in words for the author of a spec."""

import re
from dataclasses import dataclass

import yaml

from layergen.diagnostics import Rule
from layergen.rules.file import Alias, ForeignTag, InvalidYaml

OPENER = re.compile(r"\s*(\w+: [|>])[-+0-9]*(?:\s.*)?")  # of a block of text
STATEMENT = re.compile(r"^\s*(if|elif|for|while) .*$|^\s*else$")  # which ends in a colon, as a key does
JOINED = re.compile(r"[ -]*(\w+)(:)([\[{])")  # a key and its value, with no space between them
JOINED_KEY = re.compile(r"\w+:(?:\s|$)", re.MULTILINE)  # with which a line begins
BLOCK = "begin a forward of several lines with `forward: |`"
QUOTE = "put the text in quotes"
QUOTE_COLON = "put text that has `: ` in it in quotes"
QUOTE_BRACKETS = "put an expression that has brackets, braces or commas in it in quotes"
UNQUOTED = {":": QUOTE_COLON, "?": "put text that has a `?` at the end of a word in quotes"}  # by what ends a text


@dataclass(frozen=True)
class Problem:
    """A fault of syntax, from ``start`` to ``end`` in the file's text."""

    message: str
    start: int
    end: int
    help: str | None = None
    rule: type[Rule] = InvalidYaml


def explain(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """Say in our own words what is wrong, and where it helps most to look."""
    context, problem = error.context or "", error.problem or "the text is not YAML"
    at = error.problem_mark.index if error.problem_mark else 0
    begun = error.context_mark.index if error.context_mark else at
    here = Problem(f"{problem} {context}".strip(), at, at + 1)
    if text[at : at + 1] == "\t" and "cannot start any token" in problem:
        return Problem("a tab stands where YAML wants spaces", at, at + 1, "indent and separate with spaces")
    if context.endswith(("an alias", "an anchor")):
        return Problem("`*` and `&` begin aliases and anchors, which specs do without", at - 1, at, QUOTE, Alias)
    if context.endswith("a tag") or "tag handle" in problem:
        return Problem("`!` begins a tag, and this is none of YAML's own", begun, begun + 1, QUOTE, ForeignTag)
    if "quoted scalar" in context:
        return _quoted(problem, text, begun, here)
    if "could not find expected ':'" in problem:
        end = _line_end(text, begun)
        opener = _left(text, begun)
        if opener:
            return _outside(opener, begun, end)
        help = "write a comment as `# …`" if text.startswith("//", begun) else "write `key: value`"
        return Problem("no `:` follows this key", begun, end, help)
    if "expected ',' or" in problem:
        return _unclosed(text, begun, at)
    return _misplaced(problem, text, at) or here


def _quoted(problem: str, text: str, begun: int, here: Problem) -> Problem:
    if "end of stream" in problem:
        return Problem(f"the quote `{text[begun]}` is not closed", begun, begun + 1, f"close it with `{text[begun]}`")
    if "unknown escape" in problem:
        escape = text[here.start - 1 : here.start + 1]
        help = "write two backslashes, or use single quotes"
        return Problem(f"unknown escape `{escape}`", here.start - 1, here.end, help)
    return here


def _unclosed(text: str, begun: int, at: int) -> Problem:
    opened, line = text[begun], text.count("\n", 0, begun) + 1
    closing = "]" if opened == "[" else "}"
    if not text[at : at + 1].strip("\0"):
        return Problem(f"the `{opened}` is not closed", begun, begun + 1, f"close it with `{closing}`")
    if _before(text, at).strip() == "" and JOINED_KEY.match(text, at):
        end = _line_end(text, begun)
        written = text[begun:end].rstrip()
        return Problem(
            f"the `{opened}` is not closed", begun, begun + 1, f"close it with `{closing}`: `{written}{closing}`"
        )
    message = f"expected `,` or `{closing}` here, inside the `{opened}` of line {line}"
    return Problem(message, at, at + 1, UNQUOTED.get(text[at], QUOTE_BRACKETS))


def _misplaced(problem: str, text: str, at: int) -> Problem | None:
    """Something that YAML knows, but not here."""
    word = re.match(r"\w+|.?", text[at : at + 20])
    shown = word.group() if word else ""
    end = at + max(1, len(shown))
    if "mapping values are not allowed" in problem:
        return _surplus_colon(text, at)
    if "sequence entries are not allowed" in problem:
        return Problem("a list item is not allowed here", at, at + 1, "begin the list on a line of its own")
    if "cannot start any token" in problem:
        return Problem(f"text cannot begin with `{shown}`", at, at + 1, QUOTE)
    if "expected the node content" in problem:
        return Problem(f"a value is missing before `{shown}`" if shown else "a value is missing", at, end)
    if "expected <block end>" in problem or "expected '<document start>'" in problem:
        opener = _left(text, at)
        if opener:
            return _outside(opener, at, _line_end(text, at))
        if not _before(text, at).strip():
            return Problem("this line does not fit the lines above it", at, end, "check the indentation")
        joined = JOINED.match(text, at - len(_before(text, at)), at)
        if joined:
            return Problem("no space follows the `:`", *joined.span(2), f"write `{joined[1]}: {joined[3]}`")
        return Problem(f"`{shown}` is not expected here", at, end, "a quoted text or a bracket ends before this")
    return None


def _surplus_colon(text: str, at: int) -> Problem:
    if ": " in _before(text, at):
        return Problem("a second `:` on the line", at, at + 1, QUOTE_COLON)
    block = STATEMENT.search(_before(text, at)) and _key_above(text, at)
    if block:
        return Problem("the lines of this forward follow no `|`", *block, BLOCK)
    help = "check the indentation, and that the line above has its own `:`"
    return Problem("a `:` is not allowed here", at, at + 1, help)


def _outside(opener: str, start: int, end: int) -> Problem:
    message = f"this line is not in the text that `{opener}` begins"
    return Problem(message, start, end, f"indent it, so that it belongs to `{opener.split(':')[0]}`")


def _left(text: str, at: int) -> str | None:
    """The key, as ``forward: |``, whose block of text a line would belong to if it were indented more."""
    own = len(_before(text, at))
    for line in reversed(text[: at - own].splitlines()):
        indent = len(line) - len(line.lstrip())
        opener = OPENER.fullmatch(line)
        if opener and indent <= own:
            return opener[1]
        if line.strip() and indent <= own:
            return None
    return None


def _key_above(text: str, at: int) -> tuple[int, int] | None:
    """Where the key of a forward stands whose lines a place is among, if it begins no block of text."""
    keys = [match for match in re.finditer(r"^(\w+):(.*)$", text[:at], re.MULTILINE) if match.end() < at]
    if not keys or keys[-1][1] != "forward" or OPENER.fullmatch(keys[-1][0]):
        return None
    return keys[-1].span(1)


def _before(text: str, at: int) -> str:
    """What stands on a line before a place."""
    return text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]


def _line_end(text: str, at: int) -> int:
    match = re.compile(r"[\r\n]|$").search(text, at)
    return match.start() if match else at
