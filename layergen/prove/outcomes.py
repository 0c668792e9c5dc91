"""What a layer does at small sizes: on data, where torch refuses more than it does without."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.prove.hints import Hints, at_point, numbers
from layergen.resolve.program import Program
from layergen.run.explain import Unexplained
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.low_integers import run_or_lower
from layergen.run.misfits import misfit
from layergen.run.on_data import CPU, drawn, fill, fits
from layergen.settings.choice import Setting

Point = Mapping[str, int]  # a value for each name


class Does(Enum):
    """What a layer does at a setting."""

    WORK = "works"
    REFUSE = "is refused by torch, in training and in evaluation"
    REFUSE_IN_TRAINING = "is refused by torch in training alone"
    REFUSE_IN_EVALUATION = "is refused by torch in evaluation alone"
    MISFIT = "gives other shapes than declared"


@dataclass
class Outcomes:
    """What a layer does at the points near one setting, each tried once.

    Args:
        program: The layer.
        ground: The setting, and a name for each of its integers.
    """

    program: Program
    ground: Hints
    known: dict[tuple[tuple[str, int], ...], Does | None] = field(default_factory=dict)
    misfits: dict[tuple[tuple[str, int], ...], Finding] = field(default_factory=dict)
    senseless: set[tuple[tuple[str, int], ...]] = field(default_factory=set)  # refused, though not by torch

    def setting(self, changes: Point) -> Setting | None:
        """The ground with some numbers changed, unless bounds or constraints refuse that."""
        return at_point(self.program, self.ground, self.point(changes))

    def point(self, changes: Point) -> dict[str, int]:
        return {**self.ground.names, **changes}

    def at(self, changes: Point) -> Does | None:
        """What the layer does where some numbers are changed; None where it cannot be asked for that."""
        key = tuple(sorted(self.point(changes).items()))
        if key not in self.known:
            self.known[key] = self.tried(key, self.setting(changes))
        return self.known[key]

    def works(self, changes: Point) -> bool:
        return self.at(changes) is Does.WORK

    def misfit(self, changes: Point) -> Finding | None:
        """The output that has another shape than declared."""
        return self.misfits.get(tuple(sorted(self.point(changes).items())))

    def let_through(self, changes: Point) -> bool:
        """Whether torch does not refuse a point by itself: a declared size is negative there, or numbers fail first."""
        refused = self.at(changes) not in (None, Does.WORK, Does.MISFIT)
        return refused and tuple(sorted(self.point(changes).items())) in self.senseless

    def tried(self, key: tuple[tuple[str, int], ...], setting: Setting | None) -> Does | None:
        if setting is None:
            return None
        try:
            unexplained = Unexplained(self.program, setting)
            bare = Instance(self.program, setting, explainer=unexplained)
            with drawn():
                instance = Instance(self.program, setting, Placement(CPU), unexplained) if fits(bare) else bare
                if instance is not bare:
                    fill(instance)
        except (SpecError, RuntimeError, ArithmeticError):  # a shape or a range that is empty here
            return None
        refused: list[bool] = []
        for training in self.program.modes:
            try:
                run = run_or_lower(instance, training)
            except TrialFault as fault:
                if fault.unchecked:
                    self.senseless.add(key)
                refused.append(training)
                continue
            try:
                found = misfit(instance, run)
            except TrialFault:  # there is no such size
                self.senseless.add(key)
                refused.append(training)
                continue
            if not all(output.numel() for output in run.outputs.values()):
                return None  # nothing is asked for, and nothing comes of it
            if found is not None:
                self.misfits[key] = found
                return Does.MISFIT
        if not refused:
            return Does.WORK
        if len(refused) == len(self.program.modes):
            return Does.REFUSE
        return Does.REFUSE_IN_TRAINING if refused[0] else Does.REFUSE_IN_EVALUATION


def is_refused(program: Program, setting: Setting) -> bool:
    """Whether torch refuses a setting with data, and does not only give nothing, as it does without."""
    return Outcomes(program, numbers(program, setting)).at({}) not in (None, Does.WORK, Does.MISFIT)
