"""Apart: on inputs at which training has come to rest, evaluation gives what training gives.

Statistics that are gathered of the same inputs, again and again, are those of these inputs in the end. A layer that
takes them for something else then computes in evaluation what it has not been trained for, and no number tells so by
itself. Asked of layers in which samples see each other in training alone: these compute statistics there, too.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import torch

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.contracts.trained import Course
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.probe.attempts import TOLERANCE, comparable, off
from layergen.probe.sites import SMALL
from layergen.probe.values import Point, drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import EvaluationApart
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting, allowed

STEPS, ROUNDS = 25, 12  # of training, after each of which it is asked whether it has come to rest
AT_REST = 1e-4  # by what share of itself a buffer moves no more in so many steps
MANY = 48  # samples, of which a variance is the same by either count
TYPICAL = Point("about 3 that differ by some 2", lambda shape: 3 + 2 * torch.randn(shape), torch.rand)


def check_apart(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that evaluation does not give as training does."""
    program = ways.program
    gathers = "training" in program.mixes.values() and not program.forward.assigned.isdisjoint(program.buffers)
    if program.matches or not gathers or not comparable(program, training=True):
        return
    for runs in ways.runs:
        if all(seen.evidence for seen in runs.seen(SMALL)):
            with suppress(TrialFault):
                if finding := _apart(program, _with_many(program, runs.setting)):
                    yield finding
                    return


APART = Promise(check_apart, (SMALL,))


def _with_many(program: Program, setting: Setting) -> Setting:
    """The setting with many samples, where constraints allow them."""
    many = {name: MANY if name in program.mixes else size for name, size in setting.sizes.items()}
    larger = replace(setting, sizes=many)
    return larger if allowed(program, larger) else setting


def _apart(program: Program, setting: Setting) -> Finding | None:
    """What differs between the modes once no buffer changes any more.

    Raises:
        TrialFault: If the layer does not run.
    """
    course = Course(program, setting, TYPICAL)
    steps = _steps_to_rest(course)
    if steps is None or not course.sound:
        return None
    with drawn(1), torch.no_grad():
        trained, evaluated = course.instance.run(True), course.instance.run(False)
    for name, right in floats(trained).items():
        error = off(evaluated.outputs[name], right, torch.float64)
        if TOLERANCE < error < float("inf"):
            stored = [key for key in course.targets if key in course.start]
            labels = [Label(Place(FORWARD, course.targets[key].span), f"`{key}` is updated") for key in stored]
            message = (
                f"in evaluation `{name}` is off by {error:.0%} from what training gives, once {steps} steps on the "
            )
            message += "same inputs have brought the buffers to rest"
            help = "let the updates come to rest at what training computes of a batch, as `lerp(old, new, 0.1)` does, "
            help += "and use both in the same way"
            notes = course.instance.explainer.notes()
            return EvaluationApart.at(evaluated.place(name), message, labels=labels, notes=notes, help=help)
    return None


def _steps_to_rest(course: Course) -> int | None:
    """After how many steps on the same inputs the floating buffers move no more; None if they go on.

    Raises:
        TrialFault: If the layer does not run.
    """
    first = _moved(course)
    if not first or not all(moved > 0 for moved, _ in first.values()):
        return None  # what never moves is at no rest, and tells nothing of its update
    for count in range(2, ROUNDS + 1):
        now = _moved(course)
        if all(moved <= AT_REST * min(size, first[name][0]) for name, (moved, size) in now.items()):
            return STEPS * count
    return None


def _moved(course: Course) -> Mapping[str, tuple[float, float]]:
    """How far each floating buffer moves in some steps on the same inputs, and how large it is.

    Raises:
        TrialFault: If the layer does not run.
    """
    before = {name: tensor.clone() for name, tensor in course.buffers() if tensor.is_floating_point()}
    course.train(STEPS, renewed=False)
    after = dict(course.buffers())
    found = {name: (float((after[name] - was).norm()), float(after[name].norm())) for name, was in before.items()}
    return {name: pair for name, pair in found.items() if name in course.targets}
