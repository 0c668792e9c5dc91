"""Ends: what is drawn evenly between two numbers lies between them, and reaches near both.

The moments of a sample tell little of its ends: those of `uniform(-6.9, -2.0)` and `uniform(-6.9, -2.3)` are as near as
those of two samples of one law may be.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from layergen.compare.compared import entry_text, shown_apart
from layergen.compare.in_law import Entry
from layergen.definition.evaluate import Evaluation
from layergen.lang import expression as ex

UNIFORM = "uniform"
SURPRISE = 18.5  # the logarithm of some hundred million, by one in which chance may find a fault
FEWEST = 100  # numbers that must be drawn for their extremes to tell something


class Beyond(NamedTuple):
    """An end that what is drawn does not keep to."""

    entry: Entry
    message: str


def beyond(evaluation: Evaluation, entries: Sequence[Entry], ours: Tensor, rounding: float) -> Beyond | None:
    """The first end that values do not keep to, or come near to.

    Args:
        evaluation: The definition.
        entries: What the columns of the values are.
        ours: The values, in a row for each draw.
        rounding: How far apart values are by rounding, as a part of their size.
    """
    alike: dict[tuple[str, float, float], list[int]] = {}
    for column, (name, index) in enumerate(entries):
        ends = _ends(evaluation, name, index)
        if ends is not None:
            alike.setdefault((name, *ends), []).append(column)
    for (name, low, high), columns in alike.items():
        values = ours[:, columns]
        if values.numel() < FEWEST or not low < high:
            continue
        near = SURPRISE / values.numel() * (high - low)
        room = rounding * max(abs(low), abs(high))
        least, most = (float(found) for found in values.aminmax())
        for word, end, found, inward in (("least", low, least, least - low), ("greatest", high, most, high - most)):
            if not -room <= inward <= near + room:
                right, wrong = shown_apart(end, found)
                text = entry_text(*entries[columns[0]]) if len(columns) == 1 else name
                told = f"over {len(ours)} starts, the {word} of `{text}` is {wrong} by its `init`"
                return Beyond(entries[columns[0]], f"{told}, and `{UNIFORM}` ends at {right} by the definition")
    return None


def _ends(evaluation: Evaluation, name: str, index: tuple[int, ...]) -> tuple[float, float] | None:
    """Between which numbers an entry is drawn evenly; None where it is drawn otherwise, or where they are random."""
    found, letters = evaluation.table(name).holding(index)
    value, names = found.equation.value, {**evaluation.names, **letters}
    if not isinstance(value, ex.Call) or value.function != UNIFORM or len(value.arguments) != 2:
        return None
    once, again = (_values(evaluation, value.arguments, names) for _ in range(2))
    return (once[0], once[1]) if once == again else None


def _values(evaluation: Evaluation, nodes: Sequence[ex.Expression], names: Mapping[str, Any]) -> list[float]:
    """What expressions come to at an entry, with other random numbers than before."""
    evaluation.account.turns = 0
    evaluation.account.redraw()
    return [float(evaluation.compiled(node)(dict(names))) for node in nodes]
