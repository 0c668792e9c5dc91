"""A name of the generated code that is bound right before it is read, and not where a writer first knows of it."""

import re
from collections.abc import Sequence

INDENT = "    "
BOUND = re.compile(r"\s*(?:for )?([\w, ()]+?)(?:: .+?)?(?: = | in )")  # the targets of an assignment, or of a loop


def bound_where_read(lines: Sequence[str], name: str) -> tuple[str, ...]:
    """Lines in which the statement that binds a name stands further down, in the same block.

    It stays above whatever binds what it reads, and above a block or a comment in which the name is read.

    Args:
        lines: Of a body, in which one at most binds it outside of all blocks.
        name: The name; an empty one binds nothing.
    """
    place = next((place for place, line in enumerate(lines) if name and line.startswith(f"{name} = ")), None)
    if place is None:
        return tuple(lines)
    line, after = lines[place], lines[place + 1 :]
    read = {*re.findall(r"\w+", line.partition(" = ")[2])}
    stops = (at for at, other in enumerate(after) if re.search(rf"\b{name}\b", other) or _binds(other) & read)
    until = next(stops, 0)
    while until and after[until].startswith((INDENT, "else:", "elif ")):  # a block is entered from above
        until -= 1
    while until and after[until - 1].startswith("#"):
        until -= 1
    return (*lines[:place], *after[:until], line, *after[until:])


def _binds(line: str) -> set[str]:
    found = BOUND.match(line)
    return set() if found is None else {*re.findall(r"\w+", found[1])}
