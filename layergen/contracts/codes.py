"""Integers and flags that come out of half precision: the codes, indices and marks that float64 gives.

One that lies at the edge between two may be either, so that it is their share which counts.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from layergen.diagnostics import Finding
from layergen.ops.dtypes import dtype_name
from layergen.probe.attempts import TOLERANCE, Attempt
from layergen.probe.open_inputs import first_floating
from layergen.rules.values import LossOfPrecision
from layergen.run.forward import Run

SEEDS = range(8)
FEW = 50  # entries in all runs, of which a share tells too little
MORE = 4  # times as many have to be others as a rounding of the inputs makes others


def other_codes(attempt: Attempt, half: Run, exact: Run) -> Iterator[Finding]:
    """Yield the first output without fractions of which half precision makes another one.

    Args:
        attempt: The run, which is made on other numbers as well.
        half: What came of it.
        exact: What float64 gives on the same numbers.
    """
    for name, output in exact.outputs.items():
        if _is_code(output) and not torch.equal(half.outputs[name], output):
            share = _share(attempt, name)
            if share > max(TOLERANCE, MORE * _share(attempt, name, torch.finfo(attempt.dtype).eps / 2)):
                yield _finding(attempt, name, half, exact, share)
                return


def _share(attempt: Attempt, name: str, nudge: float = 0.0) -> float:
    """The share of entries of an output that are others in half precision, or by a nudge in float64."""
    others, entries = 0, 0
    for seed in SEEDS:
        exact = attempt.run(torch.float64, seed)
        other = attempt.run(torch.float64 if nudge else attempt.dtype, seed, nudge)
        if exact is None or other is None or exact.outputs[name].shape != other.outputs[name].shape:
            return 0.0
        others += int((other.outputs[name] != exact.outputs[name]).sum())
        entries += exact.outputs[name].numel()
    return others / entries if entries >= FEW else 0.0


def _is_code(output: Tensor) -> bool:
    return not output.is_floating_point() and not output.is_complex()


def _finding(attempt: Attempt, name: str, half: Run, exact: Run, share: float) -> Finding:
    found, right = half.outputs[name].flatten(), exact.outputs[name].flatten()
    index = int((found.long() - right.long()).abs().argmax())
    values = f"as {found[index].item()} instead of {right[index].item()}"
    message = f"in {dtype_name(attempt.dtype)}, {share:.0%} of `{name}` are others than float64 gives, {values}"
    wide = first_floating(attempt.program) or "x"
    help = f"compute in float32 or wider what is rounded or compared: `h = upcast({wide})`"
    notes = attempt.started(torch.float64).explainer.notes()
    return LossOfPrecision.at(half.place(name), message, notes=notes, help=help)
