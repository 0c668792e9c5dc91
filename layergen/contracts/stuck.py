"""Stuck: a buffer that is updated in training changes there, from its initial value and on some inputs."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import product

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.contracts.trained import HISTORIES, STEPS, Course
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.probe.probing import differs
from layergen.probe.sites import SMALL
from layergen.probe.values import HUGE, ZERO, Point, drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import StuckBuffer
from layergen.run.forward import TrialFault
from layergen.run.moving import learned
from layergen.settings.choice import Setting

UNCHANGED = 1e-12  # of the largest entry: what rounding leaves of `0.9 * m + 0.1 * m`
LATER = 1000  # times as many steps, for buffers that count them


def _lost(shape: tuple[int, ...]) -> Tensor:
    """Numbers some of which are none, as a buffer may count."""
    values, kinds = torch.randn(shape), torch.rand(shape)
    return values.where(kinds < 0.7, torch.inf).where(kinds < 0.85, torch.nan)


UNUSUAL = (HUGE, ZERO, Point("of which some are no numbers", _lost, torch.rand))


def check_stuck(ways: Ways) -> Iterator[Finding]:
    """Yield the buffers that are updated in training and that no step of it changes; one finding for all of them."""
    program = ways.program
    updated = program.forward.assigned & program.buffers.keys()
    if program.matches or not updated:  # the module has the same buffers
        return
    if not all(seen.evidence for seen in ways.seen(SMALL)):
        return
    tried = ways.settings
    assigned: dict[str, ex.Name] = {}
    changed: set[str] = set()
    for point, setting in product((*HISTORIES, *UNUSUAL), tried):
        if updated <= changed:
            return
        with suppress(TrialFault):
            course = _moved(program, setting, point)
            for steps in (1, STEPS):  # what takes turns with another one may be what it was
                course.train(steps)
                changed |= _changed(course, course.start)
            assigned |= {name: target for name, target in course.targets.items() if course.start[name].numel()}
            if not course.targets.keys() <= changed:
                changed |= _later(course)
    stuck = {name: target for name, target in assigned.items() if name not in changed}
    if stuck:
        yield _finding(stuck, {name for setting in tried for name in _moves_elsewhere(program, setting, stuck)})


STUCK = Promise(check_stuck, (SMALL,))


def _moved(program: Program, setting: Setting, point: Point) -> Course:
    """A layer whose parameters are other ones than in the beginning, where a factor of zero may hide all.

    Raises:
        TrialFault: If it cannot be set up.
    """
    course = Course(program, setting, point)
    with drawn(1), torch.no_grad():
        for tensor in learned(course.instance):
            tensor.add_(torch.rand_like(tensor) - 0.5)
    return course


def _changed(course: Course, start: Mapping[str, Tensor]) -> set[str]:
    """The buffers that are no longer what they were, but for entries that are no numbers any more."""
    there = {name: tensor for name, tensor in course.buffers() if tensor.numel()}
    now = {name: torch.where(tensor.isfinite(), tensor, start[name]) for name, tensor in there.items()}
    return {name for name, tensor in now.items() if differs(start[name], tensor, UNCHANGED, floor=0.0)}


def _later(course: Course) -> set[str]:
    """What changes after many steps more, as far as it waits for a buffer that counts them."""
    with suppress(TrialFault, OverflowError):
        for name, tensor in course.buffers():
            if tensor.dtype is not torch.bool:
                tensor.add_(LATER * (tensor - course.start[name]))
        before = {name: tensor.clone() for name, tensor in course.buffers()}
        course.train(STEPS)
        return _changed(course, before)
    return set()


def _moves_elsewhere(program: Program, setting: Setting, names: Mapping[str, ex.Name]) -> set[str]:
    """The buffers that would change if they started at other values."""
    with suppress(TrialFault):
        course = _moved(program, setting, HISTORIES[0])
        with drawn(2):
            for name, tensor in course.buffers():
                if name in names and tensor.dtype is not torch.bool:
                    tensor.add_(torch.rand_like(tensor) + 0.5 if tensor.is_floating_point() else 1)
        before = {name: tensor.clone() for name, tensor in course.buffers()}
        course.train(STEPS)
        return _changed(course, before) & names.keys()
    return set()


def _finding(stuck: Mapping[str, ex.Name], elsewhere: set[str]) -> Finding:
    (first, target), *others = stuck.items()
    labels = [Label(Place(FORWARD, other.span), f"nor does `{name}`") for name, other in others]
    place = Place(FORWARD, target.span)
    if first in elsewhere:
        message = f"the buffer `{first}` stays at its initial value: no step of training changes it from there"
        labels = [Label(Place(("buffers", first, "init")), "starts here"), *labels]
        help = f"start `{first}` where its update moves it, as with `normal(0, 1)` if it is normalized, or add to it "
        help += "what is new"
    else:
        message = f"the buffer `{first}` never changes: each update gives it what it has"
        help = f"write what is new into it, as `{first} = lerp({first}, new, 0.1)` does for a mean and "
        help += f"`{first} = {first} + 1` for a count; or leave the update out"
    return StuckBuffer.at(place, message, labels=labels, help=help)
