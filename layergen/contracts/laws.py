"""Laws: what the author says of all inputs holds for some that are drawn."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise, Ways
from layergen.contracts.values import ORDINARY, drawn, give, start
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Law
from layergen.resolve.program import Program
from layergen.rules.cases import BrokenLaw
from layergen.run.equations import Running
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting
from layergen.words import listed, plural

IN_FLOAT64 = Placement(torch.device("cpu"), torch.float64)
SEEDS = (0, 1, 2)
TOLERANCE = 1e-7  # of a side, by which rounding may make it differ


def check_laws(ways: Ways) -> Iterator[Finding]:
    """Yield the laws that do not hold, each with what breaks it."""
    settings = [runs.setting for runs in ways.runs if not runs.setting.absent]
    findings = [
        next((found for setting in settings if (found := _broken(ways.program, setting, law, index))), None)
        for index, law in enumerate(ways.program.laws)
    ]
    broken = [finding for finding in findings if finding is not None]
    yield from broken
    if findings and not broken:
        drawn_at = f"on {plural(len(settings), 'way')}, at inputs drawn {len(SEEDS)} times, in float64"
        ways.say("laws", f"{drawn_at}: {listed([f'`{ex.show(law.law)}`' for law in ways.program.laws])}")


LAWS = Promise(check_laws, ())


def _broken(program: Program, setting: Setting, law: Law, index: int) -> Finding | None:
    if law.when is not None and not Interpreter(setting.values).truth(law.when):
        return None
    path = ("laws", index, "law")
    left, sign, right = law.sides
    for seed in SEEDS:
        with drawn(seed):
            instance = Instance(program, setting, IN_FLOAT64)
            start(instance, shake=0.25)
            give(instance, ORDINARY)
            running = Running(instance)
            try:
                one, other = running.evaluate(left), running.evaluate(right)
                where = _first_breach(_tensor(one), _tensor(other), sign, law.within)
            except EvaluationFault as fault:
                return instance.explainer.fault(path, fault, running.values)
            except RuntimeError:
                shapes = f"{instance.explainer.shown(one)} and {instance.explainer.shown(other)}"
                message = f"the sides of the law have different shapes, {shapes}"
                return BrokenLaw.at(Place(path, law.law.span), message, notes=instance.explainer.notes())
        if where is not None:
            index_of, value, wanted = where
            place = f"at {list(index_of)}, " if index_of else ""
            message = f"`{ex.show(law.law)}` does not hold: {place}{value:.6g} {_opposite(sign)} {wanted:.6g}"
            return BrokenLaw.at(Place(path, law.law.span), message, notes=instance.explainer.notes())
    return None


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def _first_breach(
    left: Tensor, right: Tensor, sign: str, within: float | None
) -> tuple[tuple[int, ...], float, float] | None:
    """Where a law does not hold, and the values there."""
    one, other = torch.broadcast_tensors(left.double(), right.double())  # type: ignore[no-untyped-call]
    room = TOLERANCE * (1 + torch.maximum(one.abs(), other.abs())) if within is None else torch.full_like(one, within)
    kept = {
        "==": ((one - other).abs() <= room) | (one == other),
        "<=": one <= other + room,
        ">=": one >= other - room,
        "<": one < other,
        ">": one > other,
    }[sign]
    breaches = (~kept).nonzero()
    if not len(breaches):
        return None
    at = tuple(breaches[0].tolist())
    return at, float(one[at]), float(other[at])


def _opposite(sign: str) -> str:
    return {"==": "!=", "<=": ">", ">=": "<", "<": ">=", ">": "<="}[sign]
