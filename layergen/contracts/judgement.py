"""Judgements: which of them stand, which the author overrules, and which speak against torch itself."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.initial import initialize
from layergen.probe.probing import IN_FLOAT64
from layergen.probe.sites import CPU
from layergen.probe.ways import Shown, Ways
from layergen.resolve.program import Program
from layergen.rules import all_rules
from layergen.rules.meaning import NeedlessAccept
from layergen.rules.tensors import WrongFan
from layergen.run.instance import Instance
from layergen.run.matched import matched_module
from layergen.settings.choice import Setting

CLOSE = 0.2  # how far apart the spreads of two draws from one distribution may be
ENOUGH = 512  # values that tell how they spread


@dataclass(frozen=True)
class Judgement:
    """What came of holding a layer against all contracts, none of which it breaks."""

    accepted: tuple[Finding, ...]  # what the checks judge and the author overrules
    shown: tuple[Shown, ...]  # what was run and held


def overruled(ways: Ways, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """The findings that stand, and those that the author accepts. What torch does itself is neither."""
    standing: list[Finding] = []
    accepted: list[Finding] = []
    for finding in findings:
        if finding.rule.judges and finding.rule.name in ways.program.accept:
            accepted.append(finding)
        elif not (finding.rule is WrongFan and _as_torch_starts(ways, finding)):
            standing.append(finding)
    return standing, accepted


def needless(program: Program, accepted: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what is accepted though nobody objects to it. Advice is given later."""
    raised = {finding.rule.name for finding in accepted} | {rule.name for rule in all_rules() if rule.advises}
    for name in program.accept:
        if name not in raised:
            message = f"`{name}` is accepted, but the checks do not say it of this layer"
            yield NeedlessAccept.at(("accept", name), message, help="delete it")


def _as_torch_starts(ways: Ways, finding: Finding) -> bool:
    """Whether a tensor starts with the spread of the one in the module that the layer is to match."""
    if ways.program.matches is None:
        return False
    name = str(finding.place.path[1])
    try:
        spreads = [pair for runs in ways.runs if (pair := _spreads(ways.program, runs.setting, name))]
    except (EvaluationFault, SpecError):
        return False
    return bool(spreads) and all(abs(ours - theirs) <= CLOSE * max(ours, theirs) for ours, theirs in spreads)


def _spreads(program: Program, setting: Setting, name: str) -> tuple[float, float] | None:
    """How far a tensor's initial values are from zero, and those of the module's; None where there is no such tensor.

    Raises:
        EvaluationFault: If the values cannot be computed.
        SpecError: If the layer cannot be set up.
    """
    instance = Instance(program, setting, IN_FLOAT64)
    target = instance.state.get(name)  # of a family, nothing is told
    if target is None or not target.numel():
        return None
    ours, theirs = [], []
    for seed in range(math.ceil(ENOUGH / target.numel())):
        for other in (*instance.program.started_before(name), name):
            initialize(instance, other, seed)
        ours.append(target.abs().mean())
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            state = matched_module(instance, CPU).state_dict()
        if name not in state:
            return None
        theirs.append(state[name].double().abs().mean())
    return float(torch.stack(ours).mean()), float(torch.stack(theirs).mean())
