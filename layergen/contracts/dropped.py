"""Dropped: what training sets to zero at random, it makes good for by the rest, so that evaluation is its mean.

Told only of a layer that scales what it keeps, by one factor alone: it means to make good for what it drops. One that
hides parts of its input, and leaves the others as they are, does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, SMALL, started
from layergen.contracts.values import drawn
from layergen.diagnostics import Finding, Place
from layergen.rules.behaviour import BiasedDropout
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement

DRAWS = 200  # of a mask
LEAST = 1e-6  # of an output that is a factor's to scale
SAME = 1e-6  # how far two factors may be apart, by rounding
BIAS, SIGMAS = 0.2, 8.0  # what a mean of draws is off by that is no chance
NEAR = 0.1  # how far a share that was counted may be from the argument that it is


@dataclass(frozen=True)
class Dropout:
    """What training makes of the values of evaluation."""

    factor: float  # of what is kept
    kept: float  # the share that is

    @property
    def mean(self) -> float:
        return self.factor * self.kept


def check_dropped(ways: Ways) -> Iterator[Finding]:
    """Yield the first output whose mean in training is not what evaluation gives, though training scales it."""
    program = ways.program
    if not program.draws or program.random == "always" or not program.asks_mode:
        return
    for runs in ways.runs:
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        instance = Instance(program, runs.setting, Placement(CPU, torch.float64))
        try:
            with drawn():
                started(instance)
                exact = instance.run(False)
                draws = [instance.run(True) for _ in range(DRAWS)]
        except TrialFault:
            continue
        for name, output in floats(exact).items():
            if found := _biased(output, [run.outputs[name] for run in draws]):
                yield _finding(draws[0].place(name), name, found, instance)
                return


DROPPED = Promise(check_dropped, (SMALL,))


def _biased(exact: Tensor, draws: list[Tensor]) -> Dropout | None:
    """What is dropped and kept of an output, where the two do not make up for each other."""
    if exact.is_complex() or any(draw.shape != exact.shape for draw in draws):
        return None
    held = exact.abs() > LEAST
    shares = torch.stack([draw[held] / exact[held] for draw in draws])
    kept = shares.abs() > SAME
    if not bool(shares.isfinite().all()) or bool(kept.all()) or not bool(kept.any()):
        return None
    factor = float(shares[kept].median())
    if abs(factor - 1) < SAME or bool(((shares[kept] - factor).abs() > SAME * abs(factor)).any()):
        return None
    means = shares.mean(dim=1)
    chance = SIGMAS * float(means.std()) / DRAWS**0.5
    found = Dropout(factor, float(kept.double().mean()))
    return found if abs(found.mean - 1) > max(BIAS, chance) else None


def _finding(place: Place, name: str, found: Dropout, instance: Instance) -> Finding:
    message = f"in training `{name}` is on average {found.mean:.2g} times what evaluation gives: "
    message += f"{found.kept:.0%} of it is kept, and {found.factor:.3g} times as large"
    help = f"divide what is kept by the share that is kept, here {found.kept:.2g}"
    for argument, value in instance.setting.values.items():
        if type(value) is not float or not 0 < value < 1:
            continue
        if abs(found.factor * (1 - value) - 1) < SAME and abs(found.kept - value) < NEAR:
            help = f"keep with probability `1 - {argument}`, as where `rand_like(…) >= {argument}`"
        elif abs(found.factor * value - 1) < SAME and abs(found.kept - (1 - value)) < NEAR:
            help = f"divide what is kept by `1 - {argument}`, the share that is kept"
    return BiasedDropout.at(place, message, notes=instance.explainer.notes(), help=help)
