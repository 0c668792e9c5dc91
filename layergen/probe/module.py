"""The module that a layer is to match, run beside it."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from layergen.probe.probing import Probe, Tensors
from layergen.probe.sites import CPU
from layergen.run.equations import tensors_in
from layergen.run.instance import Instance
from layergen.run.matched import matched_inputs, matched_module
from layergen.settings.choice import Setting


class Matched:
    """The module of `matches` at the setting of a probe, with its state."""

    def __init__(self, probe: Probe) -> None:
        self.instance: Instance = probe.instance
        self.module: nn.Module = matched_module(probe.instance, CPU).double()
        owned = {**dict(self.module.state_dict()), **probe.state}  # with the tensors of the constructor as they are
        self.module.load_state_dict({name: owned[name] for name in self.module.state_dict()})

    def at(self, setting: Setting) -> "Matched":
        """The same module: its inputs alone bring the sizes."""
        return self

    def outputs(self, training: bool, inputs: Tensors) -> Tensors | None:
        """What it gives, under the names of the layer's outputs; None if it fails."""
        module = copy.deepcopy(self.module).train(training)
        kept = {name: inputs[name] for name in self.instance.program.kept if name in inputs}
        module.load_state_dict(kept, strict=False)
        absent: Mapping[str, Any] = dict.fromkeys(self.instance.inputs)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            try:
                given = module(*matched_inputs(self.instance, {**absent, **inputs}))
            except Exception:  # whatever torch raises; what cannot be run shows nothing
                return None
        return dict(zip(self.instance.returned(), tensors_in(given), strict=False))
