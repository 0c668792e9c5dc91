"""Penalty: one finite number, with a gradient; both are numbers where training starts, and where it may lead."""

from collections.abc import Iterator

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.slopes import leaves
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.meaning import WrongPenalty
from layergen.rules.values import BrokenGradient
from layergen.run.instance import Instance, Placement
from layergen.run.started import start
from layergen.settings.choice import Setting

PATH = ("penalty",)
SHAKE = 0.25  # how far parameters that start as constants are moved, to tell what holds elsewhere from what is so there
EMPTIED = "where a row and a column of it are 0"
HELP = "keep away from the point before the op that fails there, as by `sqrt(… + 1e-6)`"
ON_DATA = Placement(torch.device("cpu"), torch.float64, gradients=True)


def check_penalty(ways: Ways) -> Iterator[Finding]:
    """Yield where the layer's own regularization term cannot be computed or is none."""
    program = ways.program
    if program.penalty is None:
        return
    place = Place(PATH, program.penalty.span)
    learned = False  # at some setting: at others what it is of may be frozen
    for runs in ways.runs:
        instance = _started(program, runs.setting, SHAKE)
        notes = instance.explainer.notes()
        try:
            value = instance.evaluated(program.penalty)
        except EvaluationFault as fault:
            yield instance.explainer.fault(PATH, fault)
            return
        if not isinstance(value, Tensor) or value.dim():
            message = f"the penalty is {instance.explainer.shown(value)}, not one number"
            help = "sum it: `sum(…)`"
            if not isinstance(value, Tensor):
                message = f"the penalty is the number {value}, not a tensor"
                help = "where nothing is to be kept small, write `zeros([])`"
            yield WrongPenalty.at(place, message, notes=notes, help=help)
            return
        if not value.is_floating_point() or not bool(value.isfinite()):
            yield WrongPenalty.at(place, f"the penalty is {value.item()}, not a finite number", notes=notes)
            return
        if not value.requires_grad:
            continue
        learned = True
        broken = _broken(_started(program, runs.setting), program.penalty, "at its initial values")
        broken = broken or _broken(_emptied(program, runs.setting), program.penalty, EMPTIED)
        if broken is not None:
            yield broken
            return
    if not learned:
        help = "let it depend on a parameter"
        yield WrongPenalty.at(place, "the penalty has no gradient, so that nothing learns of it", help=help)


PENALTY = Promise(check_penalty, ())


def _started(program: Program, setting: Setting, shake: float = 0.0) -> Instance:
    with drawn(gradients=True):
        instance = Instance(program, setting, ON_DATA)
        start(instance, shake=shake)
    return instance


def _emptied(program: Program, setting: Setting) -> Instance:
    """The layer with a row and a column of zeros in each parameter of both signs: a regularization term leads there."""
    instance = _started(program, setting, SHAKE)
    with torch.no_grad():
        for tensor in dict(leaves(instance)).values():
            if not tensor.is_complex() and bool((tensor < 0).any()) and bool((tensor > 0).any()):
                for axis in range(min(2, tensor.dim())):
                    tensor.select(axis, 0).zero_()
    return instance


def _broken(instance: Instance, penalty: ex.Expression, where: str) -> Finding | None:
    """What is no number at some values: the term where training starts, or its gradient of some parameter."""
    value, place, notes = instance.evaluated(penalty), Place(PATH, penalty.span), instance.explainer.notes()
    if not bool(value.isfinite()) and where is EMPTIED:
        return None  # such a term, as a logarithm, keeps away from there
    if not bool(value.isfinite()):
        message = f"the penalty is {value.item()} at the initial values, not a finite number"
        return WrongPenalty.at(place, message, notes=notes)
    named = dict(leaves(instance))
    try:
        slopes = torch.autograd.grad(value, list(named.values()), allow_unused=True)
    except RuntimeError:  # an op without a derivative
        return None
    for name, slope in zip(named, slopes, strict=True):
        if slope is None or bool(slope.isfinite().all()):
            continue
        own = instance.program
        found = "NaN" if bool(slope.isnan().any()) else "infinite"
        shown = own.shown(name) if name in own.parameters else name
        labels = (
            [Label(Place((*own.path(name), "init")), "where it starts")]
            if name in own.parameters and where is not EMPTIED
            else []
        )
        message = f"the gradient of `{shown}` is {found} {where}, though the penalty is a number"
        return BrokenGradient.at(place, message, labels=labels, notes=notes, help=HELP)
    return None
