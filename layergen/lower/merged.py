"""Statements that stand under one condition, or in one loop, rather than each under its own."""

from collections.abc import Sequence

INDENT = "    "


def merged(before: Sequence[str], after: Sequence[str], loops: bool) -> tuple[str, ...]:
    """The lines of two statements, the first one of which may be all that stands before.

    Args:
        before: The lines of some statements.
        after: Those of one more.
        loops: Whether what both do at each turn of a loop may be done turn by turn.
    """
    start = max((index for index, line in enumerate(before) if not line.startswith(INDENT)), default=0)
    last = before[start:]
    if not _is_block(last) or not _is_block(after) or last[0] != after[0]:
        return (*before, *after)
    if last[0].startswith("for ") and not loops:
        return (*before, *after)
    inner = merged(_inside(last), _inside(after), loops)
    return (*before[:start], last[0], *(f"{INDENT}{line}" for line in inner))


def _is_block(lines: Sequence[str]) -> bool:
    """Whether lines are one condition or one loop, with what stands in it."""
    begins = bool(lines) and lines[0].startswith(("if ", "for ")) and lines[0].endswith(":")
    return begins and all(line.startswith(INDENT) for line in lines[1:])


def _inside(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line.removeprefix(INDENT) for line in lines[1:])
