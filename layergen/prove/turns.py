"""The turns of a loop whose count is a formula: what holds at every one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy

from layergen.prove.formula import same


@dataclass(frozen=True)
class Turn:
    """The index of a loop, and how many turns it takes."""

    symbol: sympy.Symbol
    count: Any


def holds_at_every_turn(condition: Any, turns: Sequence[Turn]) -> bool:
    """Whether a condition follows from the ranges of the indices, as far as this can tell."""
    if condition in (sympy.true, True):
        return True
    if isinstance(condition, sympy.And):
        return all(holds_at_every_turn(part, turns) for part in condition.args)
    if isinstance(condition, sympy.Or):
        return any(holds_at_every_turn(part, turns) for part in condition.args)
    match condition:
        case sympy.Ge() | sympy.Gt():
            difference = condition.lhs - condition.rhs
        case sympy.Le() | sympy.Lt():
            difference = condition.rhs - condition.lhs
        case sympy.Eq():
            return same(condition.lhs, condition.rhs)
        case sympy.Ne():
            above = holds_at_every_turn(sympy.Gt(condition.lhs, condition.rhs, evaluate=False), turns)
            return above or holds_at_every_turn(sympy.Lt(condition.lhs, condition.rhs, evaluate=False), turns)
        case _:
            return False
    if isinstance(condition, sympy.Gt | sympy.Lt):
        difference -= 1  # of integers
    least = _least(turns)
    return all(_never_negative(part, least) for part in _at_the_ends(sympy.expand(difference), turns))


def _at_the_ends(formula: Any, turns: Sequence[Turn]) -> list[Any]:
    """A formula at the first and at the last turns, between which it lies at all others; else the formula itself."""
    present = [turn for turn in turns if turn.symbol in formula.free_symbols]
    if any(not formula.is_polynomial(turn.symbol) or sympy.degree(formula, turn.symbol) > 1 for turn in present):
        return [formula]
    ends = product(*((sympy.S.Zero, turn.count - 1) for turn in present))
    return [formula.subs(list(zip((turn.symbol for turn in present), end, strict=True))) for end in ends]


def _least(turns: Sequence[Turn]) -> Mapping[Any, int]:
    """The least that sizes can be where a turn is taken at all: with ``L - 1`` turns, L is 2 or more."""
    least: dict[Any, int] = {}
    for turn in turns:
        size, rest = sympy.expand(turn.count).as_independent(*turn.count.free_symbols, as_Add=True)[::-1]
        if size.is_Symbol and rest.is_Integer:
            least[size] = max(least.get(size, 1), 1 - int(rest))
    return least


def _never_negative(formula: Any, least: Mapping[Any, int]) -> bool:
    """Whether a formula of sizes is 0 or more wherever they are 1 or more, or as much as is given."""
    shifts = {size: size + least.get(size, 1) for size in formula.free_symbols if size.is_positive}
    shifted = sympy.expand(formula.subs(shifts, simultaneous=True))
    terms = sympy.Add.make_args(shifted)
    return all(term.is_nonnegative for term in terms)
