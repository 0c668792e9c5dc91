"""Lists that a loop fills and does nothing else, as comprehensions."""

import re
from collections.abc import Sequence

EMPTY = re.compile(r"(?P<indent> *)(?P<name>\w+): list\[(?P<items>.+)\] = \[\]")
LOOP = re.compile(r"(?P<indent> *)for (?P<each>.+?) in (?P<all>.+):")
APPEND = re.compile(r"(?P<indent> *)(?P<name>\w+)\.append\((?P<value>.+)\)")


def gathered(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines of a method, in which a list that begins empty just before the loop that fills it is made at once."""
    found: list[str] = []
    index = 0
    while index < len(lines):
        made = _made(lines[index:], _turn(lines[: index + 1]))
        found.append(made or lines[index])
        index += 3 if made else 1
    return tuple(found)


def _turn(lines: Sequence[str]) -> Sequence[str]:
    """The lines of the loops that the last of some stands in, up to there: the next turn reads them again."""
    inside, start = _indent(lines[-1]), len(lines)
    for index in reversed(range(len(lines))):
        if _indent(lines[index]) < inside:
            inside = _indent(lines[index])
            start = index if lines[index].lstrip().startswith("for ") else start
    return lines[start:]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _made(lines: Sequence[str], turn: Sequence[str]) -> str | None:
    """One line for the first three of some, if they fill a list and what their loop names is not read elsewhere."""
    if len(lines) < 3:
        return None
    empty, loop, append = (
        pattern.fullmatch(line) for pattern, line in zip((EMPTY, LOOP, APPEND), lines[:3], strict=True)
    )
    if empty is None or loop is None or append is None:
        return None
    indent, name, value = empty["indent"], empty["name"], append["value"]
    inside = len(lines) > 3 and lines[3].startswith(f"{indent}    ")  # the loop goes on
    others = "\n".join((*turn, *lines[3:]))
    kept = any(re.search(rf"\b{each}\b", others) for each in re.findall(r"\w+", loop["each"]) if each != "_")
    nested = loop["indent"] == indent and append["indent"] == f"{indent}    "
    own = name == append["name"] and not re.search(rf"\b{name}\b", f"{value} {loop['all']}")
    named = ":=" in loop["all"]  # which Python refuses there
    if inside or kept or named or not nested or not own:
        return None
    return f"{indent}{name}: list[{empty['items']}] = [{value} for {loop['each']} in {loop['all']}]"
