"""By how many units of its last digit a tensor is off; the generated tests count them likewise."""

import math

import torch
from torch import Tensor


def floor(dtype: torch.dtype) -> float:
    """The size below which numbers lose digits by being small: in a dtype, or in float32, where they are computed."""
    kind = torch.finfo(dtype)
    return max(kind.tiny, torch.finfo(torch.float32).tiny / kind.eps)


def units_off(found: Tensor, exact: Tensor, dtype: torch.dtype, least: float) -> float:
    """By how many units of the last digit a tensor is off at most, of those numbers that a dtype holds."""
    held = exact.isfinite() & (exact.abs() < torch.finfo(dtype).max / 2)
    off, sizes = (found.double() - exact.double()).abs()[held], exact.double().abs()[held]
    if not off.numel():
        return 0.0
    smallest = max(least * float(sizes.mean()), torch.finfo(dtype).tiny)
    return float((off / sizes.clamp(min=smallest)).nan_to_num(nan=math.inf).max()) / torch.finfo(dtype).eps


def mean_off(found: Tensor, exact: Tensor, dtype: torch.dtype) -> float:
    """By how many units of the last digit a tensor is off on average, of those numbers that a dtype holds."""
    held = exact.isfinite() & (exact.abs() < torch.finfo(dtype).max / 2)
    off, right = (found.double() - exact.double())[held], exact.double()[held]
    size = max(float(right.norm()), floor(dtype) * len(right) ** 0.5)
    return float((off.norm() / size).nan_to_num(nan=math.inf)) / torch.finfo(dtype).eps
