"""Samples of a batch beside others, in another order, and alone: whether one gives the same each time."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product, starmap
from typing import Protocol

from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.runs import dots
from layergen.probe.probing import LARGE, NEAR, Probe, Tensors, at_index, differs, resized
from layergen.resolve.standing import axes
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting, allowed

SCALES = (1.0, LARGE)  # of the samples that are put beside one
ENDS = (0, -1)  # which one: what is summed up along a batch changes no first sample
OTHER_BASES = (NEAR, LARGE)  # of all samples, where ordinary ones show no dependence
SEEDS = range(1, 5)  # of random numbers that decide which samples meet
UNEVEN = frozenset({"poisson", "binomial", "multinomial", "rrelu"})  # how much they draw, or what, is up to values
COMPANY = REPLACED, REORDERED, ALONE = "the other samples replaced", "all of them reordered", "one alone"
Axes = dict[str, tuple[int, ...]]  # where the samples are in each tensor that has them


class Subject(Protocol):
    """A layer, or the module that it is to match."""

    def outputs(self, training: bool, inputs: Tensors) -> Tensors | None:
        """What it gives for inputs; None if it fails."""

    def at(self, setting: Setting) -> "Subject":
        """The same with inputs of other sizes."""


@dataclass(frozen=True)
class Dependence:
    """How a sample was seen to depend on the others."""

    output: str
    words: str
    before: Tensors  # inputs
    after: Tensors | None  # inputs of the same sizes, for which the sample gives something else
    place: int = 0  # of the sample


class Samples:
    """The samples of a layer at a setting, in one mode.

    Args:
        probe: The layer, with several samples.
        subject: What is run: the layer itself, or the module that it is to match.
        training: In which mode.
        batch: The dimension along which there are samples.
    """

    def __init__(self, probe: Probe, subject: Subject, training: bool, batch: str) -> None:
        self.probe, self.subject, self.training, self.batch = probe, subject, training, batch
        self.shown: set[str] = set()  # in which company a sample was seen to give the same
        self.draw()
        inputs, outputs = probe.inputs, probe.results
        self.inputs: Axes = {
            name: where for name, value in self.before.items() if (where := axes(inputs[name], batch, value.dim()))
        }
        self.outputs: Axes = {
            name: where for name, value in self.usual.items() if (where := axes(outputs[name], batch, value.dim()))
        }

    def draw(self, scale: float = 1.0) -> None:
        """Have samples of a scale, and what they give."""
        self.before = self.probe.drawn(scale=scale)
        self.usual = self.subject.outputs(self.training, self.before) or {}

    @property
    def draws(self) -> bool:
        """Whether random numbers are drawn: a sample meets others elsewhere in a batch, or alone."""
        program = self.probe.program
        return program.draws and (self.training or program.random == "always")

    def dependence(self) -> Dependence | None:
        """How a sample is seen to depend on the others, if it is."""
        uneven = any(op.name in UNEVEN for op in self.probe.program.forward.ops)
        if not self.inputs or not self.outputs or (self.draws and uneven):
            return None
        found = next(filter(None, starmap(self.replaced, product(SCALES, ENDS))), None)
        for seed in SEEDS if self.draws and not found else ():
            self.probe.seed = seed
            self.usual = self.subject.outputs(self.training, self.before) or self.usual
            found = found or next(filter(None, (self.replaced(place=place) for place in ENDS)), None)
        if found is None and not self.draws:
            found = self.moved() or self.alone()
        return found or next(filter(None, map(self.at_scale, OTHER_BASES if self.floating else ())), None)

    @property
    def floating(self) -> bool:
        """Whether the scale of the samples makes a difference."""
        return any(self.before[name].is_floating_point() or self.before[name].is_complex() for name in self.inputs)

    def at_scale(self, scale: float) -> Dependence | None:
        """A sample beside others where all of them have another scale."""
        self.draw(scale)
        return next(filter(None, (self.replaced(scale, place) for place in ENDS)), None) if self.usual else None

    @property
    def along(self) -> str:
        """What the spec calls the dimension."""
        return dots(self.probe.program.run) if self.batch == "..." else self.batch

    def replaced(self, scale: float = 1.0, place: int = 0) -> Dependence | None:
        """One sample beside others."""
        after = dict(self.before)
        for name, where in self.inputs.items():
            after[name] = self.probe.draw(name, scale)
            kept = at_index(after[name], where, place)
            after[name][kept] = self.before[name][kept]
        result = self.subject.outputs(self.training, after)
        output = self.changed(REPLACED, result, lambda value, where: value, place)
        words = f"changes with the other samples along `{self.along}`"
        return None if output is None else Dependence(output, words, self.before, after, place)

    def moved(self) -> Dependence | None:
        """All samples one place further on."""
        after = {name: self.before[name].roll(1, where[0]) for name, where in self.inputs.items()}
        result = self.subject.outputs(self.training, {**self.before, **after})
        name = self.changed(REORDERED, result, lambda value, where: value.roll(-1, where[0]))
        words = f"changes with the place of a sample along `{self.along}`"
        return None if name is None else Dependence(name, words, self.before, None)

    def alone(self) -> Dependence | None:
        """The first sample by itself."""
        shapes = {name: self.probe.inputs[name].entries for name in self.before if name not in self.inputs}
        if any(self.batch in ex.names(entry) for entries in shapes.values() for entry in entries):
            return None  # sizes that come of the batch would have to shrink with it
        cut = {
            name: self.before[name][at_index(self.before[name], where, slice(1))] for name, where in self.inputs.items()
        }
        setting = resized(self.probe.setting, self.batch, 1)
        if not allowed(self.probe.program, setting):
            return None
        try:
            single = self.subject.at(setting)
        except TrialFault:
            return None
        result = single.outputs(self.training, {**self.before, **cut})
        name = self.changed(ALONE, result, lambda value, where: value)
        words = f"is another one for a sample alone, where {self.along} == 1"
        return None if name is None else Dependence(name, words, self.before, None)

    def changed(
        self,
        company: str,
        values: Tensors | None,
        arranged: Callable[[Tensor, tuple[int, ...]], Tensor],
        place: int = 0,
    ) -> str | None:
        """The first output in which a sample has become another one; nothing if the layer did not run."""
        if values is None:
            return None
        self.shown.add(company)
        for name, where in self.outputs.items():
            usual, now = self.usual[name], arranged(values[name], where)
            if differs(usual[at_index(usual, where, place)], now[at_index(now, where, place)]):
                return name
        return None
