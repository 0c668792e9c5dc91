"""Laws: what the author says of all inputs holds for some that are drawn."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.contracts.vacuous import FAILS, any_functions
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Law
from layergen.lang.tuples import wholes
from layergen.probe.values import ORDINARY, drawn, give
from layergen.probe.ways import Ways
from layergen.resolve.laws import shown_law
from layergen.resolve.program import Program
from layergen.rules.cases import BrokenLaw, VacuousLaw
from layergen.run.equations import Running
from layergen.run.fault import MemberFault
from layergen.run.instance import Instance, Placement
from layergen.run.moving import move_learned
from layergen.run.started import start
from layergen.settings.choice import Setting, allowed
from layergen.words import listed, plural

IN_FLOAT64 = Placement(torch.device("cpu"), torch.float64)
SEEDS = (0, 1, 2)
TOLERANCE = 1e-7  # of a side, by which rounding may make it differ
ROUNDING = 1e-5  # by which float32 may
FURTHER = 8  # sizes beyond one at which a law cannot be computed, at which it is tried


def check_laws(ways: Ways) -> Iterator[Finding]:
    """Yield the laws that do not hold, each with what breaks it, or else those that nothing could break."""
    settings = [runs.setting for runs in ways.runs if not runs.setting.absent]
    cases = [Case(ways.program, law, index, settings) for index, law in enumerate(ways.program.laws)]
    broken = [finding for case in cases if (finding := case.broken()) is not None]
    yield from broken or (finding for case in cases if (finding := case.vacuous()) is not None)
    if cases and not broken:
        drawn_at = f"on {plural(len(settings), 'way')}, at inputs drawn {len(SEEDS)} times, in float64"
        ways.say("laws", f"{drawn_at}: {listed([f'`{case.shown}`' for case in cases])}")


LAWS = Promise(check_laws, ())


class Case:
    """A law, held against a layer.

    Args:
        program: The layer.
        law: What is said of it.
        index: Where it stands among its laws.
        settings: Where it is tried, as far as the law holds there.
    """

    def __init__(self, program: Program, law: Law, index: int, settings: Sequence[Setting]) -> None:
        self.program = program
        self.law = law
        self.path = ("laws", index, "law")
        self.place = Place(self.path, law.law.span)
        self.shown = shown_law(law, wholes(program.outputs))
        self.settings = [at for at in settings if law.when is None or Interpreter(at.names).truth(law.when)]

    def broken(self) -> Finding | None:
        """What breaks it, if something does."""
        for setting in self.settings:
            for instance in self._drawn(setting, SEEDS):
                running = Running(instance)
                left, _, right = self.law.sides
                try:
                    one, other = running.evaluate(left), running.evaluate(right)
                    if any(isinstance(side, list | tuple) for side in (one, other)):
                        message = f"a side of `{self.shown}` is several tensors"
                        return BrokenLaw.at(self.place, message, help="name one: `layer(x).y`")
                    where = self._breach(one, other)
                except EvaluationFault as fault:
                    return self._failure(instance, fault, running.values)
                except RuntimeError:
                    shapes = f"{instance.explainer.shown(one)} and {instance.explainer.shown(other)}"
                    message = f"the sides of the law have different shapes, {shapes}"
                    return BrokenLaw.at(self.place, message, notes=instance.explainer.notes())
                if where is not None:
                    help = self._help(one, other)
                    return BrokenLaw.at(self.place, self._said(*where), help=help, notes=instance.explainer.notes())
        return None

    def _failure(self, instance: Instance, fault: EvaluationFault, values: Mapping[str, Any]) -> Finding:
        """That a side cannot be computed: where that is for a call of the layer, it is the law that is broken."""
        finding = instance.explainer.fault(self.path, fault, values)
        if isinstance(fault, MemberFault) or not any(node is fault.node for node in ex.walk(self.law.law)):
            message = f"`{self.shown}` calls the layer where it cannot be called: {finding.message}"
            place = self.place if finding.place.path == self.path else finding.place
            finding = finding._replace(rule=BrokenLaw, message=message, place=place, fix=None)
        help = finding.help or self._sized(instance.setting)
        return finding._replace(help=help)

    def _sized(self, setting: Setting) -> str | None:
        """The least size of a dimension at which the law can be computed, where it cannot at a smaller one."""
        asked = ex.names(self.law.law)
        for name in sorted(setting.sizes.keys() & asked, key=lambda name: setting.sizes[name]):
            larger = range(setting.sizes[name] + 1, setting.sizes[name] + FURTHER)
            least = next((size for size in larger if self._computes(_at_size(setting, name, size))), None)
            if least is not None:
                return f"where it holds from some size on, say so: `{{law: …, when: {name} >= {least}}}`"
        return None

    def _computes(self, setting: Setting) -> bool:
        """Whether both sides can be computed at a setting."""
        if not allowed(self.program, setting):
            return False
        (instance,) = self._drawn(setting, SEEDS[:1])
        running = Running(instance)
        left, _, right = self.law.sides
        try:
            self._breach(running.evaluate(left), running.evaluate(right))
        except FAILS:
            return False
        return True

    def vacuous(self) -> Finding | None:
        """That it is tried nowhere, or that it holds of other functions as it does of the layer."""
        if not self.settings:
            help = "under `cases`, give a setting at which its `when` holds, or delete it"
            return VacuousLaw.at(self.place, f"`{self.shown}` is tried at no setting", help=help)
        for setting in self.settings:
            for instance in self._drawn(setting, SEEDS):
                if any(self._can_fail(running) for running in any_functions(instance)):
                    return None
        message = f"`{self.shown}` tells nothing of the layer: random values in the place of what it gives keep it, too"
        help = "say what this layer alone does, as `layer(-x) == -layer(x)`, or delete it"
        return VacuousLaw.at(self.place, message, help=help)

    def _can_fail(self, running: Running) -> bool:
        left, _, right = self.law.sides
        try:
            return self._breach(running.evaluate(left), running.evaluate(right)) is not None
        except FAILS:
            return True

    def _drawn(self, setting: Setting, seeds: Iterable[int]) -> Iterator[Instance]:
        """The layer at a setting, as its generated tests make it: what is learned is moved, and buffers are not."""
        for seed in seeds:
            with drawn(seed):
                instance = Instance(self.program, setting, IN_FLOAT64)
                start(instance, torch.float64)
                give(instance, ORDINARY)
                move_learned(instance)
                yield instance

    def _breach(self, left: Any, right: Any) -> tuple[tuple[int, ...], float, float] | None:
        """Where it does not hold of what its sides are, and the values there."""
        return _first_breach(_tensor(left), _tensor(right), self.law.sides[1], self.law.within)

    def _said(self, index: tuple[int, ...], value: float, wanted: float) -> str:
        place = f"at {list(index)}, " if index else ""
        sign = _opposite(self.law.sides[1])
        digits = next((count for count in (6, 9) if f"{value:.{count}g}" != f"{wanted:.{count}g}"), 17)
        return f"`{self.shown}` does not hold: {place}{value:.{digits}g} {sign} {wanted:.{digits}g}"

    def _help(self, left: Any, right: Any) -> str | None:
        """What lets the sides differ as float32 may make them, where they differ by no more."""
        one, other = _tensor(left).double(), _tensor(right).double()
        off = (one - other).abs()
        room = ROUNDING * (1 + torch.maximum(one.abs(), other.abs()))
        if self.law.within is not None or self.law.sides[1] in "<>" or not bool((off <= room).all()):
            return None
        within = 10.0 ** math.ceil(math.log10(float(off.max())) + 0.5)
        mark = "'" if '"' in self.shown else '"'
        law = f"{{law: {mark}{self.shown}{mark}, within: {within:.0e}}}"
        return f"if that is rounding, as of tensors in float32, write `{law}`"


def _at_size(setting: Setting, name: str, size: int) -> Setting:
    return replace(setting, sizes={**setting.sizes, name: size})


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
