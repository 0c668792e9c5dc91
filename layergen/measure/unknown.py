"""Which inputs make whole outputs NaN where they are NaN themselves: what hides it, hides where training went wrong."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from layergen.compare.compared import started
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import ORDINARY, drawn, give
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

SEEDS = range(3)
Handed = Mapping[str, tuple[str, ...]]  # of inputs, the outputs that are all NaN where they are


def handed_on(program: Program, runs: Iterable[Runs]) -> Handed:
    """The outputs that each input makes all NaN, in evaluation, at all settings at which both are there.

    Of a layer that is given labels or flags nothing is told: these may decide what an output is made of.
    """
    if any(not part.floating for part in program.inputs.values()):
        return {}
    found: dict[str, set[str]] = {}
    kept: dict[str, set[str]] = {}
    for one in runs:
        for name, outputs in (_at(program, one.setting) if one.admits(WITH_DATA) else {}).items():
            found.setdefault(name, set()).update(outputs)
            kept.setdefault(name, set()).update(output for output, unknown in outputs.items() if not unknown)
    told = {name: tuple(sorted(outputs - kept[name])) for name, outputs in found.items()}
    return {name: outputs for name, outputs in told.items() if outputs}


def _at(program: Program, setting: Setting) -> dict[str, dict[str, bool]]:
    """Whether floating outputs are all NaN at a setting, by the input that is."""
    instance = started(program, setting)
    found: dict[str, dict[str, bool]] = {}
    for name, tensor in instance.inputs.items():
        if tensor is None or not tensor.numel():
            continue
        try:
            runs = [_outputs(instance, seed, {name: torch.full_like(tensor, torch.nan)}) for seed in SEEDS]
        except (TrialFault, EvaluationFault):
            continue
        floating = [output for output, value in runs[0].items() if value.is_floating_point()]
        found[name] = {output: all(bool(run[output].isnan().all()) for run in runs) for output in floating}
    return found


def _outputs(instance: Instance, seed: int, unknown: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """What comes of other values of all inputs but one."""
    with drawn(seed), torch.no_grad():
        give(instance, ORDINARY)
        return instance.run(training=False, inputs=unknown).outputs
