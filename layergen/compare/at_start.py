"""At the start: initial values, held to what the definition says of them by the moments of many starts."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from layergen.compare.compared import HELP, ON_DATA
from layergen.compare.definition import evaluated
from layergen.compare.ends import beyond
from layergen.compare.in_law import SETTINGS, Entry, defined, entries_of, message
from layergen.compare.moments import Samples, told_apart
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.numbers import IndexFault, TooLongError
from layergen.definition.scene import Definition
from layergen.diagnostics import Label, Place
from layergen.faults import SpecError
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.cases import DefinitionMismatch, IllDefined
from layergen.run.instance import Instance
from layergen.run.started import start
from layergen.run.watching import Runs

ROUNDING = 1e-6  # how far apart values are by that of float32, as a part of their size


def hold_starts(program: Program, runs: Iterable[Runs]) -> dict[str, int]:
    """Compare the values that tensors start with; gives how often they were started, by the setting.

    What is drawn is compared at some settings alone, for it takes long.

    Raises:
        SpecError: If a moment differs, or the definition asks for an entry that is not there.
    """
    definition = program.definition.start if program.definition is not None else None
    found: dict[str, int] = {}
    if definition is None:
        return found
    for one in runs:
        if (len(found) < SETTINGS or not definition.draws) and one.admits(WITH_DATA):
            with drawn():
                instance = Instance(program, one.setting, ON_DATA)
                start(instance, torch.float64)
            told = {name: tensor for name in definition.scene.outputs if (tensor := instance.state[name]) is not None}
            count = _held(instance, definition, entries_of(told)) if told else 0
            found |= {one.setting.name: count} if count else {}
    return found


def _held(instance: Instance, definition: Definition, entries: Sequence[Entry]) -> int:
    """By how many starts the values are held to the definition; 0 where these would take too long."""
    evaluation, notes = evaluated(instance, definition), instance.explainer.notes()
    try:
        theirs = defined(evaluation, entries, None if definition.draws else 1)
    except TooLongError:
        return 0
    except IndexFault as fault:
        wrong = IllDefined.at(Place(PATH, fault.node.span), fault.message, notes=notes, help=fault.help)
        raise SpecError([wrong]) from None
    ours = _started(instance, entries, len(theirs)) if definition.draws else _values(instance, entries)

    def hold_ends() -> None:
        outside = beyond(evaluation, entries, ours, ROUNDING) if definition.draws else None
        if outside is not None:
            raise _otherwise(instance, evaluation, outside.entry, outside.message)

    def more(count: int) -> Samples:
        hold_ends()  # which say more plainly what may be wrong
        return _started(instance, entries, count), defined(evaluation, entries, count)

    found, count = told_apart((ours, theirs), more, [name for name, _ in entries], ROUNDING)
    if found is not None:
        where = f"over {count} starts" if definition.draws else "at the start"
        raise _otherwise(instance, evaluation, entries[found.entries[0]], message(found, entries, where, "its `init`"))
    hold_ends()
    return len(theirs)


def _otherwise(instance: Instance, evaluation: Evaluation, entry: Entry, message: str) -> SpecError:
    """That a tensor starts otherwise than the definition says."""
    name, index = entry
    place = Place(PATH, evaluation.equation(name, index).span)
    labels = (Label(Place(instance.program.path(name), key=True), "this starts otherwise"),)
    notes = instance.explainer.notes()
    return SpecError([DefinitionMismatch.at(place, message, labels=labels, notes=notes, help=HELP)])


def _started(instance: Instance, entries: Sequence[Entry], count: int) -> Tensor:
    """Entries of tensors that are started so many times, in a row for each time."""
    rows: list[Tensor] = []
    with drawn():
        for _ in range(count):
            start(instance, torch.float64)
            rows.append(_values(instance, entries))
    return torch.cat(rows)


def _values(instance: Instance, entries: Sequence[Entry]) -> Tensor:
    """Entries of tensors as they are, in one row."""
    tensors = {name: tensor for name, tensor in instance.state.items() if tensor is not None}
    return torch.stack([tensors[name][index].double() for name, index in entries])[None]
