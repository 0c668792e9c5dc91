"""Sizes that one branch alone reads, which get their names there."""

import re
from collections.abc import Iterable, Sequence

INDENT = "    "
SIZES = re.compile(r"(?P<names>[\w*, ]+) = (?P<input>\w+)\.shape(?:\[-?\d+\])?")
BRANCH = re.compile(r"(?:if|elif) .*:|else:", re.DOTALL)


def bound_late(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines of a method, in which the sizes of an input are read in the branch that asks for them, if it is one."""
    found = list(lines)
    for index in reversed(range(len(found))):
        sizes = SIZES.fullmatch(found[index])
        if sizes is None or found[index].startswith(INDENT):
            continue
        branch = _reads_alone(found, index, re.findall(r"\w+", sizes["names"]))
        if branch is not None and not _assigned(sizes["input"], found[index + 1 : branch]):
            found.insert(branch + 1, f"{INDENT}{found[index]}")
            del found[index]
    return tuple(found)


def _reads_alone(lines: Sequence[str], bound: int, names: Iterable[str]) -> int | None:
    """Where the one branch begins that mentions some names, which are bound before."""
    called = re.compile(rf"\b(?:{'|'.join(name for name in names if name != '_')})\b")
    mentions = [index for index, line in enumerate(lines) if index > bound and called.search(line)]
    starts = {max(at for at in range(index + 1) if not lines[at].startswith(INDENT)) for index in mentions}
    if len(starts) != 1 or mentions[0] in starts:
        return None
    (start,) = starts
    return start if BRANCH.fullmatch(lines[start]) else None


def _assigned(name: str, lines: Iterable[str]) -> bool:
    """Whether some lines give a name another value."""
    given = re.compile(rf"[^=]*\b{name}\b[^=]* = .*|.*\b{name} :=.*|\s*for\b.*\b{name}\b.* in .*", re.DOTALL)
    return any(given.fullmatch(line) for line in lines)
