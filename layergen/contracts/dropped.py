"""Dropped: what training leaves out at random, it makes good for by the rest, so that evaluation is its mean.

Told only of a layer that scales what it keeps, by one factor alone: it means to make good for what it drops. One that
hides parts of its input, and leaves the others as they are, does not. Looked at are the outputs and what is assigned on
the way to them, as a product behind a dropout is one of two values no longer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.rules.behaviour import BiasedDropout
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement

DRAWS = 200  # of a mask
LEAST = 1e-6  # by how much a value is moved by draws
FEWEST = 3  # entries of which one factor is no chance
SAME = 1e-6  # how far two factors may be apart, by rounding
BIAS, SIGMAS = 0.2, 8.0  # what a mean of draws is off by that is no chance
NEAR = 0.1  # how far a share that was counted may be from the argument that it is


@dataclass(frozen=True)
class Dropout:
    """What training makes of the values of evaluation."""

    factor: float  # of what is kept, beside what is left of a value that is dropped
    kept: float  # the share that is
    zero: bool  # whether nothing is left of a value that is dropped

    @property
    def mean(self) -> float:
        return self.factor * self.kept


def check_dropped(ways: Ways) -> Iterator[Finding]:
    """Yield the first value whose mean in training is not what evaluation gives, though training scales it."""
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
        values = [values_of_names(run) for run in draws]
        for name, value in values_of_names(exact).items():
            if found := _biased(value, [others.get(name) for others in values]):
                yield _finding(place_of(draws[0], name), name, found, instance)
                return


DROPPED = Promise(check_dropped, (SMALL,))


def values_of_names(run: Run) -> dict[str, Tensor]:
    """What names stand for at the end of a run, and the outputs."""
    assigned = {step.name: step.value for step in run.steps}
    values = {**assigned, **floats(run)}.items()
    return {name: value for name, value in values if isinstance(value, Tensor) and value.is_floating_point()}


def place_of(run: Run, name: str) -> Place:
    """Where a value got what it has at the end of a run."""
    return run.place(name) if name in run.outputs else Place(FORWARD, run.stored[name].span)


def _biased(exact: Tensor, drawn_values: Sequence[Tensor | None]) -> Dropout | None:
    """What is dropped and kept of a value, where the two do not make up for each other."""
    draws = [draw for draw in drawn_values if draw is not None and draw.shape == exact.shape]
    if len(draws) < DRAWS:
        return None
    all_draws = torch.stack([draw.flatten() for draw in draws])
    low, high = all_draws.amin(0), all_draws.amax(0)
    moved = high - low > LEAST
    if int(moved.sum()) < FEWEST or not bool(torch.isfinite(all_draws).all() and exact.isfinite().all()):
        return None
    usual, all_draws, low, high = exact.flatten()[moved], all_draws[:, moved], low[moved], high[moved]
    zero = bool((torch.minimum(low.abs(), high.abs()) < SAME * (high - low)).all())
    # Which of the two is kept: where one is 0, the other one, and else that to which evaluation is nearer.
    upper = high.abs() > low.abs() if zero else (usual - low).abs() > (usual - high).abs()
    dropped, kept = torch.where(upper, low, high), torch.where(upper, high, low)
    shares = (all_draws - dropped) / (kept - dropped)
    way = (usual - dropped) / (kept - dropped)  # from what is dropped to what is kept
    two = torch.minimum(shares.abs(), (shares - 1).abs()) < SAME
    if not bool(two.all()) or bool((way - way[0]).abs().max() > SAME) or abs(float(way[0])) < SAME:
        return None
    found = Dropout(1 / float(way[0]), float(shares.mean()), zero)
    chance = SIGMAS * found.factor * float(shares.mean(dim=1).std()) / DRAWS**0.5
    return found if abs(found.factor - 1) > SAME and abs(found.mean - 1) > max(BIAS, chance) else None


def _finding(place: Place, name: str, found: Dropout, instance: Instance) -> Finding:
    message = f"in training `{name}` is on average {found.mean:.2g} times what evaluation gives: "
    message += f"{found.kept:.0%} of it is kept, and {found.factor:.3g} times as large"
    help = f"divide what is kept by the share that is kept, here {found.kept:.2g}"
    if not found.zero:
        message = f"the mean of `{name}` in training is not what evaluation gives, which counts one of two values by "
        message += f"{1 / found.factor:.3g}: {found.kept:.0%} of the draws give it"
        help = "divide what is kept by the share that is kept"
        return BiasedDropout.at(place, message, notes=instance.explainer.notes(), help=help)
    for argument, value in instance.setting.values.items():
        if type(value) is not float or not 0 < value < 1:
            continue
        if abs(found.factor * (1 - value) - 1) < SAME and abs(found.kept - value) < NEAR:
            help = f"keep with probability `1 - {argument}`, as where `rand_like(…) >= {argument}`"
        elif abs(found.factor * value - 1) < SAME and abs(found.kept - (1 - value)) < NEAR:
            help = f"divide what is kept by `1 - {argument}`, the share that is kept"
    return BiasedDropout.at(place, message, notes=instance.explainer.notes(), help=help)
