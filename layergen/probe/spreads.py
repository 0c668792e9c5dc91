"""Initial values that torch's initializers draw: the mean and the standard deviation of each distribution."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

from torch import nn

from layergen.run.initial import fans


def initializer_spread(name: str, given: Mapping[str, Any], shape: tuple[int, ...]) -> float | None:
    """The standard deviation of the values that an initializer draws; None of one that draws nothing."""
    gain = given.get("gain", 1.0)
    fan_in, fan_out = fans(shape) if len(shape) >= 2 else (1, 1)
    match name:
        case "uniform":
            return float(given["b"] - given["a"]) / math.sqrt(12)
        case "normal":
            return float(given["std"])
        case "trunc_normal":
            return truncated(given["mean"], given["std"], given["a"], given["b"])
        case "xavier_uniform" | "xavier_normal":
            return float(gain * math.sqrt(2 / (fan_in + fan_out)))
        case "kaiming_uniform" | "kaiming_normal":
            gain = nn.init.calculate_gain(given["nonlinearity"], given["a"])
            return gain / math.sqrt(fan_in if given["mode"] == "fan_in" else fan_out)
        case "orthogonal":
            return float(gain / math.sqrt(max(shape[0], math.prod(shape[1:]))))
        case "sparse":
            zeros = math.ceil(given["sparsity"] * shape[0])
            return float(given["std"] * math.sqrt(1 - zeros / shape[0]))
    return None


def initializer_mean(name: str, given: Mapping[str, Any]) -> float:
    """The mean of the values that an initializer draws."""
    match name:
        case "uniform":
            return float(given["a"] + given["b"]) / 2
        case "normal":
            return float(given["mean"])
        case "trunc_normal":
            return _truncated(given["mean"], given["std"], given["a"], given["b"])[0]
    return 0.0


def truncated(mean: float, std: float, low: float, high: float) -> float:
    """The standard deviation of a normal distribution between two ends."""
    return _truncated(mean, std, low, high)[1]


def _truncated(mean: float, std: float, low: float, high: float) -> tuple[float, float]:
    """The mean and the standard deviation of a normal distribution between two ends."""
    normal = NormalDist()
    start, end = (low - mean) / std, (high - mean) / std
    mass = normal.cdf(end) - normal.cdf(start)
    if mass < 1e-6:  # far out, where the formula is a difference of nearly equal numbers
        return math.nan, math.nan
    at_start, at_end = normal.pdf(start), normal.pdf(end)
    shift = (at_start - at_end) / mass
    return mean + std * shift, std * math.sqrt(1 + (start * at_start - end * at_end) / mass - shift**2)
