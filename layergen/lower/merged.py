"""Statements that stand under one condition, or in one loop, rather than each under its own."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

INDENT = "    "
GIVEN = re.compile(r"if (\w+ is not None) and (.+):$", re.DOTALL)


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


def asked_once(lines: Sequence[str]) -> Iterator[str]:
    """Lines in which what several refusals in a row ask first, whether something is given, is asked once."""
    starts = [index for index, line in enumerate(lines) if not line.startswith(INDENT)]
    blocks = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    for given, group in groupby(blocks, key=_given):
        several = list(group)
        if given is None or len(several) == 1:
            yield from (line for block in several for line in block)
            continue
        yield f"if {given}:"
        for first, *rest in several:
            found = GIVEN.match(first)
            assert found is not None
            yield f"{INDENT}if {_bare(found[2])}:"
            yield from (f"{INDENT}{line}" for line in rest)


def _given(block: Sequence[str]) -> str | None:
    """What the condition of a block asks first: whether something is given."""
    refuses = _is_block(block) and all(line.startswith(f"{INDENT}raise ") for line in block[1:])
    found = GIVEN.match(block[0]) if refuses else None
    return found[1] if found and not _has_alternatives(found[2]) else None


def _has_alternatives(condition: str) -> bool:
    """Whether an `or` outside of all brackets takes a condition apart, or a conditional value does."""
    bare = re.sub(r"\[[^\[\]]*\]", "", condition)
    while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = inner
    return re.search(r"\b(or|if|else)\b", bare) is not None


def _bare(condition: str) -> str:
    """A condition without the parentheses around all of it, which it needs beside others alone."""
    if not condition.startswith("("):
        return condition
    depths = [condition[: index + 1].count("(") - condition[: index + 1].count(")") for index in range(len(condition))]
    return condition[1:-1] if all(depths[:-1]) and not depths[-1] else condition


def _is_block(lines: Sequence[str]) -> bool:
    """Whether lines are one condition or one loop, with what stands in it."""
    begins = bool(lines) and lines[0].startswith(("if ", "for ")) and lines[0].endswith(":")
    return begins and all(line.startswith(INDENT) for line in lines[1:])


def _inside(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line.removeprefix(INDENT) for line in lines[1:])
