"""What a process that does a part of a build has imported before its first task.

Where processes are forked, that is done once for all of them.
"""

import gc
import importlib
import warnings

warnings.filterwarnings("ignore", "Failed to initialize NumPy")  # of torch, which needs none for what we do

import torch  # noqa: E402

from layergen import ops  # noqa: E402
from layergen.prove.machinery import missing  # noqa: E402

if next(missing(), None) is None:  # else the first task says what is wrong
    for stage in ("lang.validate", "check", "contract", "lower"):
        importlib.import_module(f"layergen.{stage}")
    for machinery in ("layergen.prove.abstract_run", "layergen.render"):
        importlib.import_module(machinery).warm_up()
torch.set_num_threads(1)  # the processes share the cores
ops.names()  # is computed from torch, and remembered
gc.set_threshold(10_000, 500)  # as `cli` does, which says why
gc.freeze()  # what is there by now stays; a search that marked it would copy all of its memory into each process
