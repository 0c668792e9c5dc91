"""The functions by which a definition draws random numbers. Each entry of a name is drawn once."""

from collections.abc import Callable
from random import Random
from types import MappingProxyType
from typing import Any


class RandomFault(Exception):
    """A random number is asked for where one value is meant."""


def _bernoulli(random: Random, chance: Any) -> int:
    if not 0 <= chance <= 1:
        raise ValueError(f"a chance is in [0, 1], and this is {chance:g}")
    return int(random.random() < chance)


def _uniform(random: Random, low: Any, high: Any) -> float:
    return random.uniform(low, high)


def _normal(random: Random, mean: Any, spread: Any) -> float:
    if spread < 0:
        raise ValueError(f"a standard deviation is not negative, and this is {spread:g}")
    return random.gauss(mean, spread)


DRAWN: MappingProxyType[str, Callable[..., float]] = MappingProxyType(
    {"bernoulli": _bernoulli, "normal": _normal, "uniform": _uniform}
)
TAKES = MappingProxyType(
    {"bernoulli": ("chance of a 1",), "normal": ("mean", "standard deviation"), "uniform": ("lower end", "upper end")}
)
SPELLED = MappingProxyType({"normal": "gauss"})  # where Python's generator calls it so

# What is an op elsewhere, by the numbers that it draws.
MEANT = MappingProxyType(
    {
        "dropout": "x[n, i] * keep[n, i] / (1 - p)` with `keep[n, i] = bernoulli(1 - p)",
        "rand": "uniform(0, 1)",
        "rand_like": "uniform(0, 1)",
        "randn": "normal(0, 1)",
        "randn_like": "normal(0, 1)",
        "random": "uniform(0, 1)",
        "gauss": "normal(0, 1)",
        "gaussian": "normal(0, 1)",
        "exponential": "-log(uniform(0, 1))",
        "gumbel": "-log(-log(uniform(0, 1)))",
    }
)
