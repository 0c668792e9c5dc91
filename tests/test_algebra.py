"""Formulas that agree only where constraints hold, or only after each remainder has been looked at."""

from collections.abc import Sequence
from itertools import product

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from sympy import Max, Min, floor

from layergen.prove.algebra import Congruence, agree, simplified
from layergen.prove.formula import symbol, value

C, G, H, K, W = (symbol(name) for name in ("C", "groups", "H", "kernel_size", "W"))
GROUPS = Congruence(C, G, sympy.Integer(0))
ODD = Congruence(K, sympy.Integer(2), sympy.Integer(1))
HALVED = Congruence(G * (K - 1), sympy.Integer(2), sympy.Integer(0))

ALIKE = [
    (G * floor(C / G), C, (GROUPS,)),
    (G * floor(2 * C / G), 2 * C, (GROUPS,)),
    (floor((C + G) / G), floor(C / G) + 1, (GROUPS,)),
    (floor(C / floor(C / G)), G, (GROUPS,)),
    (H + 2 * floor(K / 2) - K + 1, H, (ODD,)),
    (H + 2 * floor(G * (K - 1) / 2) - G * (K - 1), H, (HALVED,)),
    (floor((K - 1) / 2) + floor(K / 2), K - 1, ()),
    (floor((H + 2) / 3), floor((H - 1) / 3) + 1, ()),
    (Min(floor((H + 2) / 6), -floor((-H + 10) / 6)) + 1, floor((H - 5) / 6) + 1, ()),
    (floor(H / 2) * floor((W + 3) / 3), floor(H / 2) * (floor(W / 3) + 1), ()),
    (Max(floor(H / 2), -floor(-H / 2)), floor((H + 1) / 2), ()),
]
APART = [
    (G * floor(C / G), C, ()),
    (G * floor(C / G), C, (ODD,)),
    (G * floor(H / G), H, (GROUPS,)),
    (H + 2 * floor(K / 2) - K + 1, H, ()),
    (floor((C + 1) / G), floor(C / G), (GROUPS,)),
    (floor(C / (2 * G)) * 2 * G, C, (GROUPS,)),
    (floor(H / 2), floor((H + 1) / 2), ()),
    (floor(H / 1000), floor(H / 999), ()),
]


@pytest.mark.parametrize(("left", "right", "known"), ALIKE, ids=str)
def test_alike(left: sympy.Expr, right: sympy.Expr, known: Sequence[Congruence]) -> None:
    assert agree(left, right, known)
    assert agree(right, left, known)


@pytest.mark.parametrize(("left", "right", "known"), APART, ids=str)
def test_apart(left: sympy.Expr, right: sympy.Expr, known: Sequence[Congruence]) -> None:
    assert not agree(left, right, known)


def quotients() -> st.SearchStrategy[sympy.Expr]:
    """Divisions of sums, by a number and by a name."""
    above = st.builds(lambda a, b, c: a * C + b * K + c, *[st.integers(-3, 3)] * 3)
    below = st.sampled_from([sympy.Integer(2), sympy.Integer(3), G, 2 * G])
    return st.builds(lambda top, bottom: floor(top / bottom), above, below)


FORMULAS = st.recursive(
    st.one_of(quotients(), st.sampled_from([C, G, K, sympy.Integer(2)])),
    lambda parts: st.one_of(*(st.builds(combine, parts, parts) for combine in (sympy.Add, sympy.Mul, Min))),
    max_leaves=4,
)


@examples(40)
@given(FORMULAS, st.integers(-1, 1), st.sets(st.sampled_from([GROUPS, ODD, HALVED]), min_size=1))
def test_what_agrees_is_equal_wherever_the_constraints_hold(
    formula: sympy.Expr, more: int, known: set[Congruence]
) -> None:
    """A formula beside the same with exact divisions, which is another thing where a remainder is left."""
    exact = formula.replace(floor, lambda part: part + sympy.Rational(more, 2))
    facts = sorted(known, key=str)
    if not agree(formula, exact, facts):
        return
    for c, g, k in product(range(1, 13), range(1, 5), range(1, 8)):
        at = {"C": c, "groups": g, "kernel_size": k}
        if all(value(fact.left, at) % value(fact.divisor, at) == fact.remainder for fact in facts):
            assert value(formula, at) == value(exact, at)


@examples(25)
@given(FORMULAS, st.integers(1, 3))
def test_a_formula_agrees_with_itself_written_otherwise(formula: sympy.Expr, times: int) -> None:
    """A whole number comes out of a floor, or goes into it."""
    moved = formula.replace(floor, lambda part: floor(part + times, evaluate=False) - times)
    assert agree(formula, moved, ())


@pytest.mark.parametrize(
    ("formula", "known", "simple"),
    [
        (G * floor(C / G), (GROUPS,), C),
        (2 * H * G * floor(C / G) + 3, (GROUPS,), 2 * H * C + 3),
        (floor(C / G), (GROUPS,), floor(C / G)),
        (G * floor(C / G), (), G * floor(C / G)),
        (floor(K / 2), (ODD,), floor(K / 2)),
    ],
)
def test_a_floor_goes_where_nothing_is_left_of_a_division(
    formula: sympy.Expr, known: Sequence[Congruence], simple: sympy.Expr
) -> None:
    assert simplified(formula, known) == simple
