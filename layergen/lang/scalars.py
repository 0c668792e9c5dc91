"""The scalar functions of the language: what they compute, and how generated code spells them."""

import builtins
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType

from layergen.lang.kinds import Kind

NUMBERS = MappingProxyType({"pi": math.pi, "inf": math.inf, "nan": math.nan})  # that have a name where tensors are
BROADCAST = "broadcast"  # the sizes that two lists of sizes have together
BROADCASTABLE = "broadcastable"  # whether they have such
LIMIT = 2**63  # integers of a spec stay below this in magnitude


@dataclass(frozen=True)
class ScalarFunction:
    """A function of numbers.

    Calling one with numbers (or, where it takes them, lists of numbers) raises nothing but `ArithmeticError`,
    `ValueError` and `TypeError`, and never computes an integer beyond `LIMIT` by more than one step.
    """

    python: Callable[..., int | float | list[int]]
    text: str  # its name in generated code
    result: Kind | None  # None: the kind of its arguments
    least: int = 1  # arguments that it takes at least
    most: int | None = 1  # and at most; None: any number


def _product(values: Iterable[int | float]) -> int | float:
    product: int | float = 1
    for value in values:
        product *= value
        if isinstance(product, int) and abs(product) >= LIMIT:
            raise OverflowError("the product is too large")
    return product


def _broadcastable(one: Sequence[int], other: Sequence[int]) -> bool:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return all(bool(left == right) or 1 in (left, right) for left, right in pairs)


def broadcast(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The sizes that two lists of sizes have together."""
    if not _broadcastable(one, other):
        raise ValueError(f"{list(one)} and {list(other)} are not broadcastable")
    pairs = zip_longest(reversed(one), reversed(other), fillvalue=1)
    return [right if left == 1 else left for left, right in pairs][::-1]


def _math(name: str, result: Kind = Kind.FLOAT) -> ScalarFunction:
    return ScalarFunction(getattr(math, name), f"math.{name}", result)


def _builtin(name: str, result: Kind | None, most: int | None = 1) -> ScalarFunction:
    return ScalarFunction(getattr(builtins, name), name, result, most=most)


SCALARS = MappingProxyType(
    {
        **{name: _math(name) for name in ("sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh")},
        "floor": _math("floor", Kind.INT),
        "ceil": _math("ceil", Kind.INT),
        "abs": _builtin("abs", None),
        "min": _builtin("min", None, most=None),
        "max": _builtin("max", None, most=None),
        "round": _builtin("round", Kind.INT),
        "int": _builtin("int", Kind.INT),
        "float": _builtin("float", Kind.FLOAT),
        "len": _builtin("len", Kind.INT),
        "sum": _builtin("sum", None),
        "prod": ScalarFunction(_product, "math.prod", None),
        BROADCAST: ScalarFunction(broadcast, BROADCAST, Kind.INTS, least=2, most=2),
        BROADCASTABLE: ScalarFunction(_broadcastable, BROADCASTABLE, Kind.BOOL, least=2, most=2),
    }
)
