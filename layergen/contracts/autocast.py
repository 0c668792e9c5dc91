"""Autocast: the layer runs under autocast, and its outputs have the dtype that is declared or the lower one.

Where a layer that upcasts matches a module whose outputs autocast leaves in float32, as those of torch's losses are,
it does not take back what it has.
"""

from collections.abc import Iterator

import torch

from layergen.contracts.dtype import failed, mismatches
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, UNDER_AUTOCAST, WITH_DATA
from layergen.contracts.values import ORDINARY, drawn, give, start
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.ops.dtypes import dtype_name
from layergen.rules.cases import MatchMismatch
from layergen.run.equations import tensors_in
from layergen.run.instance import Instance, Placement
from layergen.run.matched import matched_inputs, matched_module
from layergen.run.watching import TRAINING, Bystander, Runs, Watch

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


def check_match_under_autocast(ways: Ways) -> Iterator[Finding]:
    """Yield the outputs that the match has in float32, and the layer in the half precision that it comes back to."""
    program, runs = ways.program, ways.runs[0]
    if program.matches is None or not program.forward.upcasts or not runs.admits(WITH_DATA):
        return
    source = next((name for name, tensor in program.inputs.items() if tensor.floating), "x")
    shown = ex.show(program.matches.module)
    for name, ours, theirs in _dtypes(runs):
        if (ours, theirs) == (LOWER, torch.float32):
            message = f"under autocast, `{name}` is {dtype_name(ours)} where `{source}` is, and float32 by `{shown}`"
            help = f"come back by `{name} = loss_as({name}, {source})`, which leaves float32 under autocast"
            place = Place(("matches", "module"), program.matches.module.span)
            yield MatchMismatch.at(place, message, help=help)


MATCH_UNDER_AUTOCAST = Promise(check_match_under_autocast)


@torch.no_grad()
def _dtypes(runs: Runs) -> Iterator[tuple[str, torch.dtype, torch.dtype]]:
    """The outputs' dtypes and those of the match's; none where one of the two refuses such inputs."""
    with drawn(), torch.autocast("cpu", dtype=LOWER):
        try:
            instance = Instance(runs.program, runs.setting, Placement(CPU, LOWER, owned_dtype=torch.float32))
            start(instance)
            give(instance, ORDINARY)
            ours = instance.run(training=False).outputs
            module = matched_module(instance, CPU).eval()
            theirs = tensors_in(module(*matched_inputs(instance, instance.inputs)))
        except Exception:  # whatever torch raises of what the layer takes
            return
    if len(theirs) == len(ours):
        pairs = zip(ours.items(), theirs, strict=True)
        yield from ((name, one.dtype, other.dtype) for (name, one), other in pairs)
