"""The text of formulas in which the dimensions that `...` stands for come as their product, where only that matters."""

from typing import Any

import sympy

from layergen.prove.formula import shown, symbol
from layergen.prove.hints import LEADING_NAMES


def formula_text(formula: Any, run: str | None = None) -> str:
    """A formula in the names of the spec: ``prod(...)`` for all leading dimensions together, or by their run's name."""
    names = [symbol(name) for name in LEADING_NAMES]
    count = max((index + 1 for index, name in enumerate(names) if formula.has(name)), default=0)
    if count < 2:
        return _by_run(shown(formula), run)
    first, *others = names[:count]
    product = symbol("prod(...)")
    joined = sympy.expand(formula.xreplace({first: product / sympy.prod(others)}))
    return _by_run(shown(formula if joined.has(*others) else joined), run)


def _by_run(text: str, run: str | None) -> str:
    return text.replace("...[", f"{run}[").replace("prod(...)", f"prod({run})") if run else text
