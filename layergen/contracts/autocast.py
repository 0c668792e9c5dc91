"""Autocast: the layer runs under autocast, and its outputs have the dtype that is declared or the lower one."""

from collections.abc import Iterator

import torch

from layergen.contracts.dtype import failed, mismatches
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import UNDER_AUTOCAST
from layergen.diagnostics import Finding
from layergen.run.watching import TRAINING, Bystander, Watch

LOWERED = Watch(UNDER_AUTOCAST, TRAINING, Bystander)
LOWER = torch.bfloat16


def check_autocast(ways: Ways) -> Iterator[Finding]:
    """Yield what fails under autocast on the CPU, on the first way."""
    for seen in ways.runs[0].seen(LOWERED):
        if seen.fault is not None:
            yield failed(seen.fault, "under autocast")
        else:
            yield from mismatches(seen, "under autocast", also=LOWER)


AUTOCAST = Promise(check_autocast, (LOWERED,))
