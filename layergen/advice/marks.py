"""What a bool input keeps out of the outputs, though it does not say that it marks anything.

A layer whose mask says so is held to it, at build and by its tests: whatever stands at other positions, and however
many they are, nothing changes. It is told of masks alone that keep positions out which count without them.
"""

from collections.abc import Iterator, Sequence

import torch

from layergen.contracts.masks import Mask, MaskTrial
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.probe.batches import batch_of
from layergen.probe.probing import Way, probed
from layergen.probe.ways import Ways
from layergen.resolve.meanings import LEADING, is_alone
from layergen.resolve.program import Program
from layergen.rules.advice import UndeclaredMarks
from layergen.run.watching import Runs

MOST = 4  # settings at which it is looked at


def undeclared_marks(program: Program, runs: Sequence[Runs]) -> Iterator[Finding]:
    """Yield the bool inputs that keep positions of others out, and do not say so."""
    found = {name: along for name, part in program.inputs.items() if (along := _along(program, part))}
    ways = list(probed(Ways(program, tuple(runs[:MOST])))) if found else []
    for name, along in found.items():
        kept_out = [
            marked for marked in _fitting(program, name, along) if _trials(program, ways, name, [marked], along)
        ]
        trials = _trials(program, ways, name, kept_out, along) if kept_out else []
        if trials:
            yield _finding(trials)


def _along(program: Program, part: Input) -> str | None:
    """The dimension of whose positions a mask may tell: its last one, where any before it is the batch."""
    if part.dtype != "bool" or part.marks or part.broadcast or not isinstance(part.shape, tuple) or not part.shape:
        return None
    *before, last = part.shape
    batch = batch_of(program)
    samples = [ex.Literal(...) if batch == LEADING else ex.Name(batch or "")]
    along = last.id if isinstance(last, ex.Name) and before in ([], samples) else None
    return along if along in program.dimensions and along != batch else None


def _fitting(program: Program, mask: str, along: str) -> Iterator[str]:
    """The inputs whose positions a mask may mark."""
    entries = set(program.inputs[mask].entries)
    for name, part in program.inputs.items():
        if name in program.taken and part.dtype != "bool" and is_alone(part, along) and entries <= {*part.entries}:
            yield name


def _trials(program: Program, ways: Sequence[Way], name: str, marked: Sequence[str], along: str) -> Sequence[MaskTrial]:
    """The trials of a mask that marks some inputs; none unless it keeps out what it does not mark in all of them."""
    part = program.inputs[name].model_copy(update={"marks": tuple(marked), "dim": along})
    mask = Mask(name, part, along)
    trials = [MaskTrial(way, mask) for way in ways if {name, *marked} <= {*way.probe.given}]
    trials = [trial for trial in trials if not trial.before[name].all()]  # a single position is marked
    return trials if all(map(_keeps_out, trials)) else ()


def _finding(trials: Sequence[MaskTrial]) -> Finding:
    mask = trials[0].mask
    message = f"`{mask.name}` decides which positions of {mask.words} count, and does not say so"
    shown = mask.part.marks[0] if len(mask.part.marks) == 1 else f"[{', '.join(mask.part.marks)}]"
    help = (
        f"add `marks: {shown}, dim: {mask.along}` to `{mask.name}`: the build and the tests then hold the layer to it"
    )
    against = next((fault for trial in trials if (fault := trial.fault()) is not None), None)
    notes = () if against is None else (f"held to it, it would be refused: {against.message}",)
    return UndeclaredMarks.at(Place(("inputs", mask.name), key=True), message, notes=notes, help=help)


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
