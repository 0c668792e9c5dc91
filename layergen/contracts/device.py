"""Device: a layer on an accelerator stays there.

Tensors made from nothing are made on the first input's device, so a spec has no way to leave it; what this shows is
that torch agrees.
"""

from collections.abc import Iterator

from layergen.diagnostics import Finding
from layergen.prove.abstract_run import fake_accelerator
from layergen.resolve.program import Program
from layergen.rules.shapes import OpFailed
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting


def check_device(program: Program, paths: list[Setting]) -> Iterator[Finding]:
    """Yield where a tensor is on another device than the inputs."""
    for setting in paths:
        with fake_accelerator() as device:
            try:
                instance = Instance(program, setting, Placement(device))
                outputs = instance.run(training=True).outputs
            except TrialFault as fault:
                found = fault.finding
                if "device" in found.message:
                    yield OpFailed.at(found.place, f"on an accelerator, {found.message}")
                continue
            for name, result in outputs.items():
                if result.device.type != device.type:
                    message = f"output `{name}` is on the {result.device.type} when the inputs are on an accelerator"
                    yield OpFailed.at(("outputs", name), message)
