"""The text of a file: its lines, positions in it, and the characters that it may not have."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from layergen.diagnostics import Diagnostic, Location, Mark, Rule

LINE_BREAK = re.compile(r"\r\n|\r|\n")

NONCHARACTERS = "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))

FORBIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but for tab, line feed and carriage return
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\u200b-\u200d\u2060\ufeff"  # without width
    "\u2028\u2029"  # line and paragraph separator
    f"\ud800-\udfff\ufdd0-\ufdef{NONCHARACTERS}"
    "]"
)

# Unicode gives control characters no names of their own; these are its aliases for those met most.
CONTROLS = {0x00: "NULL", 0x07: "BELL", 0x08: "BACKSPACE", 0x0C: "FORM FEED", 0x1B: "ESCAPE", 0x7F: "DELETE",
            0x85: "NEXT LINE"}  # fmt: skip
CATEGORIES = {"Cc": "CONTROL CHARACTER", "Cs": "SURROGATE", "Cn": "NONCHARACTER"}


def character_name(character: str) -> str:
    """A character's code point and name: ``U+202E RIGHT-TO-LEFT OVERRIDE``."""
    code = ord(character)
    unnamed = CONTROLS.get(code) or CATEGORIES.get(unicodedata.category(character), "CHARACTER")
    return f"U+{code:04X} {unicodedata.name(character, unnamed)}"


@dataclass(frozen=True)
class SourceText:
    """A file's text and its name as it is displayed. Offsets count characters from 0."""

    name: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their line breaks."""
        return tuple(LINE_BREAK.split(self.text))

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return (0, *(match.end() for match in LINE_BREAK.finditer(self.text)))

    def location(self, start: int, end: int) -> Location:
        """The line and columns of some characters; of several lines, those on the first."""
        line = bisect_right(self._starts, start)
        origin, text = self._starts[line - 1], self.lines[line - 1]
        first = min(start - origin, len(text))
        last = max(first, end - origin)
        if last > len(text):
            last = max(first, len(text.rstrip()))
        return Location(self.name, line, first + 1, line, last + 1)

    def excerpt(self, locations: Iterable[Location]) -> tuple[tuple[int, str], ...]:
        """The numbered lines that some locations touch."""
        numbers = {place.line for place in locations if place.file == self.name}
        return tuple((number, self.lines[number - 1]) for number in sorted(numbers))

    def diagnostic(
        self,
        rule: type[Rule],
        message: str,
        start: int,
        end: int,
        *,
        label: str = "",
        marks: Iterable[Mark] = (),
        help: str | None = None,
    ) -> Diagnostic:
        """A fault of the characters from ``start`` to ``end``."""
        location, marks = self.location(start, end), tuple(marks)
        excerpt = self.excerpt([location, *(mark.location for mark in marks)])
        return Diagnostic(rule, message, location, label, marks, help=help, excerpt=excerpt)
