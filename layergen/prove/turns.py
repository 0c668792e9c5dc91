"""The turns of a loop whose count is a formula: what holds at every one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy


@dataclass(frozen=True)
class Turn:
    """The index of a loop, and how many turns it takes."""

    symbol: sympy.Symbol
    count: Any


def holds_at_every_turn(condition: Any, turns: Sequence[Turn]) -> bool:
    """Whether a condition follows from the ranges of the indices, as far as this can tell."""
    if isinstance(condition, sympy.And):
        return all(holds_at_every_turn(part, turns) for part in condition.args)
    if isinstance(condition, sympy.Or):
        return any(holds_at_every_turn(part, turns) for part in condition.args)
    match condition:
        case sympy.Ge() | sympy.Gt():
            difference = condition.lhs - condition.rhs
        case sympy.Le() | sympy.Lt():
            difference = condition.rhs - condition.lhs
        case sympy.Ne():
            above = holds_at_every_turn(sympy.Gt(condition.lhs, condition.rhs, evaluate=False), turns)
            return above or holds_at_every_turn(sympy.Lt(condition.lhs, condition.rhs, evaluate=False), turns)
        case _:
            return False
    if isinstance(condition, sympy.Gt | sympy.Lt):
        difference -= 1  # of integers
    return all(map(_never_negative, _at_the_ends(sympy.expand(difference), turns)))


def _at_the_ends(formula: Any, turns: Sequence[Turn]) -> list[Any]:
    """A formula at the first and at the last turns, between which it lies at all others; else the formula itself."""
    present = [turn for turn in turns if turn.symbol in formula.free_symbols]
    if any(not formula.is_polynomial(turn.symbol) or sympy.degree(formula, turn.symbol) > 1 for turn in present):
        return [formula]
    ends = product(*((sympy.S.Zero, turn.count - 1) for turn in present))
    return [formula.subs(list(zip((turn.symbol for turn in present), end, strict=True))) for end in ends]


def _never_negative(formula: Any) -> bool:
    """Whether a formula of sizes, all of which are 1 or more, is 0 or more wherever it is."""
    shifts = {size: size + 1 for size in formula.free_symbols if size.is_positive}
    shifted = sympy.expand(formula.subs(shifts, simultaneous=True))
    terms = sympy.Add.make_args(shifted)
    return all(term.is_nonnegative for term in terms)
