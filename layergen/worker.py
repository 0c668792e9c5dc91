"""What a process that does a part of a build has imported before its first task.

Where processes are forked, that is done once for all of them.
"""

import gc
import warnings

warnings.filterwarnings("ignore", "Failed to initialize NumPy")  # of torch, which needs none for what we do

import torch  # noqa: E402

from layergen import check, contract, lower, ops, render  # noqa: E402
from layergen.lang import source, validate  # noqa: E402
from layergen.prove import abstract_run  # noqa: E402

__all__ = ["check", "contract", "lower", "source", "validate"]

torch.set_num_threads(1)  # the processes share the cores
ops.names()  # is computed from torch, and remembered
abstract_run.warm_up()
render.warm_up()
gc.set_threshold(50_000)  # allocations between two searches for circles: at symbols, nearly all of them find none
gc.freeze()  # what is there by now stays; a search that marked it would copy all of its memory into each process
