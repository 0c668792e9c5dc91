"""What a bool input keeps out of the outputs, though it does not say that it marks anything.

A layer whose mask says so is held to it, at build and by its tests: whatever stands at other positions, and however
many they are, nothing changes. It is told of masks alone that keep positions out which count without them.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import torch

from layergen.contracts.independence import batch_of
from layergen.contracts.masks import Mask, MaskTrial
from layergen.contracts.probing import Way, probed
from layergen.contracts.promise import Ways
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.resolve.meanings import LEADING, is_alone
from layergen.resolve.program import Program
from layergen.rules.advice import UndeclaredMarks
from layergen.run.watching import Runs
from layergen.words import listed

MOST = 4  # settings at which it is looked at


def undeclared_marks(program: Program, runs: Sequence[Runs]) -> Iterator[Finding]:
    """Yield the bool inputs that keep positions of others out, and do not say so."""
    found = {name: along for name, part in program.inputs.items() if (along := _along(program, part))}
    ways = list(probed(Ways(program, tuple(runs[:MOST])))) if found else []
    for name, along in found.items():
        for marked in _sets(program, name, along):
            told = _told(program, ways, name, marked, along)
            if told is not None:
                yield told
                break


def _along(program: Program, part: Input) -> str | None:
    """The dimension of whose positions a mask may tell: its last one, where any before it is the batch."""
    if part.dtype != "bool" or part.marks or part.broadcast or not isinstance(part.shape, tuple) or not part.shape:
        return None
    *before, last = part.shape
    batch = batch_of(program)
    samples = [ex.Literal(...) if batch == LEADING else ex.Name(batch or "")]
    return last.id if isinstance(last, ex.Name) and before in ([], samples) and last.id != batch else None


def _sets(program: Program, mask: str, along: str) -> Iterator[tuple[str, ...]]:
    """The inputs whose positions a mask may mark: many of them rather than few, but for other masks."""
    own = program.inputs[mask]
    fitting = [
        name
        for name, part in program.inputs.items()
        if name != mask and name in program.taken and part.dtype != "bool" and is_alone(part, along)
        if isinstance(part.shape, tuple) and isinstance(own.shape, tuple) and {*own.shape} <= {*part.shape}
    ]
    for count in range(len(fitting), 0, -1):
        yield from combinations(fitting, count)


def _told(program: Program, ways: Sequence[Way], name: str, marked: tuple[str, ...], along: str) -> Finding | None:
    """The advice that a mask marks some inputs, if it keeps out on every way what it does not mark."""
    part = program.inputs[name].model_copy(update={"marks": marked, "dim": along})
    mask = Mask(name, part, along)
    trials = [MaskTrial(way, mask) for way in ways if {name, *marked} <= {*way.probe.given}]
    trials = [trial for trial in trials if not trial.before[name].all()]  # a single position is marked
    if not trials or not all(map(_keeps_out, trials)):
        return None
    words = listed(f"`{one}`" for one in marked)
    message = f"`{name}` decides which positions of {words} count, and does not say so"
    shown = marked[0] if len(marked) == 1 else f"[{', '.join(marked)}]"
    help = f"add `marks: {shown}, dim: {along}` to `{name}`: the build and the tests then hold the layer to it"
    against = next((fault for trial in trials if (fault := trial.fault()) is not None), None)
    notes = () if against is None else (f"held to it, it would be refused: {against.message}",)
    return UndeclaredMarks.at(Place(("inputs", name), key=True), message, notes=notes, help=help)


def _keeps_out(trial: MaskTrial) -> bool:
    """Whether other content counts where a mask is true, at other positions too, and nowhere where it is false."""
    name = trial.mask.name
    marks = trial.before[name]
    if trial.sees_other(~marks, marks) or not trial.sees_other(marks, marks):
        return False
    trial.before = {**trial.before, name: torch.ones_like(marks)}
    try:
        return trial.sees_other(~marks, marks)
    finally:
        trial.before = {**trial.before, name: marks}
