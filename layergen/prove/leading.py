"""The text of formulas in which the dimensions that `...` stands for come as their product, where only that matters."""

from typing import Any

import sympy

from layergen.prove.formula import shown, symbol
from layergen.prove.hints import LEADING_NAMES


def formula_text(formula: Any) -> str:
    """A formula in the names of the spec: ``prod(...)`` for all leading dimensions together."""
    first, second = (symbol(name) for name in LEADING_NAMES)
    product = symbol("prod(...)")
    joined = sympy.expand(formula.xreplace({first: product / second})) if formula.has(first, second) else formula
    return shown(formula if joined.has(second) else joined)
