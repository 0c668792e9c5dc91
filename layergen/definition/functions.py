"""The functions of numbers that a definition may call, computed as a formula means them: limits, no errors."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.parser import parse_expression
from layergen.lang.scalars import BROADCAST, BROADCASTABLE, LIMIT, SCALARS

Function = Callable[..., Any]


def _logarithm(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def have_limits(function: str, values: Sequence[Any]) -> bool:
    """Whether plain Python raises an error in the place of one of the numbers that a function gives for finite ones."""
    return not all(map(math.isfinite, values)) or (function == "sigmoid" and not all(values))


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
        **{name: function.python for name, function in SCALARS.items() if name not in (BROADCAST, BROADCASTABLE)},
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
        "logsumexp": "logsumexp[j](x[n, j])",
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

NUMBER = "a number"  # what a function is given in the formulas below; no name of a spec is like it

# What an argument that is a function may be, beside the functions of one number: each at the defaults that its op has.
_FORMULAS = MappingProxyType(
    {
        "celu": "x if x > 0 else exp(x) - 1",
        "elu": "x if x > 0 else exp(x) - 1",
        "expm1": "exp(x) - 1",
        "gelu": "x * (1 + erf(x / sqrt(2))) / 2",
        "hardshrink": "x if abs(x) > 0.5 else 0",
        "hardsigmoid": "min(max(x + 3, 0), 6) / 6",
        "hardswish": "x * min(max(x + 3, 0), 6) / 6",
        "hardtanh": "min(max(x, -1), 1)",
        "leaky_relu": "max(x, 0.01 * x)",
        "log1p": "log(1 + x)",
        "logsigmoid": "-log(1 + exp(-x))",
        "mish": "x * tanh(log(1 + exp(x)))",
        "neg": "-x",
        "reciprocal": "1 / x",
        "relu": "max(x, 0)",
        "relu6": "min(max(x, 0), 6)",
        "rsqrt": "1 / sqrt(x)",
        "selu": "1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (exp(x) - 1))",
        "silu": "x * sigmoid(x)",
        "softplus": "log(1 + exp(x))",
        "softshrink": "x - 0.5 if x > 0.5 else x + 0.5 if x < -0.5 else 0",
        "softsign": "x / (1 + abs(x))",
        "square": "x ** 2",
        "tanhshrink": "x - tanh(x)",
        **{
            name: f"{name}(x)"
            for name in ("abs", "atan", "ceil", "cos", "cosh", "erf", "exp", "floor", "log", "log2", "round", "sigmoid")
        },
        **{name: f"{name}(x)" for name in ("log10", "sin", "sinh", "sqrt", "tan", "tanh")},
    }
)


@cache
def formula(name: object) -> ex.Expression | None:
    """What a function that goes by the name of an op makes of `NUMBER`, if a definition can say it."""
    text = _FORMULAS.get(name) if isinstance(name, str) else None
    if text is None:
        return None
    return ex.transform(parse_expression(text), lambda node: ex.Name(NUMBER) if node == ex.Name("x") else None)
