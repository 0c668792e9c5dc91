"""The excerpt of a diagnostic: its source lines with carets under what is meant, and its notes and help."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby

from layergen.diagnostics import Diagnostic

WIDTH = 150  # columns of a source line that are shown
LEAD = 60  # of these at most before the mark, where the line is cut
TAB = "    "
CUT = "…"

# Select Graphic Rendition codes by what the words are; "" is ordinary text.
COLORS = {
    "": "",
    "path": "1",
    "fault": "1;31",
    "gutter": "1;34",
    "mark": "1;34",
    "help": "1;36",
    "good": "32",
    "faint": "2",
}


@dataclass(frozen=True)
class Painter:
    """Colours words for a terminal, or leaves them as they are."""

    color: bool

    def __call__(self, text: str, role: str) -> str:
        return f"\x1b[{COLORS[role]}m{text}\x1b[0m" if self.color and COLORS[role] else text


def printable(text: str) -> str:
    """Text with escapes for what a terminal would obey or hide: control and format characters, and the like."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def width(text: str) -> int:
    """How many columns of a terminal printable text takes."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):  # drawn onto the character before it
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@dataclass(frozen=True)
class _Underline:
    """A mark under a line, in columns of the terminal that count from 0."""

    left: int
    right: int
    text: str
    sign: str
    role: str


def excerpt(diagnostic: Diagnostic, paint: Painter) -> Iterator[str]:
    """The lines under a diagnostic's header."""
    margin = " " * max((len(str(number)) for number, _ in diagnostic.excerpt), default=1)
    bar = paint("|", "gutter")
    if diagnostic.excerpt:
        yield f"{margin} {bar}"
    previous = None
    for number, line in diagnostic.excerpt:
        if previous is not None and number > previous + 1:
            yield paint("...", "gutter")
        previous = number
        source, *rows = _marked(line, number, diagnostic, paint)
        yield f"{paint(str(number).rjust(len(margin)), 'gutter')} {bar} {source}".rstrip()
        yield from (f"{margin} {bar} {row}" for row in rows)
    yield from _remarks(diagnostic, margin, paint)


def _remarks(diagnostic: Diagnostic, margin: str, paint: Painter) -> Iterator[str]:
    """Notes and help, and the marks in other files, which have no excerpt."""
    elsewhere = [mark for mark in diagnostic.marks if mark.location.file != diagnostic.location.file]
    remarks = [f"note: {mark.location.file}:{mark.location.line}: {mark.text}" for mark in elsewhere]
    remarks += diagnostic.notes
    if diagnostic.help:
        remarks.append(f"help: {diagnostic.help}")
    for remark in remarks:
        first, *more = (printable(line) for line in remark.split("\n"))
        kind, colon, words = first.partition(":")
        yield f"{margin} {paint('=', 'gutter')} {paint(kind + colon, 'help')}{words}"
        yield from (f"{margin}   {line}" for line in more)


def _marked(line: str, number: int, diagnostic: Diagnostic, paint: Painter) -> list[str]:
    """A source line and the rows of marks under it."""
    file = diagnostic.location.file
    places = [(diagnostic.location, diagnostic.label, "^", "fault")]
    places += [(mark.location, mark.text, "-", "mark") for mark in diagnostic.marks]
    places = [place for place in places if place[0].line == number and place[0].file == file]
    start, end = _window(line, min((place[0].column for place in places[:1]), default=1) - 1)
    cells = [_cell(character) for character in line[start:end]]
    before, after = CUT * (start > 0), CUT * (end < len(line))
    columns = list(accumulate(map(width, cells), initial=len(before)))

    def column(offset: int) -> int:
        return columns[max(0, min(offset - start, len(cells)))]

    marks = []
    for at, text, sign, role in places:
        left = column(at.column - 1)
        right = column(at.end_column - 1) if at.end_line == number else columns[-1]
        marks.append(_Underline(left, max(left + 1, right), printable(text), sign, role))
    return [f"{before}{''.join(cells)}{after}".rstrip(), *_rows(marks, paint)]


def _window(line: str, at: int) -> tuple[int, int]:
    """The part of a line to show: all of it, or what fits around an offset."""
    at = min(at, len(line))
    start, end, used = at, at, 0

    def cost(offset: int) -> int:
        return max(1, width(_cell(line[offset])))

    while start > 0 and used < LEAD:
        start -= 1
        used += cost(start)
    while end < len(line) and used < WIDTH:
        used += cost(end)
        end += 1
    while start > 0 and used < WIDTH:
        start -= 1
        used += cost(start)
    return start, end


def _cell(character: str) -> str:
    """What stands for a character of a source line: its width may not depend on where it stands."""
    return TAB if character == "\t" else printable(character)


def _rows(marks: list[_Underline], paint: Painter) -> Iterator[str]:
    """The rows under a source line: the marks, and their words behind or under them."""
    if not marks:
        return
    last = max(marks, key=lambda mark: mark.left)
    others = [mark for mark in marks if mark is not last]
    hanging = sorted((mark for mark in reversed(marks) if mark.text), key=lambda mark: mark.left)
    inline = ""
    if last.text and all(mark.left < last.left and mark.right <= last.right for mark in others):
        inline = f" {paint(last.text, last.role)}"
        hanging.remove(last)
    yield _carets(marks, paint) + inline
    if hanging:
        yield _stems(hanging, hanging[-1].left + 1, paint)
    while hanging:
        mark = hanging.pop()
        stems = _stems([other for other in hanging if other.left < mark.left], mark.left, paint)
        yield stems + paint(mark.text, mark.role)


def _carets(marks: list[_Underline], paint: Painter) -> str:
    cells = [(" ", "")] * max(mark.right for mark in marks)
    for mark in sorted(marks, key=lambda mark: mark.left - mark.right):  # the shortest last, on top of the others
        cells[mark.left : mark.right] = [(mark.sign, mark.role)] * (mark.right - mark.left)
    return _painted(cells, paint)


def _stems(marks: list[_Underline], length: int, paint: Painter) -> str:
    cells = [(" ", "")] * length
    for mark in marks:
        cells[mark.left] = ("|", mark.role)
    return _painted(cells, paint)


def _painted(cells: list[tuple[str, str]], paint: Painter) -> str:
    runs = groupby(cells, key=lambda cell: cell[1])
    return "".join(paint("".join(sign for sign, _ in run), role) for role, run in runs)
