"""Device: a layer on an accelerator stays there.

Tensors made from nothing are made on the first input's device, so a spec has no way to leave it; what this shows is
that torch agrees.
"""

from collections.abc import Iterator

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding
from layergen.probe.sites import ON_ACCELERATOR
from layergen.probe.ways import Ways
from layergen.rules.shapes import OpFailed
from layergen.run.watching import TRAINING, Bystander, Watch

DEVICES = Watch(ON_ACCELERATOR, TRAINING, Bystander)


def check_device(ways: Ways) -> Iterator[Finding]:
    """Yield where a tensor is on another device than the inputs."""
    own = ON_ACCELERATOR.placement.device.type
    for seen in ways.seen(DEVICES):
        if seen.fault is not None:
            if "device" in seen.fault.message:
                yield OpFailed.at(seen.fault.place, f"on an accelerator, {seen.fault.message}")
            continue
        for name, result in seen.run.outputs.items():
            if result.device.type != own:
                message = f"output `{name}` is on the {result.device.type} when the inputs are on an accelerator"
                yield OpFailed.at(("outputs", name), message)


DEVICE = Promise(check_device, (DEVICES,))
