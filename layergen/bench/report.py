"""What was measured, as a table for a terminal, and as JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from layergen.bench.measure import Figure, Measurement
from layergen.bench.words import size, span
from layergen.resolve.program import Program
from layergen.words import plural

HEAD = ("layer", "elements", "forward", "ratio", "forward + backward", "ratio", "memory", "ratio")
LIMIT = 1.02  # how many times as slow as its match a layer may be before that is said
NAMED = 3  # of those that are slower


@dataclass(frozen=True)
class Benched:
    """A layer at one size after the other, beginning with a case of its spec."""

    layer: str
    match: str | None  # the module beside it: ``nn.Linear``
    case: str
    measurements: tuple[Measurement, ...]

    @property
    def title(self) -> str:
        """The name of the layer, and that of the case unless it is the first one."""
        return self.layer if self.case == "default" else f"{self.layer} ({self.case})"

    @classmethod
    def of(cls, program: Program, case: str, measurements: Iterable[Measurement]) -> "Benched":
        match = None if program.matches is None else program.matches.module.function
        return cls(program.layer, match, case, tuple(measurements))


def as_table(benched: Sequence[Benched]) -> str:
    """A line for each size, without a line break at the end; beside each figure, how many times that of the match."""
    rows = [HEAD, *(row for each in benched for row in _rows(each))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_aligned(row, widths).rstrip() for row in rows)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *figures = zip(row, widths, strict=True)
    return "  ".join((first[0].ljust(first[1]), *(text.rjust(width) for text, width in figures)))


def _rows(each: Benched) -> Iterator[tuple[str, ...]]:
    for index, one in enumerate(each.measurements):
        both = (span(one.both.layer), _times(one.both)) if one.both else ("", "")
        yield (
            "" if index else each.title,
            f"{one.elements:,}",
            span(one.forward.layer),
            _times(one.forward),
            *both,
            size(one.memory.layer),
            _times(one.memory),
        )


def _times(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{figure.ratio:.2f}"


def summary(benched: Sequence[Benched]) -> str:
    """What all figures come to, in one sentence."""
    layers = plural(len({each.layer for each in benched}), "layer")
    sizes = plural(sum(len(each.measurements) for each in benched), "size")
    middles = list(_middles(benched))
    if not middles:
        return f"{layers}, {sizes}"
    slower = sorted({each.layer for each in benched if any(_slower(one) for one in each.measurements)})
    found = f"; over {LIMIT} times at some size: {', '.join(slower[:NAMED])}" if slower else ""
    more = f" and {len(slower) - NAMED} more" if len(slower) > NAMED else ""
    return f"{layers}, {sizes}; beside what they match, at the median: {', '.join(middles)}{found}{more}"


def _middles(benched: Sequence[Benched]) -> Iterator[str]:
    measurements = [one for each in benched for one in each.measurements]
    figures: dict[str, list[Figure | None]] = {
        "forward": [one.forward for one in measurements],
        "forward and backward": [one.both for one in measurements],
        "memory": [one.memory for one in measurements],
    }
    for name, several in figures.items():
        ratios = [figure.ratio for figure in several if figure is not None and figure.ratio is not None]
        if ratios:
            yield f"{name} {median(ratios):.3f} times"


def _slower(one: Measurement) -> bool:
    return any((figure.ratio or 0.0) > LIMIT for figure in (one.forward, one.both) if figure is not None)


def as_json(benched: Sequence[Benched]) -> str:
    """An object for each size."""
    return json.dumps([_object(each, one) for each in benched for one in each.measurements], indent=2)


def _object(each: Benched, one: Measurement) -> dict[str, Any]:
    runs = {one.setting.run or "...": one.setting.leading, **one.setting.further}
    return {
        "layer": each.layer,
        "match": each.match,
        "case": each.case,
        "arguments": dict(one.setting.given),
        "sizes": {**one.setting.sizes, **{name: list(sizes) for name, sizes in runs.items() if sizes}},
        "elements": one.elements,
        "forward": _figure(one.forward, "seconds"),
        "forward_and_backward": None if one.both is None else _figure(one.both, "seconds"),
        "memory": _figure(one.memory, "bytes"),
    }


def _figure(figure: Figure, unit: str) -> dict[str, float | None]:
    return {unit: figure.layer, f"match_{unit}": figure.match, "ratio": figure.ratio}
