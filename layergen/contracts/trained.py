"""Trained: evaluation gives numbers after some training, too, where the layer keeps something between calls."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, product

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.slopes import gradients
from layergen.probe.values import EQUAL, ORDINARY, Point, drawn, give
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import BrokenByTraining
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

STEPS = 8  # of training
OFFSET = 3.0  # of inputs whose mean is clearly not zero, ten times as much in the end
SHARE = 0.1  # of a range, at its ends
GROWING, LONG = 1.02, 4000  # by what a buffer grows in a step that grows without end, and how many are tried then


def _about(center: float) -> Point:
    low = 0.0 if center < 0 else 1 - SHARE
    return Point(f"about {center:g}", lambda shape: center + torch.randn(shape), lambda s: low + SHARE * torch.rand(s))


HISTORIES = (ORDINARY, _about(OFFSET), _about(-OFFSET), _about(-10 * OFFSET), EQUAL)


@dataclass(frozen=True)
class Evaluation:
    """What a layer gives in evaluation, with its gradients, as long as it runs."""

    run: Run
    numbers: Mapping[str, Tensor]  # all that should be finite, by what a message calls it


class Course:
    """A layer that is trained at a setting, on inputs of one kind. Parameters keep their initial values.

    Args:
        program: The layer.
        setting: Where it is trained.
        point: What the inputs are.
        dtype: In what it computes.

    Raises:
        TrialFault: If it cannot be set up.
    """

    def __init__(self, program: Program, setting: Setting, point: Point, dtype: torch.dtype = torch.float64) -> None:
        self.point = point
        self.instance = Instance(program, setting, Placement(CPU, dtype, gradients=True))
        self.targets: dict[str, ex.Name] = {}  # where buffers are assigned
        with drawn():
            started(self.instance, point)
        self.start = {name: tensor.clone() for name, tensor in self.buffers()}
        self.sound = True  # whether training itself gives numbers

    def buffers(self) -> Iterator[tuple[str, Tensor]]:
        """The layer's own buffers."""
        for name in self.instance.program.buffers:
            tensor = self.instance.state[name]
            if tensor is not None:
                yield name, tensor

    def train(self, steps: int, renewed: bool = True) -> None:
        """Take some steps, each on inputs of its own or all on the same, and keep what is assigned to buffers.

        Raises:
            TrialFault: If the layer does not run.
        """
        for step in range(steps):
            with drawn(step + 1):
                if renewed:
                    give(self.instance, self.point)
                run = self.instance.run(True)
                self.targets |= self.instance.keep(run)
            self.sound = self.sound and all(map(_finite, floats(run).values()))

    def evaluated(self, initial: bool = False) -> Evaluation:
        """What comes of the first inputs in evaluation, with the buffers as they are or as they were initially.

        Raises:
            TrialFault: If the layer does not run.
        """
        trained = {name: tensor.clone() for name, tensor in self.buffers()}
        self.restore(self.start if initial else trained)
        with drawn(1, gradients=True):
            give(self.instance, self.point)
            run = self.instance.run(False)
            slopes = gradients(self.instance, run)
        self.restore(trained)
        named = {f"the gradient of `{name}`": slope for name, slope in slopes.items()}
        return Evaluation(run, {**{f"`{name}`": output for name, output in floats(run).items()}, **named})

    def restore(self, values: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in self.buffers():
                tensor.copy_(values[name])


def check_trained(ways: Ways) -> Iterator[Finding]:
    """Yield the first value that training has made no number."""
    program = ways.program
    if program.matches or program.forward.assigned.isdisjoint(program.buffers):  # a module has the same buffers
        return
    settings = [runs.setting for runs in ways.runs if all(seen.evidence for seen in runs.seen(SMALL))]
    held = False
    for setting, point in product(settings, HISTORIES):
        with suppress(TrialFault):
            finding = _broken(program, setting, point) or (_endless(program, setting) if point is ORDINARY else None)
            if finding is not None:
                yield finding
                return
            held = True
    if held:
        words = f"after {STEPS} steps of training on inputs of several kinds, evaluation gives numbers where it did"
        ways.say("trained", words)


TRAINED = Promise(check_trained, (SMALL,))


def _broken(program: Program, setting: Setting, point: Point) -> Finding | None:
    """What training on some inputs breaks."""
    course = Course(program, setting, point)
    before = course.evaluated(initial=True)
    course.train(STEPS)
    if not course.sound:
        return None
    for name, tensor in course.buffers():
        if tensor.is_floating_point() and not _finite(tensor) and _finite(course.start[name]):
            message = f"the buffer `{name}` {_told(tensor)} after {STEPS} steps of training on inputs {point.words}"
            return _finding(course, Place(FORWARD, course.targets[name].span), message)
    after = course.evaluated()
    for name, value in after.numbers.items():
        was = before.numbers.get(name)
        if was is not None and _finite(was) and not _finite(value):
            steps = f"{STEPS} steps of training on inputs {point.words}"
            place = _first(after.run) or Place(FORWARD)
            return _finding(course, place, f"{name} {_told(value)} in evaluation, after {steps}")
    return None


def _endless(program: Program, setting: Setting) -> Finding | None:
    """The first buffer that grows by some factor at each step on the same inputs, until it is infinite in float32."""
    course = Course(program, setting, ORDINARY, torch.float32)
    sizes: list[dict[str, Tensor]] = []
    for _ in range(4):
        course.train(1, renewed=False)
        sizes.append({name: tensor.clone().double() for name, tensor in course.buffers() if _is_floating(tensor)})
    steps = [{name: _distance(now[name], was[name]) for name in now} for was, now in pairwise(sizes)]
    growing = [name for name in steps[0] if all(0 < GROWING * a[name] < b[name] for a, b in pairwise(steps))]
    for count in range(LONG if growing else 0):
        course.train(1, renewed=False)
        for name in growing:
            tensor = course.instance.state[name]
            if tensor is not None and not _finite(tensor):
                message = f"the buffer `{name}` grows without end: on the same inputs, it {_told(tensor)} after "
                message += f"{len(sizes) + count + 1} steps of training"
                place, notes = Place(FORWARD, course.targets[name].span), course.instance.explainer.notes()
                help = "move it towards what is new: `lerp(old, new, 0.1)` is between the two"
                return BrokenByTraining.at(place, message, notes=notes, help=help)
    return None


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def _is_floating(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.numel() > 0


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


def _told(tensor: Tensor) -> str:
    return "has NaN" if bool(tensor.isnan().any()) else "is infinite"


def _first(run: Run) -> Place | None:
    """The first step that is no number."""
    for step in run.steps:
        if isinstance(step.value, Tensor) and not _finite(step.value):
            return Place(FORWARD, step.target.span)
    return None


def _finding(course: Course, place: Place, message: str) -> Finding:
    """The finding, with the buffers that were positive and are no longer."""
    negative = [
        name
        for name, tensor in course.buffers()
        if _is_floating(tensor) and name in course.targets and course.start[name].min() > 0 and tensor.min() < 0
    ]
    labels = [Label(Place(FORWARD, course.targets[name].span), f"`{name}` becomes negative") for name in negative]
    help = (
        f"see what is stored in `{negative[0]}`: a variance, a count or a size is never negative" if negative else None
    )
    help = help or "see what is stored in the buffers, and keep away from what the op that fails cannot take"
    return BrokenByTraining.at(place, message, labels=labels, notes=course.instance.explainer.notes(), help=help)
