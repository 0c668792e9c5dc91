"""Whether two formulas of sizes agree wherever the constraints of a layer hold.

Two ways, beyond bringing both to one form. A division by a name is exact where a constraint says so: with
``C % groups == 0``, ``groups * (C // groups)`` is ``C``. And a division by a number is told by remainders: every size
is ``n * q + r``, and there are but ``n`` values of ``r``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy

from layergen.prove.formula import canonical, same

CASES = 256  # no more remainders than these are looked at


@dataclass(frozen=True)
class Congruence:
    """What a constraint says of a remainder: ``left % divisor == remainder``."""

    left: Any
    divisor: Any
    remainder: Any

    @property
    def multiple(self) -> Any:
        """What the divisor divides."""
        return sympy.expand(self.left - self.remainder)


def agree(left: Any, right: Any, known: Sequence[Congruence]) -> bool:
    """Whether two formulas are equal for all positive integers that keep what is known, as far as this can tell."""
    if same(left, right):
        return True
    left, right = (_exact(formula, known) for formula in (left, right))
    return same(left, right) or _by_remainders(left - right, known)


def simplified(formula: Any, known: Sequence[Congruence]) -> Any:
    """A formula without floors, where those divide what they divide exactly and nothing is left of them."""
    if not known or not formula.has(sympy.floor):
        return formula
    exact = sympy.expand(_exact(formula, known))
    names = sorted(exact.free_symbols, key=str)
    return exact if exact.is_polynomial(*names) and (not names or _integral(exact, names)) else formula


def _exact(formula: Any, known: Sequence[Congruence]) -> Any:
    """A formula without the floors of divisions that leave a known remainder, the innermost first."""
    if not formula.args or not formula.has(sympy.floor):
        return formula
    parts = [_exact(part, known) for part in formula.args]
    if not isinstance(formula, sympy.floor):
        return formula.func(*parts)
    above, below = sympy.fraction(sympy.together(sympy.cancel(parts[0])))
    for fact in known:
        factor = sympy.cancel(below / fact.divisor)
        if factor.is_number:
            quotient = _multiple(above, sympy.expand(factor * fact.multiple), below)
            if quotient is not None:
                return quotient
    return sympy.floor(parts[0])


def _multiple(above: Any, multiple: Any, below: Any) -> Any | None:
    """``above // below`` where ``below`` divides ``multiple``; None unless ``above`` is a multiple of it and a rest."""
    names = sorted(above.free_symbols | multiple.free_symbols, key=str)
    if not names or not (above.is_polynomial(*names) and multiple.is_polynomial(*names)):
        return None
    times, rest = sympy.div(above, multiple, *names)
    if times == 0 or not _integral(times, names) or not rest.is_Integer:
        return None
    return sympy.expand(times * multiple / below) + sympy.floor(rest / below)


def _integral(formula: Any, names: Sequence[Any]) -> bool:
    """Whether a polynomial has whole coefficients."""
    return all(part.is_Integer for part in sympy.Poly(formula, *names).coeffs())


def _by_remainders(difference: Any, known: Sequence[Congruence]) -> bool:
    """Whether a formula is zero whatever remainders its sizes leave by the numbers that it divides by."""
    moduli = _moduli(difference)
    if not moduli or math.prod(moduli.values()) > CASES:
        return False
    at = (canonical(difference.xreplace(sizes)) for sizes in _remainders(moduli, known))
    return all(sympy.expand(formula) == 0 for formula in at)


def _moduli(formula: Any) -> Mapping[Any, int]:
    """For each size of which a floor divides some multiple by a number, the number to tell its remainder by."""
    moduli: dict[Any, int] = {}
    for part in formula.atoms(sympy.floor):
        below = sympy.fraction(sympy.together(part.args[0]))[1]
        for name in part.free_symbols if below.is_Integer else ():
            moduli[name] = math.lcm(moduli.get(name, 1), int(below))
    return moduli


def _remainders(moduli: Mapping[Any, int], known: Sequence[Congruence]) -> Iterator[Mapping[Any, Any]]:
    """The sizes as ``n * q + r`` with each choice of remainders that the constraints allow."""
    wholes = {name: sympy.Symbol(f"{name}'", integer=True, nonnegative=True) for name in moduli}
    for chosen in product(*map(range, moduli.values())):
        remainders = dict(zip(moduli, chosen, strict=True))
        sizes = {name: moduli[name] * wholes[name] + rest for name, rest in remainders.items()}
        facts = (sympy.expand(fact.multiple.xreplace(sizes)) % fact.divisor.xreplace(sizes) for fact in known)
        if not any(fact.is_Integer and fact != 0 for fact in facts):
            yield sizes
