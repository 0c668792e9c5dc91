"""Whether it is for the integers of its inputs that a layer is refused on data, and not for its sizes."""

import torch

from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.on_data import drawn
from layergen.run.said import beyond_a_table


def run_or_lower(instance: Instance, training: bool) -> Run:
    """Run a layer on data; again, with its integers at the low ends of their ranges, where one is beyond a table.

    Raises:
        TrialFault: If it fails with these too, or for another reason.
    """
    try:
        with drawn(), torch.no_grad():
            return instance.run(training)
    except TrialFault as fault:
        if not (beyond_a_table(fault.finding.message) and lower(instance)):
            raise
    with drawn(), torch.no_grad():
        return instance.run(training)


@torch.no_grad()
def lower(instance: Instance) -> bool:
    """Give each entry of an integer input the least of them that is an index; whether that changes any."""
    found = (
        tensor for tensor in instance.inputs.values() if tensor is not None and not tensor.is_meta and tensor.numel()
    )
    integers = [tensor for tensor in found if not tensor.is_floating_point() and tensor.dtype != torch.bool]
    changed = [tensor for tensor in integers if tensor.min() != tensor.max()]
    for tensor in changed:
        tensor.fill_(max(0, int(tensor.min())))
    return bool(changed)
