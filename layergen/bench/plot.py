"""A drawing of what was measured against size."""

from collections.abc import Iterator, Sequence

from layergen.bench import chart
from layergen.bench.measure import Figure
from layergen.bench.report import Benched
from layergen.bench.words import count, size, span


def as_svg(benched: Sequence[Benched]) -> str:
    """A row for each layer: its time and its memory, with those of the match in another colour."""
    return chart.as_svg([_row(each) for each in benched if each.measurements])


def _row(each: Benched) -> chart.Row:
    elements = chart.Axis("elements", count, logarithmic=True)
    forward = _lines(each, "forward", [one.forward for one in each.measurements])
    both = _lines(each, "forward + backward", [one.both for one in each.measurements])
    memory = _lines(each, "", [one.memory for one in each.measurements])
    panels = (
        chart.Panel(elements, chart.Axis("time", span, logarithmic=True), (*forward, *both)),
        chart.Panel(elements, chart.Axis("memory, at most", size, logarithmic=True), (*memory,)),
    )
    return chart.Row((each.title, *([f"beside {each.match}"] if each.match else [])), panels)


def _lines(each: Benched, name: str, figures: Sequence[Figure | None]) -> Iterator[chart.Line]:
    """The match first, so that the layer lies over it."""
    for color, kind in ((1, "match"), (0, "layer")):
        values = [None if figure is None else getattr(figure, kind) for figure in figures]
        pairs = zip((one.elements for one in each.measurements), values, strict=True)
        points = tuple((float(elements), float(value)) for elements, value in pairs if value)
        if points:
            yield chart.Line(points, color, dashed=kind == "match", label="" if color else name)
