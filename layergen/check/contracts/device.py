"""Device: a layer on an accelerator stays there.

Tensors made from nothing are made on the first input's device, so a spec has no way to leave it; what this shows is
that torch agrees.
"""

from collections.abc import Iterator

from layergen.check.abstract_run import fake_accelerator
from layergen.check.explain import OpFailed
from layergen.check.settings import Setting
from layergen.check.stage import Bench, Stage, TrialFault
from layergen.diagnostics import Finding
from layergen.spec.model import LayerSpec


def check_device(spec: LayerSpec, ways: list[Setting]) -> Iterator[Finding]:
    """Yield where a tensor is on another device than the inputs."""
    for setting in ways:
        with fake_accelerator() as device:
            try:
                stage = Stage(spec, setting, Bench(device))
                outputs = stage.run(training=True)
            except TrialFault as fault:
                found = fault.finding
                if "device" in found.message:
                    yield OpFailed.at(found.place, f"on an accelerator, {found.message}")
                continue
            for name, result in outputs.items():
                if result.device.type != device.type:
                    message = f"output `{name}` is on the {result.device.type} when the inputs are on an accelerator"
                    yield OpFailed.at(("outputs", name), message)
