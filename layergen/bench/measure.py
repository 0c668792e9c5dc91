"""Measures a layer at one size after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from torch import nn

from layergen.bench.clock import compare, once
from layergen.bench.memory import peak
from layergen.bench.sizes import elements, ladder
from layergen.bench.subject import Call, subjects
from layergen.domains.tables import works_with_tables
from layergen.prove.abstract_run import settled
from layergen.resolve.program import Program
from layergen.run.fitting import fitted
from layergen.settings.choice import Setting, settings

PATIENCE = 0.1  # seconds that one forward and backward may take


@dataclass(frozen=True)
class Figure:
    """What was measured of a layer, and of the module that it matches, if there is one."""

    layer: float
    match: float | None = None
    ratio: float | None = None  # how many times as much the layer takes

    @classmethod
    def timed(cls, calls: Sequence[Call], seconds: float) -> Self:
        """The seconds that calls take, measured for so many."""
        return cls(*compare(calls, seconds))

    @classmethod
    def held(cls, calls: Sequence[Call]) -> Self:
        """The bytes that calls hold at most."""
        peaks = [peak(call) for call in calls]
        return cls(*peaks, *(peaks[0] / other for other in peaks[1:] if other))


@dataclass(frozen=True)
class Measurement:
    """A layer at one setting."""

    setting: Setting
    elements: int  # of its inputs, its outputs and its own tensors
    forward: Figure  # seconds
    both: Figure | None  # seconds of forward and backward; None where no gradient flows
    memory: Figure  # bytes at most, of forward and backward


def starts(program: Program, all_cases: bool = False) -> tuple[Setting, ...]:
    """The smallest settings of a layer: the first case of its spec, or each that the spec gives."""
    with settled():
        usual = settings(program)
        chosen = [setting for setting in usual if setting.path] if all_cases and program.cases else usual[:1]
        return tuple(fitted(program, setting, works_with_tables) for setting in chosen)


def measured(program: Program, layer: type[nn.Module], base: Setting, seconds: float) -> Iterator[Measurement]:
    """Measure a layer at a setting, and at larger ones as long as that does not take too long.

    Args:
        program: The layer's spec.
        layer: Its class.
        base: The smallest setting.
        seconds: For how long it is called, about, each time that it is measured.
    """
    with settled():
        for setting in ladder(program, base):
            made = subjects(program, layer, setting)
            forward = [subject.forward for subject in made]
            both = [call for subject in made if (call := subject.both()) is not None]
            slowest = both if len(both) == len(made) else forward
            if setting is not base and max(map(once, slowest)) > PATIENCE:
                return
            yield Measurement(
                setting,
                elements(program, setting),
                Figure.timed(forward, seconds),
                Figure.timed(both, seconds) if slowest is both else None,
                Figure.held(slowest),
            )
