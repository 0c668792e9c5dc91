"""Penalty: one finite number, with a gradient."""

from collections.abc import Iterator

import torch
from torch import Tensor

from layergen.contracts.promise import Promise, Ways
from layergen.contracts.values import drawn, start
from layergen.diagnostics import Finding, Place
from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.program import Program
from layergen.rules.meaning import WrongPenalty
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

PATH = ("penalty",)
ON_DATA = Placement(torch.device("cpu"), torch.float64, gradients=True)


def check_penalty(ways: Ways) -> Iterator[Finding]:
    """Yield where the layer's own regularization term cannot be computed or is none."""
    program = ways.program
    if program.penalty is None:
        return
    place = Place(PATH, program.penalty.span)
    for runs in ways.runs:
        instance = _started(program, runs.setting)
        notes = instance.explainer.notes()
        try:
            value = instance.evaluated(program.penalty)
        except EvaluationFault as fault:
            yield instance.explainer.fault(PATH, fault)
            return
        if not isinstance(value, Tensor) or value.dim():
            message = f"the penalty is {instance.explainer.shown(value)}, not one number"
            yield WrongPenalty.at(place, message, notes=notes, help="sum it: `sum(…)`")
            return
        if not value.is_floating_point() or not bool(value.isfinite()):
            yield WrongPenalty.at(place, f"the penalty is {value.item()}, not a finite number", notes=notes)
            return
        if not value.requires_grad:
            help = "let it depend on a parameter"
            yield WrongPenalty.at(place, "the penalty has no gradient, so that nothing learns of it", help=help)
            return


PENALTY = Promise(check_penalty, ())


def _started(program: Program, setting: Setting) -> Instance:
    with drawn(gradients=True):
        instance = Instance(program, setting, ON_DATA)
        start(instance, shake=0.25)
    return instance
