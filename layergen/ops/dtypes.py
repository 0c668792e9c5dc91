"""The dtypes of torch by their names, and back."""

import torch


def dtype_of(name: str) -> torch.dtype:
    """The dtype that a name stands for: ``float32``."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a dtype, without its module."""
    return str(dtype).removeprefix("torch.")
