"""What a batch without a sample, or of a single one, does to running statistics; and what any dimension of it does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.batches import batch_of
from layergen.probe.moved import moved
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.advice import LostStatistics
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.matched import loaded_module, matched_inputs
from layergen.settings.choice import Setting, allowed
from layergen.words import listed


@dataclass(frozen=True)
class Loss:
    """A buffer that is lost where a dimension has some size."""

    buffer: ex.Name
    dimension: str
    size: int
    batch: bool

    @property
    def words(self) -> str:
        if not self.batch:
            return f"of size {self.size} along `{self.dimension}`"
        return "of a single sample" if self.size else "without a sample"


def lost_statistics(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the first buffer that a batch with too little along some dimension makes no number in training."""
    if program.forward.assigned.isdisjoint(program.buffers):
        return
    batch = batch_of(program)
    named = [batch] if batch in program.dimensions else []
    dimensions = [str(name) for name in dict.fromkeys((*named, *program.dimensions))]
    found = [loss for name in dimensions if (loss := _lost_along(program, settings, name, name == batch)) is not None]
    if not found:
        return
    first = found[0].buffer
    batches = " or ".join(loss.words for loss in found)
    message = f"the buffer `{first.id}` is no number any more after a batch {batches} in training"
    demands = listed([f"`{loss.dimension} >= {loss.size + 1}`" for loss in found])
    refuse = f"under `constraints` refuse{'s such a batch' if len(found) == 1 else ' such batches'}"
    sizes = " or ".join(f"{loss.dimension}={loss.size}" for loss in found)
    notes = (f"sizes: {sizes}", "what a running statistic has lost once, no later batch brings back")
    yield LostStatistics.at(Place(FORWARD, first.span), message, notes=notes, help=f"{demands} {refuse}")


def _lost_along(program: Program, settings: Sequence[Setting], dimension: str, batch: bool) -> Loss | None:
    """What is lost where a dimension is 1 or 0, all others being as they are."""
    for size, setting in product((1, 0), settings):  # what refuses one refuses none
        if setting.shrunk or dimension not in setting.sizes:
            continue
        empty = replace(setting, sizes={**setting.sizes, dimension: size})
        lost = _lost(program, empty) if allowed(program, empty) else None
        if lost is None or _is_brought_back(program, setting, lost.id) or _lost_by_match(program, empty):
            continue
        return Loss(lost, dimension, size, batch)
    return None


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
