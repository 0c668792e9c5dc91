"""In law: what a layer makes of random numbers, held to what its definition makes of others.

No draw of one is a draw of the other, so that no values are compared, but how those of many draws are spread.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

import torch
from torch import Tensor

from layergen.compare.compared import HELP, entry_text, shown_apart
from layergen.compare.definition import told_by
from layergen.compare.moments import Apart, apart
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.numbers import MOST_TURNS, IndexFault, TooLongError
from layergen.definition.scene import TRAINING
from layergen.diagnostics import Place
from layergen.faults import SpecError
from layergen.probe.values import drawn
from layergen.rules.cases import DefinitionMismatch, IllDefined
from layergen.run.instance import Instance
from layergen.words import listed

DRAWS = 400  # of each of the two, at a setting
FEWEST = 200  # of them that tell something
SETTINGS = 2  # at which laws are compared
ENTRIES = 24  # of a tensor that are compared
FEW = 6  # of each of many tensors
Entry = tuple[str, tuple[int, ...]]


def hold_to_law(
    instance: Instance, evaluation: Evaluation, training: bool = False, *, finite: bool = False, most: int | None = None
) -> int:
    """Hold a layer to its definition at one setting; gives by how many draws.

    Args:
        instance: The layer.
        evaluation: Its definition there.
        training: Whether both are in training.
        finite: Whether nothing is held where the definition gives no number, as where a limit is meant.
        most: How many draws are enough, if fewer than else are.

    Raises:
        SpecError: If a moment differs.
        TooLongError: If all draws of the definition together take too long.
        TrialFault: If the layer does not run.
    """
    notes = instance.explainer.notes()
    with drawn():
        _, told = told_by(instance, evaluation, training)
    entries = entries_of(told)
    try:
        theirs = defined(evaluation, entries, most)
        if finite and not bool(theirs.isfinite().all()):
            return 0
        found = apart(
            _given(instance, evaluation, training, entries, len(theirs)), theirs, [name for name, _ in entries]
        )
    except IndexFault as fault:
        raise SpecError(
            [IllDefined.at(Place(PATH, fault.node.span), fault.message, notes=notes, help=fault.help)]
        ) from None
    if found is not None:
        name, index = entries[found.entries[0]]
        mode = " in training" if evaluation.numbers[TRAINING] else ""
        place = Place(PATH, evaluation.equation(name, index).span)
        told_apart = message(found, entries, f"over {len(theirs)} draws{mode}", "the forward")
        raise SpecError([DefinitionMismatch.at(place, told_apart, notes=notes, help=HELP)])
    return len(theirs)


def entries_of(told: Mapping[str, Tensor]) -> Sequence[Entry]:
    """Which entries of some tensors are compared: of each tensor as many."""
    most = min(ENTRIES, max(2 * ENTRIES // max(len(told), 1), FEW))
    return [(name, index) for name, tensor in told.items() for index in _spread(tensor, most)]


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
        count = min(count, MOST_TURNS // max(account.turns, 1))
        if count < (most or FEWEST):
            raise TooLongError
    return torch.tensor(rows, dtype=torch.float64)


def _given(instance: Instance, evaluation: Evaluation, training: bool, entries: Sequence[Entry], count: int) -> Tensor:
    """What the forward makes of entries, in so many rows, one for each draw."""
    rows: list[Tensor] = []
    with drawn():
        for _ in range(count):
            _, told = told_by(instance, evaluation, training)
            rows.append(torch.stack([told[name][index].double() for name, index in entries]))
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
