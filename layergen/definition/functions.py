"""The functions of numbers that a definition may call, computed as a formula means them: limits, no errors."""

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from layergen.lang.scalars import LIMIT, SCALARS

Function = Callable[..., Any]


def _logarithm(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def divide(left: Any, right: Any) -> Any:
    """A quotient; of a zero divisor, the limit that floats have."""
    if right:
        return left / right
    return math.nan if not left or left != left else math.copysign(math.inf, left)


def power(base: Any, exponent: Any) -> Any:
    """A power; NaN where it is no real number."""
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) > 63:
        base = float(base)
    if base == 0 and exponent < 0:
        return math.inf
    value = base**exponent
    return math.nan if isinstance(value, complex) else bounded(value)


def multiply(left: Any, right: Any) -> Any:
    """A product."""
    value = left * right
    return value if type(value) is float else bounded(value)


def bounded(value: Any) -> Any:
    """A number; an integer that is too large becomes a float, so that nothing grows without end.

    Raises:
        OverflowError: If it is too large for one.
    """
    return float(value) if isinstance(value, int) and abs(value) >= LIMIT else value


# Those of the language, and more that papers use.
FUNCTIONS: MappingProxyType[str, Function] = MappingProxyType(
    {
        **{name: function.python for name, function in SCALARS.items()},
        "log": _logarithm,
        "erf": math.erf,
        "sinh": math.sinh,
        "cosh": math.cosh,
        "atan": math.atan,
        "sigmoid": _sigmoid,
    }
)

# What is an op elsewhere, written out.
WRITTEN_OUT = MappingProxyType(
    {
        "softmax": "exp(x[n, i]) / sum[j](exp(x[n, j]))",
        "log_softmax": "x[n, i] - log(sum[j](exp(x[n, j])))",
        "logsumexp": "log(sum[j](exp(x[n, j])))",
        "relu": "max(x[n, i], 0)",
        "silu": "x[n, i] * sigmoid(x[n, i])",
        "gelu": "x[n, i] * (1 + erf(x[n, i] / sqrt(2))) / 2",
        "softplus": "log(1 + exp(x[n, i]))",
        "square": "x[n, i] ** 2",
        "rsqrt": "1 / sqrt(x[n, i])",
        "where": "a if c else b",
        "masked_fill": "value if mask[n, i] else x[n, i]",
        "pow": "x[n, i] ** 2",
        "norm": "sqrt(sum[i](x[n, i] ** 2))",
        "clamp": "min(max(x[n, i], low), high)",
        "linear": "sum[i](weight[o, i] * x[n, i])",
    }
)

# How generated code spells them, where that is not the language's way.
SOURCES = MappingProxyType(
    {
        **{name: function.text for name, function in SCALARS.items()},
        **{name: f"math.{name}" for name in ("erf", "sinh", "cosh", "atan")},
    }
)
