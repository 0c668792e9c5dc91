"""In law: what a layer makes of random numbers, held to what its definition makes of others.

No draw of one is a draw of the other, so that no values are compared, but how those of many draws are spread.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby, product
from operator import itemgetter
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from layergen.compare.compared import HELP, entry_text, shown_apart
from layergen.compare.definition import evaluated, told_by
from layergen.compare.moments import Apart, Samples, Told, told_apart
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.numbers import IndexFault, TooLongError
from layergen.definition.scene import TRAINING, Definition
from layergen.diagnostics import Finding, Place
from layergen.faults import SpecError, refuse
from layergen.probe.values import drawn
from layergen.rules.cases import DefinitionMismatch, IllDefined
from layergen.run.instance import Instance
from layergen.words import listed

DRAWS = 400  # of each of the two, at a setting
FEWEST = 200  # of them that tell something
MOST_TERMS = 1_000_000  # of the definition, in all draws
SETTINGS = 2  # at which laws are compared
ENTRIES = 24  # of a tensor that are compared
FEW = 6  # of each of many tensors, and of one where more take too long
Entry = tuple[str, tuple[int, ...]]


class Lawful(NamedTuple):
    """By how much a layer was held to a law."""

    draws: int  # of each of the two
    entries: int = ENTRIES  # of a tensor, at most
    turns: int = 0  # terms of the definition that a draw takes


def hold_to_law(
    instance: Instance, definition: Definition, training: bool = False, *, finite: bool = False, most: int | None = None
) -> Lawful | None:
    """Hold a layer to its definition at one setting, by fewer entries where many take too long.

    Args:
        instance: The layer.
        definition: Its definition.
        training: Whether both are in training.
        finite: Whether nothing is held where the definition gives no number, as where a limit is meant.
        most: How many draws are enough, if fewer than else are.

    Returns:
        By how much it was held; None where nothing was.

    Raises:
        SpecError: If a moment differs.
        TooLongError: If all draws of the definition together take too long.
        TrialFault: If the layer does not run.
    """
    for most_entries in (ENTRIES, FEW):
        evaluation = evaluated(instance, definition, training)  # of which nothing is known: so generated tests begin
        with drawn():
            _, told = told_by(instance, evaluation, training)
        entries = entries_of(told, most_entries)
        try:
            theirs = defined(evaluation, entries, most)
        except TooLongError:
            continue
        except IndexFault as fault:
            notes = instance.explainer.notes()
            wrong = IllDefined.at(Place(PATH, fault.node.span), fault.message, notes=notes, help=fault.help)
            raise SpecError([wrong]) from None
        if finite and not bool(theirs.isfinite().all()):
            return None
        found = _told_apart(instance, evaluation, training, entries, theirs)
        if found.apart is not None:
            refuse([_differing(instance, evaluation, found.apart, entries, found.draws)])
        return Lawful(len(theirs), most_entries, evaluation.account.turns)
    raise TooLongError


def _told_apart(
    instance: Instance, evaluation: Evaluation, training: bool, entries: Sequence[Entry], theirs: Tensor
) -> Told:
    """What draws of a layer tell beside those of its definition."""

    def beside(theirs: Tensor) -> Samples:
        return _given(instance, evaluation, training, entries, len(theirs)), theirs

    names = [name for name, _ in entries]
    return told_apart(beside(theirs), lambda count: beside(defined(evaluation, entries, count)), names)


def _differing(
    instance: Instance, evaluation: Evaluation, found: Apart, entries: Sequence[Entry], count: int
) -> Finding:
    """That a moment of what so many draws make of entries differs."""
    name, index = entries[found.entries[0]]
    mode = " in training" if evaluation.numbers[TRAINING] else ""
    place = Place(PATH, evaluation.equation(name, index).span)
    told = message(found, entries, f"over {count} draws{mode}", "the forward")
    return DefinitionMismatch.at(place, told, notes=instance.explainer.notes(), help=HELP)


def entries_of(told: Mapping[str, Tensor], most: int = ENTRIES) -> Sequence[Entry]:
    """Which entries of some tensors are compared: of each tensor as many."""
    each = min(most, max(2 * ENTRIES // max(len(told), 1), FEW))
    return [(name, index) for name, tensor in told.items() for index in _spread(tensor, each)]


def _spread(tensor: Tensor, most: int) -> Sequence[tuple[int, ...]]:
    """Some entries of a tensor: half of them side by side, the others spread over all."""
    indices = list(product(*map(range, tensor.shape)))
    if len(indices) <= most:
        return indices
    beside, step = most // 2, (len(indices) - 1) / (most - most // 2)
    places = {*range(beside), *(round(step * (place + 1)) for place in range(most - beside))}
    return [indices[place] for place in sorted(places)]


def defined(evaluation: Evaluation, entries: Sequence[Entry], most: int | None = None) -> Tensor:
    """What a definition makes of entries, in a row for each draw.

    Args:
        evaluation: The definition.
        entries: The entries.
        most: How many draws are enough, if fewer than else are.

    Raises:
        IndexFault: If an entry is no number, or needs one that is not there.
        TooLongError: If all draws together take too long.
    """
    account = evaluation.account
    account.random = Random(0)
    by_name: dict[str, list[tuple[int, ...]]] = {}
    for name, index in entries:
        by_name.setdefault(name, []).append(index)
    rows: list[list[float]] = []
    count = most or DRAWS
    while len(rows) < count:
        account.turns = 0
        account.redraw()
        for name, indices in by_name.items():
            evaluation.ahead(name, indices)
        rows.append([evaluation.number_at(name, index) for name, index in entries])
        count = min(count, MOST_TERMS // max(account.turns, 1))
        if count < (most or FEWEST):
            raise TooLongError
    return torch.tensor(rows, dtype=torch.float64)


def _given(instance: Instance, evaluation: Evaluation, training: bool, entries: Sequence[Entry], count: int) -> Tensor:
    """What the forward makes of entries, in so many rows, one for each draw."""
    by_name = {name: [index for _, index in several] for name, several in groupby(entries, itemgetter(0))}
    places: dict[str, tuple[Tensor, ...]] = {}  # the same, as torch takes them: one tensor for each dimension
    for name, indices in by_name.items():
        places[name] = tuple(torch.tensor(column) for column in zip(*indices, strict=True))
    rows: list[Tensor] = []
    with drawn():
        for _ in range(count):
            _, told = told_by(instance, evaluation, training)
            rows.append(torch.cat([told[name][own].double().reshape(-1) for name, own in places.items()]))
    return torch.stack(rows)


def message(found: Apart, entries: Sequence[Entry], where: str, other: str) -> str:
    """What differs, in words.

    Args:
        found: A moment.
        entries: What its columns are.
        where: Over how many draws, and of what.
        other: What the definition is held against.
    """
    right, wrong = shown_apart(found.theirs, found.ours)
    named = [f"`{entry_text(*entries[place])}`" for place in dict.fromkeys(found.entries)]
    whose = listed(named) if len(named) <= 2 else f"`{entries[found.entries[0]][0]}`"
    return f"{where}, the {found.moment} of {whose} is {right} by the definition and {wrong} by {other}"
