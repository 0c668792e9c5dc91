"""Shifted: what counts differences alone keeps them in float32 where the inputs are far from zero, too.

A variance as the mean of squares less the square of the mean is a small difference of large numbers. What is told is
relative to what rounding of the inputs does, and only of layers to which it makes no difference how far from zero the
inputs are: a sum or a product has the digits that its size has.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.probe.attempts import CONDITION, REPEATS, TOLERANCE, Attempt, comparable, off
from layergen.probe.sites import IN_COMMON
from layergen.probe.ways import Ways
from layergen.rules.values import LossByCancellation
from layergen.run.forward import Run
from layergen.run.watching import BOTH, Bystander, Watch

FAR = 4096.0  # whose square is the first integer after which float32 leaves out every other one
ALIKE = 1e-3  # of what a layer gives about zero: by how much two steps away from there may differ
EPSILON = torch.finfo(torch.float32).eps
WORDS = f"about {FAR:g} and differs by some 1"
SEEDS = (0, *REPEATS)

EXACT = Watch(IN_COMMON[torch.float64], BOTH, Bystander)


def check_shifted(ways: Ways) -> Iterator[Finding]:
    """Yield the first value on the way to an output that float32 loses far from zero."""
    held: list[str] = []
    for attempt in _attempts(ways):
        loses = _loses(attempt)
        if loses:
            yield _finding(attempt)
            return
        if loses is False and attempt.shifted is not None and _is_the_same(attempt):
            held.append(attempt.shifted)
    for name in dict.fromkeys(held):
        words = f"where `{name}` is {WORDS}, which is as about zero, float32 gives nearly what float64 gives"
        ways.say("shifted", words)


SHIFTED = Promise(check_shifted, (EXACT,))


def _attempts(ways: Ways) -> Iterator[Attempt]:
    """Runs in float32 with one input far from zero, which no range keeps from there."""
    free = [name for name, part in ways.program.inputs.items() if part.floating and part.range is None]
    for runs in ways.runs if free else ():
        for seen in runs.seen(EXACT):
            if seen.fault is None and comparable(ways.program, seen.training):
                usual = Attempt(ways.program, runs.setting, torch.float32, seen.training, common=torch.float32)
                yield from (replace(usual, shifted=name, shift=FAR) for name in free if name not in runs.setting.absent)


def _loses(attempt: Attempt) -> bool | None:
    """Whether float32 is off where an input is far from zero, on all numbers that are drawn; None where it may be."""
    for seed in SEEDS:
        runs = [replace(attempt, shift=times * FAR).run(torch.float64, seed) for times in range(4)]
        found = [run for run in runs if run is not None]
        if len(found) < len(runs) or not _counts_differences(*found):
            return None
        error = _error(attempt, found[0], seed)
        if error <= TOLERANCE or _error(attempt, found[0], seed, EPSILON / 2) * CONDITION >= error:
            return False
    return True


def _is_the_same(attempt: Attempt) -> bool:
    """Whether a layer gives as much far from zero as it gives there."""
    near, far = (replace(attempt, shift=shift).run(torch.float64, 0) for shift in (0.0, attempt.shift))
    return bool(
        near and far and all(_size(far.outputs[key] - at) <= ALIKE * _size(at) for key, at in floats(near).items())
    )


def _counts_differences(near: Run, *far: Run) -> bool:
    """Whether each step away from zero changes the outputs by the same, and there are some that are numbers."""
    outputs = floats(near)
    for name, output in outputs.items():
        first, second, third = (run.outputs[name] for run in far)
        if not first.shape == second.shape == third.shape == output.shape or not bool(first.isfinite().all()):
            return False
        if not _size(third - 2 * second + first) <= ALIKE * _size(output):
            return False
    return bool(outputs)


def _error(attempt: Attempt, near: Run, seed: int, nudge: float = 0.0) -> float:
    """The largest error of an output, in shares of what the layer gives about zero.

    There is none where the output's own size explains it: what is large has no digits to spare for what is small. Nor
    is there one of an output that is nothing about zero, as what rounding has taken from a sum is.
    """
    exact = attempt.run(torch.float64, seed)
    found = attempt.run(torch.float64 if nudge else torch.float32, seed, nudge)
    if exact is None or found is None:
        return 0.0
    worst = 0.0
    for name, output in floats(near).items():
        error = _size(found.outputs[name] - exact.outputs[name])
        if error != error:
            return float("inf")
        if error > CONDITION * EPSILON * _size(exact.outputs[name]) and _size(output) > EPSILON:
            worst = max(worst, error / _size(output))
    return worst


def _size(tensor: Tensor) -> float:
    return float(tensor.to(torch.complex128 if tensor.is_complex() else torch.float64).norm())


def _finding(attempt: Attempt) -> Finding:
    """The finding at the first step that is off by a part of itself."""
    found, exact = attempt.run(torch.float32, 0), attempt.run(torch.float64, 0)
    assert found is not None and exact is not None, "what was run before"
    notes = attempt.started(torch.float32).explainer.notes()
    help = "subtract before the square, as the mean by `square(x - mean(x, …))`; `var_mean` does so by itself"
    for step, right in zip(found.steps, exact.steps, strict=False):
        if off(step.value, right.value, torch.float32) > TOLERANCE:
            difference = (step.value.double() - right.value.double()).abs().flatten()
            index = int(difference.nan_to_num(nan=torch.inf).argmax())
            values = (f"{tensor.flatten()[index].item():.5g}" for tensor in (step.value, right.value))
            message = f"in float32, `{step.name}` is {' instead of '.join(values)} where `{attempt.shifted}` is {WORDS}"
            return LossByCancellation.at(Place(FORWARD, step.target.span), message, notes=notes, help=help)
    name = next(iter(exact.outputs))
    message = f"in float32, `{name}` is lost where `{attempt.shifted}` is {WORDS}"
    return LossByCancellation.at(exact.place(name), message, notes=notes, help=help)
