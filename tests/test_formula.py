"""Formulas: brought to one form, compared, computed and printed as a spec would say them."""

from collections.abc import Mapping

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, points
from sympy import Integer, Max, Min, Mod, Rational, ceiling, floor

from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter
from layergen.lang.parser import parse_expression
from layergen.prove.formula import canonical, same, shown, symbol, value, values

H, K, P, S, N = (symbol(name) for name in ("H", "kernel_size[0]", "padding", "stride", "N"))
WINDOW = floor((H + 2 * P - K) / S) + 1

FORMULAS = [
    *(H, Integer(3), Integer(-3), H + 1, H - 1, -H, 2 * H * N, H * (N + 1), (H + 1) * (N - 1), H - 2 * N, -H - N),
    *(WINDOW, WINDOW * N, 2 * WINDOW - 1, N - WINDOW, floor(H / 2), floor(H / (N * S)), floor((H + N) / (S + 1))),
    *(floor(WINDOW / 2), floor(floor(H / S) / K), 3 * floor(H / 2) * floor(N / 2), floor(H / 3 + N / 2)),
    *(H**2, (H + 1) ** 2, -(H**2), 2 * H**3, (2 * H) ** 2, sympy.Pow(H, N, evaluate=False)),
    *(Mod(H, S), Mod(H + 1, S), 2 * Mod(H, S), Mod(H, S) + N, N - Mod(H, S), H * Mod(N, S), Mod(H * N, S + 1)),
    *(Max(H, N), Min(H, N + 1), 2 * Max(1, H - N), Max(H, Min(N, S)), N - Max(H, S), floor(Max(H, N) / 2)),
    *(ceiling(H / 2), ceiling((H - K) / S) + 1, 2 * ceiling(H / 2), N - ceiling(H / S)),
    *(1 / H, 1 / (H * N), (1 - H) / S, floor(H / 2) / S, -(H**-2), sympy.Pow(H, Rational(1, 2)), (H + N) ** (S + 1)),
    *(H / S, H * N / S, Rational(1, 2) * H, H / 2 + N / 3, (H + N) / S, H / (S * N), (H + 1) / (S * (N + 1))),
    *(Mod(H, S) ** 2, WINDOW**2, Max(H, N) ** 2, Mod(floor(H / 2), S), floor(Mod(H, S) / 2)),
]
CONDITIONS = [
    *(sympy.Eq(H, N), sympy.Ne(H, N), sympy.Eq(Mod(H, S), 0), H + 2 * P >= K, H - K > 0, H < N - 1, H * N <= 2 * S + 1),
    *(sympy.Eq(H - N, 1 - S), WINDOW > 0, H - N >= -3, sympy.And(H > N, N > S), sympy.Or(H > N, sympy.Eq(S, 1))),
    *(sympy.And(sympy.Or(H > N, sympy.Eq(S, 1)), N > S), sympy.Or(H > N, N > S, S > K)),
    sympy.Not(sympy.And(H > N, N > S)),
]


NAMES = [str(part) for part in (H, K, P, S, N)]
SIZES = points(dict.fromkeys(NAMES, (1, 12)))


def evaluated(text: str, at: Mapping[str, int]) -> object:
    """What a spec would compute from a text."""

    def number(node: ex.Expression) -> ex.Expression | None:
        name = ex.show(node) if isinstance(node, ex.Name | ex.Subscript) else None
        return ex.Literal(at[name]) if name is not None and name in at else None

    return Interpreter({}).evaluate(ex.transform(parse_expression(text), number))


@examples(600)
@given(st.sampled_from([*FORMULAS, *CONDITIONS]), SIZES)
def test_what_is_shown_means_the_formula(formula: sympy.Basic, at: Mapping[str, int]) -> None:
    assert evaluated(shown(formula), at) == pytest.approx(truth(formula, at), rel=1e-12)


@examples(600)
@given(st.sampled_from([*FORMULAS, *CONDITIONS]), st.lists(SIZES, min_size=1, max_size=3))
def test_what_is_computed_is_the_formula(formula: sympy.Basic, tried: list[Mapping[str, int]]) -> None:
    columns = {name: [at[name] for at in tried] for name in tried[0]}
    for at, found in zip(tried, values(formula, columns, len(tried)), strict=True):
        assert found == value(formula, at) == pytest.approx(truth(formula, at), rel=1e-12)


def truth(formula: sympy.Basic, at: Mapping[str, int]) -> float:
    """What sympy itself makes of a formula."""
    result = formula.subs({symbol(name): number for name, number in at.items()})
    return bool(result) if result.is_Boolean else float(result)


@examples(600)
@given(st.sampled_from(FORMULAS), SIZES)
def test_one_form_has_the_same_value(formula: sympy.Basic, at: Mapping[str, int]) -> None:
    assert value(canonical(formula), at) == value(formula, at)


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_a_formula_is_the_same_as_its_one_form(formula: sympy.Basic) -> None:
    assert same(formula, canonical(formula))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (floor((H - S) / S) + 1, floor(H / S)),
        (floor((H + 2 * P - K) / S + 1), WINDOW),
        (floor((H - K) / S) * N + N, (floor((H - K) / S) + 1) * N),
        ((H + 1) ** 2, H**2 + 2 * H + 1),
        (floor((2 * H + 4) / 2), H + 2),
        (Integer(4), 4),
    ],
)
def test_formulas_that_are_equal_for_all_sizes_are_the_same(left: object, right: object) -> None:
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [(floor(H / S), H / S), (floor((H + 1) / S), floor(H / S) + 1), (H, N), (WINDOW, WINDOW - 1), (Integer(1), 0)],
)
def test_formulas_that_differ_somewhere_are_not_the_same(left: object, right: object) -> None:
    assert not same(left, right)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (WINDOW, "(H + 2 * padding - kernel_size[0]) // stride + 1"),
        (floor(H / (2 * S)), "H // (2 * stride)"),
        (ceiling(H / 2), "-(-H // 2)"),
        (2 * H * N, "2 * H * N"),
        (-H, "-H"),
        (N - 1, "N - 1"),
        (H + 2 * P >= K, "H + 2 * padding >= kernel_size[0]"),
        (H * (N + 1) / 2, "H * (N + 1) / 2"),
        (sympy.Eq(Mod(H, S), 0), "H % stride == 0"),
        (H - N > -3, "H + 3 > N"),
    ],
)
def test_formulas_read_as_a_spec_says_them(formula: sympy.Basic, text: str) -> None:
    assert shown(formula) == text


def test_division_by_zero_is_an_error_of_arithmetic() -> None:
    for formula in (floor(H / (N - S)), H / (N - S), Mod(H, N - S)):
        with pytest.raises(ArithmeticError):
            value(formula, {"H": 3, "N": 2, "stride": 2})


def test_a_function_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no way to compute"):
        values(sympy.sin(H), {"H": [1]}, 1)
