"""Line charts in SVG.

A line chart is little more than a few lines of text, so it is written here: no library is needed to make one, and the
same numbers give the same bytes.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 300, 150  # of a panel, within its axes
LEFT, TOP, GAP, BELOW = 80, 70, 100, 80  # around panels
TICKS = 5  # on an axis, about
COLORS = ("#0b6bcb", "#d9730d", "#2a8a4a", "#8a3ab9")
STYLE = """
text { font: 12px sans-serif; fill: #333 }
.title { font-weight: bold }
.axis, .grid { stroke: #999; fill: none }
.grid { stroke: #eee }
"""


@dataclass(frozen=True)
class Line:
    """Points that are drawn as one line."""

    points: tuple[tuple[float, float], ...]
    color: int = 0  # index of `COLORS`
    dashed: bool = False
    label: str = ""  # where it begins


@dataclass(frozen=True)
class Axis:
    """What is along one side of a panel.

    Attributes:
        name: What it says beside it.
        show: A tick in words.
        logarithmic: Whether the same ratios are the same lengths, and not the same differences.
    """

    name: str
    show: Callable[[float], str] = "{:g}".format
    logarithmic: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines between two axes."""

    across: Axis
    up: Axis
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Row:
    """Panels side by side, under a title whose parts have the colours of lines."""

    title: tuple[str, ...]
    panels: tuple[Panel, ...]


def as_svg(rows: Sequence[Row]) -> str:
    """A drawing of rows of panels."""
    most = max((len(row.panels) for row in rows), default=1)
    width, height = LEFT + most * (WIDTH + GAP), TOP + HEIGHT + BELOW
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{max(1, len(rows)) * height}">']
    parts += [f"<style>{STYLE}</style>", '<rect width="100%" height="100%" fill="white"/>']
    for index, row in enumerate(rows):
        words = (f'<tspan fill="{COLORS[place]}">{escape(text)} </tspan>' for place, text in enumerate(row.title))
        parts.append(f'<text class="title" x="{LEFT}" y="{index * height + TOP - 45}">{"".join(words)}</text>')
        for place, panel in enumerate(row.panels):
            parts.append(f'<g transform="translate({LEFT + place * (WIDTH + GAP)} {index * height + TOP})">')
            parts += _panel(panel)
            parts.append("</g>")
    return "\n".join((*parts, "</svg>\n"))


@dataclass(frozen=True)
class _Scale:
    """Where numbers lie on an axis."""

    ticks: tuple[float, ...]
    length: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        low, high = self.own(self.ticks[0]), self.own(self.ticks[-1])
        return (self.own(value) - low) / (high - low) * self.length

    def own(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


def _scale(axis: Axis, values: Sequence[float], length: float) -> _Scale:
    """An axis on which all values lie, between two of its ticks."""
    scale = _Scale((), length, axis.logarithmic)
    low, high = scale.own(min(values)), scale.own(max(values))
    step = _step(high - low, axis.logarithmic)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = [index * step for index in range(first, max(last, first + 1) + 1)]
    return _Scale(tuple(10.0**tick if axis.logarithmic else tick for tick in ticks), length, axis.logarithmic)


def _step(width: float, whole: bool) -> float:
    """How far apart ticks are: 1, 2 or 5 times a power of ten."""
    least = width / TICKS or 1.0
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= least)
    return max(step, 1.0) if whole else step


def _panel(panel: Panel) -> Iterator[str]:
    points = [point for line in panel.lines for point in line.points]
    if not points:
        return
    x = _scale(panel.across, [point[0] for point in points], WIDTH)
    y = _scale(panel.up, [point[1] for point in points], HEIGHT)
    yield f'<text x="0" y="-15">{escape(panel.up.name)}</text>'
    yield f'<text x="{WIDTH // 2}" y="{HEIGHT + 36}" text-anchor="middle">{escape(panel.across.name)}</text>'
    for tick in x.ticks:
        yield f'<path class="grid" d="M{x(tick):.1f} 0V{HEIGHT}"/>'
        yield f'<text x="{x(tick):.1f}" y="{HEIGHT + 18}" text-anchor="middle">{escape(panel.across.show(tick))}</text>'
    for tick in y.ticks:
        yield f'<path class="grid" d="M0 {HEIGHT - y(tick):.1f}H{WIDTH}"/>'
        yield f'<text x="-8" y="{HEIGHT - y(tick) + 4:.1f}" text-anchor="end">{escape(panel.up.show(tick))}</text>'
    yield f'<path class="axis" d="M0 0V{HEIGHT}H{WIDTH}"/>'
    for line in panel.lines:
        yield from _line(line, [(x(across), HEIGHT - y(up)) for across, up in line.points])


def _line(line: Line, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    color, dashes = COLORS[line.color], ' stroke-dasharray="5 3"' if line.dashed else ""
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up in places)
    yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"{dashes}/>'
    yield from (f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3" fill="{color}"/>' for across, up in places)
    if line.label:
        yield f'<text x="{places[0][0] + 6:.1f}" y="{places[0][1] - 8:.1f}">{escape(line.label)}</text>'
