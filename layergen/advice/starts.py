"""Initial values that are others than those of the module of torch that a layer matches."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from layergen.compare.compared import ON_DATA, shown_apart
from layergen.compare.in_law import FEWEST, Entry, entries_of
from layergen.compare.moments import Samples, told_apart
from layergen.diagnostics import Finding, Place
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.advice import OtherStart
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.matched import matched_module
from layergen.run.started import start
from layergen.settings.choice import Setting

ROUNDING = 1e-6  # how far apart values are by that of float32, as a part of their size
HELP = "write the `init` of torch, or, if another one is meant, `accept: [other-start]`"


def other_starts(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the first tensor that starts otherwise than in the module of `matches`, at the first setting."""
    if program.matches is None or not program.tensors:
        return
    for setting in settings[:1]:
        try:
            yield from _other(program, setting)
        except (TrialFault, EvaluationFault):  # which is told elsewhere
            continue


def _other(program: Program, setting: Setting) -> Iterator[Finding]:
    assert program.matches is not None
    with drawn():
        instance = Instance(program, setting, ON_DATA)
        module = matched_module(instance, ON_DATA.device)
    theirs = {name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()}
    own = {name: tensor for name, tensor in theirs.items() if name in program.tensors and tensor.numel()}
    entries = entries_of(own)

    def samples(count: int) -> Samples:
        with drawn():
            return _ours(instance, entries, count), _theirs(instance, entries, count)

    if not entries:
        return
    found, count = told_apart(samples(FEWEST), samples, [name for name, _ in entries], ROUNDING)
    if found is not None:
        name = entries[found.entries[0]][0]
        right, wrong = shown_apart(found.theirs, found.ours)
        whose = program.matches.module.function
        message = f"over {count} starts, the {found.moment} of `{name}` is {wrong}, and {right} in `{whose}`"
        place = Place(program.path(name), key=True)
        yield OtherStart.at(place, message, notes=instance.explainer.notes(), help=HELP)


def _ours(instance: Instance, entries: Sequence[Entry], count: int) -> Tensor:
    """Entries of a layer's tensors that are started so many times, in a row for each time."""
    rows = []
    for _ in range(count):
        start(instance, torch.float64)
        rows.append(_row(instance.state, entries))
    return torch.stack(rows)


def _theirs(instance: Instance, entries: Sequence[Entry], count: int) -> Tensor:
    """The same of the module."""
    modules = (matched_module(instance, ON_DATA.device) for _ in range(count))
    return torch.stack([_row(module.state_dict(), entries) for module in modules])


def _row(tensors: Mapping[str, Tensor | None], entries: Sequence[Entry]) -> Tensor:
    given = ((tensors[name], index) for name, index in entries)
    return torch.stack([tensor.detach()[index].double() for tensor, index in given if tensor is not None])
