"""Formulas of sizes: bring them to one form, compare them, and print them as a spec would say them."""

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy
from sympy.printing.str import StrPrinter


def symbol(name: str) -> sympy.Symbol:
    """The symbol for a name of the program, ``kernel_size[0]`` included: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


def canonical(expression: Any) -> Any:
    """A formula with its quotients spread out: whole parts leave the floor, ``(a + b) // b`` is ``a // b + 1``."""
    if not isinstance(expression, sympy.Basic):
        return sympy.sympify(expression)
    if not expression.has(sympy.floor):
        return expression
    return expression.replace(sympy.floor, lambda part: sympy.floor(sympy.expand(part)))


def same(left: Any, right: Any) -> bool:
    """Whether two formulas are equal for all values of their names, as far as algebra can tell."""
    if left == right:
        return True
    difference = sympy.expand(canonical(left) - canonical(right))
    return bool(difference == 0)


Point = Mapping[str, int]  # a value for each name


def value(expression: Any, at: Point) -> Any:
    """What a formula comes to where its names have these values: a number or a truth value.

    Raises:
        ArithmeticError: If something is divided by zero.
        ValueError: If the formula has a function that is not known here.
    """
    return values(expression, {name: (number,) for name, number in at.items()}, 1)[0]


def values(expression: Any, columns: Mapping[str, Sequence[int]], count: int) -> Sequence[Any]:
    """What a formula comes to at many points at once, for each name its values there. Errors are those of `value`."""
    return _computation(expression)(columns, count)


Columns = Mapping[str, Sequence[int]]


@functools.lru_cache(maxsize=4096)  # the same formulas are computed at many points, one after the other
def _computation(expression: Any) -> Callable[[Columns, int], Sequence[Any]]:
    """What computes a formula at points; it raises the errors."""
    match expression:
        case sympy.Symbol(name=name):
            return lambda columns, count: columns[name]
        case sympy.Integer():
            return _always(int(expression))
        case sympy.Rational():
            return _always(Fraction(int(expression.p), int(expression.q)))
        case sympy.Float():
            return _always(float(expression))
        case sympy.logic.boolalg.BooleanTrue() | sympy.logic.boolalg.BooleanFalse():
            return _always(bool(expression))
        case sympy.floor(args=(quotient,)):
            return _quotient(*map(_computation, sympy.fraction(sympy.together(quotient))))
        case sympy.Pow(base=base, exp=sympy.Integer() as exponent) if exponent < 0:
            root, times = _computation(base), int(exponent)
            return lambda columns, count: [Fraction(value) ** times for value in root(columns, count)]
    return _operation(type(expression), [*map(_computation, expression.args)])


def _always(number: Any) -> Callable[[Columns, int], Sequence[Any]]:
    return lambda columns, count: (number,) * count


def _quotient(
    above: Callable[[Columns, int], Sequence[Any]], below: Callable[[Columns, int], Sequence[Any]]
) -> Callable[[Columns, int], Sequence[Any]]:
    def compute(columns: Columns, count: int) -> Sequence[Any]:
        pairs = zip(above(columns, count), below(columns, count), strict=True)
        return [int(top // bottom) for top, bottom in pairs]

    return compute


def _operation(
    kind: type, parts: Sequence[Callable[[Columns, int], Sequence[Any]]]
) -> Callable[[Columns, int], Sequence[Any]]:
    """What applies an operation to what parts come to."""
    pairwise = next((compute for known, compute in PAIRWISE.items() if issubclass(kind, known)), None)
    whole = next((compute for known, compute in OPERATIONS.items() if issubclass(kind, known)), None)

    def compute(columns: Columns, count: int) -> Sequence[Any]:
        found = [part(columns, count) for part in parts]
        if pairwise is not None:
            return functools.reduce(lambda left, right: list(map(pairwise, left, right)), found)
        if whole is not None:
            return list(map(whole, *found))
        raise ValueError(f"no way to compute {kind.__name__}")

    return compute


PAIRWISE: dict[type, Callable[[Any, Any], Any]] = {sympy.Add: operator.add, sympy.Mul: operator.mul}
OPERATIONS: dict[type, Callable[..., Any]] = {
    sympy.Pow: operator.pow,
    sympy.ceiling: math.ceil,
    sympy.Mod: operator.mod,
    sympy.Abs: abs,
    sympy.Max: max,
    sympy.Min: min,
    sympy.Eq: operator.eq,
    sympy.Ne: operator.ne,
    sympy.Ge: operator.ge,
    sympy.Gt: operator.gt,
    sympy.Le: operator.le,
    sympy.Lt: operator.lt,
    sympy.And: lambda *parts: all(parts),
    sympy.Or: lambda *parts: any(parts),
    sympy.Not: operator.not_,
}


class SpecPrinter(StrPrinter):  # type: ignore[misc]
    """Prints formulas in the language of specs."""

    def _print_floor(self, expression: Any) -> str:
        return self.quotient(expression.args[0])

    def _print_ceiling(self, expression: Any) -> str:
        return f"-({self.quotient(-expression.args[0])})"

    def quotient(self, expression: Any) -> str:
        """A division that is rounded down."""
        numerator, denominator = sympy.fraction(sympy.together(expression))
        top, bottom = self._print(numerator), self._print(denominator)
        top = f"({top})" if numerator.is_Add else top
        bottom = bottom if denominator.is_Atom else f"({bottom})"
        return f"{top} // {bottom}"

    def _print_Mod(self, expression: Any) -> str:
        left, right = (self._print(part) if part.is_Atom else f"({self._print(part)})" for part in expression.args)
        return f"{left} % {right}"

    def _print_Max(self, expression: Any) -> str:
        return f"max({', '.join(self._print(part) for part in expression.args)})"

    def _print_Min(self, expression: Any) -> str:
        return f"min({', '.join(self._print(part) for part in expression.args)})"

    def _print_Mul(self, expression: Any) -> str:
        numerator, denominator = sympy.fraction(expression)
        if denominator != 1:
            bottom = self._print(denominator)
            return f"{self.factor(numerator)} / {bottom if denominator.is_Atom else f'({bottom})'}"
        text = " * ".join(self.factor(part) for part in expression.as_ordered_factors())
        return text.replace("-1 * ", "-", 1) if text.startswith("-1 * ") else text

    def factor(self, part: Any) -> str:
        text = str(self._print(part))
        return f"({text})" if part.is_Add or isinstance(part, sympy.floor | sympy.Mod) else text

    def _print_Pow(self, expression: Any, **_: Any) -> str:
        base, exponent = expression.args
        if sympy.fraction(expression)[1] != 1:
            return self._print_Mul(expression)
        text, power = self._print(base), self._print(exponent)
        power = power if exponent.is_Symbol or exponent.is_Integer else f"({power})"
        return f"{text if base.is_Atom else f'({text})'}**{power}"

    def _print_Add(self, expression: Any, **_: Any) -> str:
        terms = sorted(expression.args, key=_order)
        text = str(self._print(terms[0]))
        for term in terms[1:]:
            negative = term.could_extract_minus_sign()
            text += f" {'-' if negative else '+'} {self._print(-term if negative else term)}"
        return text

    def _print_And(self, expression: Any) -> str:
        texts = {part: self._print(part) for part in _parts(expression)}
        return " and ".join(f"({text})" if isinstance(part, sympy.Or) else text for part, text in texts.items())

    def _print_Or(self, expression: Any) -> str:
        return " or ".join(self._print(part) for part in _parts(expression))

    def _print_Not(self, expression: Any) -> str:
        return f"not ({self._print(expression.args[0])})"

    def _print_Relational(self, expression: Any) -> str:
        """A comparison, every term on the side where it is positive; one of a product with a number as it is."""
        factors = expression.lhs.args if expression.lhs.is_Mul and expression.rhs.is_Integer else ()
        if any(part.is_Add for part in factors) and not any(part.is_number for part in factors):
            return f"{self._print(expression.lhs)} {expression.rel_op} {expression.rhs}"
        sides = sympy.Add.make_args(sympy.expand(expression.lhs - expression.rhs))
        positive = sympy.Add(*(term for term in sides if not term.could_extract_minus_sign()))
        negative = sympy.Add(*(-term for term in sides if term.could_extract_minus_sign()))
        return f"{self._print(positive)} {expression.rel_op} {self._print(negative)}"


def _order(term: Any) -> tuple[bool, bool, bool, str]:
    """Plain names first, then products, then what is taken away, and numbers last."""
    return term.is_number, term.could_extract_minus_sign(), not term.is_Symbol, str(term)


def _parts(expression: Any) -> list[Any]:
    """The conditions that are joined, in an order that does not change."""
    return sorted(expression.args, key=str)


def shown(expression: Any) -> str:
    """A formula as a spec would say it."""
    return str(SpecPrinter().doprint(expression))
