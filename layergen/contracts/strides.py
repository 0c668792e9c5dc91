"""Strides: the layer takes inputs that do not lie in one piece, as those that were permuted or cut out."""

from collections.abc import Iterator

from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import WITH_STRIDES
from layergen.diagnostics import Finding
from layergen.rules.shapes import OpFailed
from layergen.run.watching import TRAINING, Bystander, Watch

CUT_OUT = Watch(WITH_STRIDES, TRAINING, Bystander)


def check_strides(ways: Ways) -> Iterator[Finding]:
    """Yield what fails where each input is a part of a larger tensor, with steps between its rows."""
    for seen in ways.seen(CUT_OUT):
        if seen.fault is not None:
            found = seen.fault
            message = f"{found.message}, where the inputs are slices of larger tensors"
            if "view size" in found.message:
                message = "`view` fails where the inputs are slices of larger tensors: "
                message += "dimensions that do not lie side by side cannot be viewed as one"
            yield OpFailed.at(found.place, message, labels=found.labels, notes=found.notes, help=found.help)
            return


STRIDES = Promise(check_strides, (CUT_OUT,))
