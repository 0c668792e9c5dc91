"""What a process that does a part of a build has imported before its first task.

Where processes are forked, that is done once for all of them.
"""

import warnings

warnings.filterwarnings("ignore", "Failed to initialize NumPy")  # of torch, which needs none for what we do

import torch  # noqa: E402

from layergen import check, lower, ops, render  # noqa: E402

__all__ = ["check", "lower", "render"]

torch.set_num_threads(1)  # the processes share the cores
ops.names()  # is computed from torch, and remembered
