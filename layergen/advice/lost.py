"""What a batch without a sample, or of a single one, does to running statistics."""

from collections.abc import Iterator, Sequence
from itertools import product

import torch

from layergen.contracts.empty import without_samples
from layergen.contracts.independence import batch_of
from layergen.contracts.moved import moved
from layergen.contracts.values import drawn
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.meanings import LEADING
from layergen.resolve.program import Program
from layergen.rules.advice import LostStatistics
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.matched import loaded_module, matched_inputs
from layergen.settings.choice import Setting


def lost_statistics(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the first buffer that a batch of one sample or of none makes no number in training, without a word."""
    batch = batch_of(program)
    if batch in (None, LEADING) or program.forward.assigned.isdisjoint(program.buffers):
        return
    for count, setting in product((1, 0), settings):  # what refuses one sample refuses none
        empty = without_samples(program, setting, count)
        lost = None if empty is None else _lost(program, empty)
        if empty is None or lost is None or _is_brought_back(program, setting, lost.id):
            continue
        if not _lost_by_match(program, empty):
            batches = "of a single sample" if count else "without a sample"
            message = f"the buffer `{lost.id}` is no number any more after a batch {batches} in training"
            help = f"`{batch} >= {count + 1}` under `constraints` refuses such a batch"
            notes = (f"sizes: {batch}={count}", "what a running statistic has lost once, no later batch brings back")
            yield LostStatistics.at(Place(FORWARD, lost.span), message, notes=notes, help=help)
            return


def _lost(program: Program, empty: Setting) -> ex.Name | None:
    """The first buffer that is assigned something that is no number; None where the layer does not run."""
    with drawn():
        try:
            run = moved(program, empty).run(training=True)
        except (TrialFault, RuntimeError, IndexError, ValueError):
            return None
    stored = ((run.stored[step.name], step.value) for step in run.steps if step.name in program.buffers)
    return next((name for name, value in stored if isinstance(value, torch.Tensor) and _gone(value)), None)


def _is_brought_back(program: Program, setting: Setting, name: str) -> bool:
    """Whether the next batch makes a buffer a number again, as one that it alone is made of."""
    with drawn():
        try:
            instance = moved(program, setting)
            buffer = instance.state[name]
            if buffer is None:
                return False
            buffer.fill_(torch.nan)
            run = instance.run(training=True)
        except (TrialFault, RuntimeError, IndexError, ValueError):
            return False
    stored = [step.value for step in run.steps if step.name == name and isinstance(step.value, torch.Tensor)]
    return bool(stored) and not _gone(stored[-1])


def _gone(value: torch.Tensor) -> bool:
    return bool(value.numel()) and not bool(value.isfinite().all())


def _lost_by_match(program: Program, empty: Setting) -> bool:
    """Whether the module that the layer is to match does not take such a batch any better."""
    if program.matches is None:
        return False
    with drawn():
        try:
            instance: Instance = moved(program, empty)
            module = loaded_module(instance).train()
            module(*matched_inputs(instance, instance.inputs))
        except (TrialFault, EvaluationFault, RuntimeError, KeyError, ValueError, IndexError):
            return True
    return any(_gone(value) for _, value in module.named_buffers())
