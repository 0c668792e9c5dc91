"""Formulas of sizes: bring them to one form, compare them, and print them as a spec would say them."""

from typing import Any

import sympy
from sympy.printing.str import StrPrinter


def symbol(name: str) -> sympy.Symbol:
    """The symbol for a name of the spec, ``kernel_size[0]`` included: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


def canonical(expression: Any) -> Any:
    """A formula with its quotients spread out, so that whole parts leave the floor: ``(a + b) // b`` is ``a // b + 1``."""
    if not isinstance(expression, sympy.Basic):
        return sympy.sympify(expression)
    return expression.replace(sympy.floor, lambda part: sympy.floor(sympy.expand(part)))


def same(left: Any, right: Any) -> bool:
    """Whether two formulas are equal for all values of their names, as far as algebra can tell."""
    difference = sympy.expand(canonical(left) - canonical(right))
    return bool(difference == 0)


class SpecPrinter(StrPrinter):  # type: ignore[misc]
    """Prints formulas in the language of specs."""

    def _print_floor(self, expression: Any) -> str:
        numerator, denominator = sympy.fraction(sympy.together(expression.args[0]))
        top, bottom = self._print(numerator), self._print(denominator)
        top = f"({top})" if numerator.is_Add else top
        bottom = bottom if denominator.is_Atom else f"({bottom})"
        return f"{top} // {bottom}"

    def _print_ceiling(self, expression: Any) -> str:
        return f"-({self._print(-expression.args[0])} // 1)"

    def _print_Mod(self, expression: Any) -> str:
        left, right = expression.args
        top = f"({self._print(left)})" if left.is_Add else self._print(left)
        return f"{top} % {self._print(right)}"

    def _print_Max(self, expression: Any) -> str:
        return f"max({', '.join(self._print(part) for part in expression.args)})"

    def _print_Min(self, expression: Any) -> str:
        return f"min({', '.join(self._print(part) for part in expression.args)})"

    def _print_Mul(self, expression: Any) -> str:
        parts = []
        for part in expression.as_ordered_factors():
            text = self._print(part)
            parts.append(f"({text})" if part.is_Add or isinstance(part, sympy.floor | sympy.Mod) else text)
        text = " * ".join(parts)
        return text.replace("-1 * ", "-", 1) if text.startswith("-1 * ") else text

    def _print_Pow(self, expression: Any) -> str:
        base, exponent = expression.args
        text = self._print(base)
        return f"{text if base.is_Atom else f'({text})'}**{self._print(exponent)}"

    def _print_Add(self, expression: Any, order: Any = None) -> str:
        terms = sorted(expression.args, key=lambda term: (term.is_number, term.could_extract_minus_sign(), str(term)))
        text = self._print(terms[0])
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            text += f" {'-' if negative else '+'} {self._print(-term if negative else term)}"
        return text

    def _print_Relational(self, expression: Any) -> str:
        return f"{self._print(expression.lhs)} {expression.rel_op} {self._print(expression.rhs)}"


def shown(expression: Any) -> str:
    """A formula as a spec would say it."""
    return str(SpecPrinter().doprint(expression))
