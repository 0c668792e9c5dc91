"""Device: a layer on an accelerator stays there."""

from collections.abc import Iterator

from layergen.check.abstract_run import fake_accelerator
from layergen.check.settings import Setting
from layergen.check.stage import Bench, Stage, TrialFault
from layergen.diagnostics import Finding, Rule
from layergen.spec.model import LayerSpec


class DeviceMismatch(Rule):
    """Tensors of two devices meet when the layer is on an accelerator.

    The forward is tried with all tensors on a fake accelerator, which need not be there. Tensors made from nothing are
    made on the first input's device, so this is rare.

    Fix: make the tensor from an input: `zeros_like(x)` instead of a tensor from elsewhere.
    """

    code = "LG305"


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
                    yield DeviceMismatch.at(found.place, f"on an accelerator, {found.message}")
                continue
            for name, result in outputs.items():
                if result.device.type != device.type:
                    message = f"output `{name}` is on the {result.device.type} when the inputs are on an accelerator"
                    yield DeviceMismatch.at(("outputs", name), message)
