"""An einsum that is one plain product or transposition, for which torch has a function."""

import re
from collections.abc import Iterator

from layergen.advice.patterns import given, number
from layergen.advice.proposal import Proposal, spelled
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.resolve.values import Site
from layergen.rules.writing import PlainEinsum

EQUATION = re.compile(r"((?:\.\.\.)?[A-Za-z]*)(?:,((?:\.\.\.)?[A-Za-z]*))?->((?:\.\.\.)?[A-Za-z]*)")


def einsums(site: Site, _: Program) -> Iterator[Proposal]:
    """Propose the function that does what an einsum does."""
    found = given(site.value, "einsum")
    text = number(found[0]) if found else None
    match = EQUATION.fullmatch(text.replace(" ", "")) if isinstance(text, str) else None
    if not found or match is None:
        return
    operands = found[1].items if len(found) == 2 and isinstance(found[1], ex.Sequence) else found[1:]
    words = [word for word in (spelled(operand, site) for operand in operands) if word is not None]
    left, right, result = match.groups()
    if len(words) != len(operands) or len(words) != (1 if right is None else 2):
        return
    written = _transposition(left, result, words[0]) if right is None else _product(left, right, result, *words)
    if written is not None:
        function = written.partition("(")[0]
        message = f"this einsum is a plain `{function}`, which says so"
        yield Proposal(PlainEinsum, site, written, site.value, message, spared="einsum")


def _transposition(given: str, wanted: str, x: str) -> str | None:
    """The call that brings dimensions into another order."""
    if "." in given or len({*given}) < len(given) or sorted(given) != sorted(wanted):
        return None
    moved = [index for index, letter in enumerate(given) if wanted[index] != letter]
    if not moved:
        return None
    if len(moved) == 2:
        return f"transpose({x}, {moved[0]}, {moved[1]})"
    return f"permute({x}, [{', '.join(str(given.index(letter)) for letter in wanted)}])"


def _product(left: str, right: str, result: str, x: str, y: str) -> str | None:
    """The call that multiplies two tensors and sums over one letter."""
    if any(len({*text}) < len(text) for text in (left.replace(".", ""), right.replace(".", ""))):
        return None
    batch, i, j = left[:-2], left[-2:-1], left[-1:]
    if len(right) == 2 and "." not in right and right[1] == j and result == left[:-1] + right[0]:
        return f"linear({x}, {y})"
    if len(i + j) == 2 and right == batch + j + right[-1:] and result == batch + i + right[-1:]:
        return f"matmul({x}, {y})" if right[-1] not in left else None
    return None
