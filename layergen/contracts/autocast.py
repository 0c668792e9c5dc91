"""Autocast: the layer runs under autocast, and its outputs have the dtype that is declared or the lower one.

So it does with inputs in the lower one, as the product of a layer before it gives them.
"""

from collections.abc import Iterator

import torch

from layergen.contracts.dtype import failed, mismatches
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import BEHIND_ANOTHER, UNDER_AUTOCAST
from layergen.diagnostics import Finding
from layergen.run.watching import TRAINING, Bystander, Watch

LOWERED = Watch(UNDER_AUTOCAST, TRAINING, Bystander)
FOLLOWING = Watch(BEHIND_ANOTHER, TRAINING, Bystander)
LOWER = torch.bfloat16


def check_autocast(ways: Ways) -> Iterator[Finding]:
    """Yield what fails under autocast on the CPU, on the first way."""
    for seen in ways.runs[0].seen(LOWERED):
        if seen.fault is not None:
            yield failed(seen.fault, "under autocast")
        else:
            yield from mismatches(seen, "under autocast", also=LOWER)
    yield from _behind_another(ways)


def _behind_another(ways: Ways) -> Iterator[Finding]:
    """What fails with inputs as a product gives them there, of a layer without a module of torch that does so, too."""
    if ways.program.matches is not None or any(seen.fault for seen in ways.runs[0].seen(LOWERED)):
        return
    for seen in ways.runs[0].seen(FOLLOWING):
        if seen.fault is not None:
            yield failed(seen.fault, "under autocast, with inputs in bfloat16 as another layer gives them")


AUTOCAST = Promise(check_autocast, (LOWERED, FOLLOWING))
