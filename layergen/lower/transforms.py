"""Lowers what was seen of a layer under torch's transformations to tables of the test module."""

from collections.abc import Iterator

from layergen.checked import CheckedLayer
from layergen.lower.cases import Fields, changed_case, result_shapes, sizes_of
from layergen.lower.source import python, quoted
from layergen.lower.unseen import causal_at, strict_at
from layergen.lower.views import RowView, TableView
from layergen.measure.narrowed import Narrowed
from layergen.measure.twice import Twice
from layergen.ops.dtypes import dtype_name
from layergen.resolve.program import Program
from layergen.run.trial import TrialAt


def transformed(layer: CheckedLayer, base: Fields) -> Iterator[TableView]:
    """The cases at which a layer is transformed, is causal, or is long."""
    seen, program = layer.measured.transforms, layer.program
    held = seen.twice is Twice.AGREE or seen.forwards or seen.mapped or seen.jacobian
    ways = seen.ways if held else ()
    for table, names in {
        "WAYS": ways,
        "TRACED": seen.traced,
        "CAUSAL": causal_at(layer),
        "STRICT": strict_at(layer),
    }.items():
        yield TableView(table, tuple(RowView(quoted(name), f"CASES[{quoted(name)}]") for name in names))
    modes = {True: "training", False: "evaluation"}
    emptied = {training: case_at(program, at, base) for training, at in seen.empty.items()}
    rows = [RowView(quoted(modes[mode]), f"Empty({case}, training={mode})") for mode, case in emptied.items()]
    yield TableView("EMPTY", tuple(rows))
    rows = []
    if seen.grown is not None:
        rows.append(RowView(quoted("larger"), f"Resized({', '.join(case_at(program, at, base) for at in seen.grown)})"))
    yield TableView("RESIZED", tuple(rows))
    rows = []
    for longer in layer.measured.lengthened:
        at = case_at(program, TrialAt(longer.setting, longer.trial), base)
        units = f", units={python(dict(longer.units))}" if longer.units else ""
        causal = ", causal=True" if longer.causal else ""
        rows.append(RowView(quoted(longer.dimension), f"Lengthened({at}{units}{causal})"))
    yield TableView("LENGTHENED", tuple(rows))
    yield TableView("NARROWED", tuple(map(narrowed_row, layer.measured.narrowed)))


def narrowed_row(row: Narrowed) -> RowView:
    """Inputs and a dtype in which a layer is compared with itself in float64."""
    scale, mode = row.scale, "training" if row.training else "evaluation"
    parts = [f"CASES[{quoted(row.setting)}]", f"torch.{dtype_name(row.unit)}", f"training={row.training}"]
    parts += [f"units={python(dict(row.units))}"] if row.units else []
    parts += [f"means={python(dict(row.means))}"] if row.means else []
    parts += ["autocast=True"] if row.lowered else []
    parts += ["behind=False"] if row.lowered and not row.behind else []
    parts += [f"times={scale.times}"] if scale.times != 1 else []
    parts += [f"shift={scale.shift}"] if scale.shift else []
    parts += [f"weights={row.weights}"] if row.weights else []
    told = ("autocast" if row.lowered else dtype_name(row.dtype), "" if scale.times == 1 else f"times_{scale.times:g}")
    name = "_".join(
        filter(None, (row.setting, mode, *told, "far" if scale.shift else "", "low" if row.weights else ""))
    )
    return RowView(quoted(name), f"Narrowed({', '.join(parts)})")


def case_at(program: Program, at: TrialAt, base: Fields) -> str:
    """A case of what a layer is made from and gives, as an expression."""
    setting, trial = at.setting, at.trial
    fields = {
        **sizes_of(program, setting, trial.inputs, trial.ranges),
        "outputs": result_shapes(program, setting, trial.outputs),
    }
    return changed_case(fields, base)
