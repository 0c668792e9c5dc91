"""Lowers the limits at which values are compared to tables of the test module."""

from collections.abc import Iterator

from layergen.checked import CheckedCase, CheckedLayer
from layergen.definition.needs import needs
from layergen.lower.cases import Fields, changed_case, of_modes, recorded, result_shapes, sizes_of
from layergen.lower.source import python, quoted
from layergen.lower.transforms import case_at
from layergen.lower.unseen import axes_at, dimensions
from layergen.lower.views import RowView, TableView
from layergen.measure.extremes import Extreme
from layergen.measure.limited import Limited


def edge_tables(layer: CheckedLayer, base: Fields) -> Iterator[TableView]:
    """The cases at bounds, each with what was recorded there, and those of whose inputs something is special."""
    found = zip(layer.bounds, layer.measured.at_bounds, strict=True)
    rows = (RowView(quoted(at.setting), _edge(layer, at, case, bounded_case(layer, case, base))) for case, at in found)
    yield TableView("BOUNDS", tuple(rows))
    tested = {case.setting.name: case for case in layer.tested}
    special: list[RowView] = []
    for at in layer.measured.at_edges:
        if at.edges is not None:
            name = quoted(f"{at.setting}_{at.edges.name}")
            special.append(RowView(name, _edge(layer, at, tested[at.setting], f"CASES[{quoted(at.setting)}]")))
    yield TableView("EDGES", tuple(special))
    yield TableView("EXTREMES", tuple(_extreme(layer, at, base) for at in layer.measured.extremes))


def _extreme(layer: CheckedLayer, at: Extreme, base: Fields) -> RowView:
    """Inputs at an extreme, and what was recorded there."""
    kind = "large" if at.scale.times else "equal" if at.scale.shift else "zero"
    kind = "large_parameters" if at.scale.weights != 1 else kind
    shown = f"CASES[{quoted(at.setting)}]"
    if at.longer is not None:
        usual = next(case.setting for case in layer.cases if case.setting.name == at.setting)
        setting = at.longer.setting
        changed = [name for name, size in setting.sizes.items() if size != usual.sizes[name]]
        kind = "between_ones" if setting.shrunk else f"long_{(*changed, 'leading')[0]}"
        shown = case_at(layer.program, at.longer, base)
    parts = [shown, python(of_modes(at.values))]
    parts += [f"times={at.scale.times}"] if at.scale.times != 1 else []
    parts += [f"shift={at.scale.shift}"] if at.scale.shift else []
    parts += [f"weights={at.scale.weights}"] if at.scale.weights != 1 else []
    parts += ["single=True"] if at.single else []
    parts += [f"loose={python(tuple(sorted(at.loose)))}"] if at.loose else []
    return RowView(quoted(f"{at.setting}_{kind}"), f"Extreme({', '.join(parts)})")


def _edge(layer: CheckedLayer, at: Limited, case: CheckedCase, shown: str) -> str:
    definition = layer.program.definition
    parts = [shown]
    told = definition is not None and at.plain and layer.defined.told
    if definition is not None and told:
        parts.append(python(needs(definition, case.setting.names)))
    if at.edges is not None:
        taken = python(dict(at.edges.taken))
        parts.append(taken if len(parts) > 1 else f"taken={taken}")
    if at.edges is None and _has_samples(layer, case):
        parts.append("single=True")
    if at.trained and told:
        parts.append("trained=True")
    if at.turns > 1:
        parts.append(f"turns={at.turns}")
    return f"Edge({', '.join(parts)})"


def _has_samples(layer: CheckedLayer, case: CheckedCase) -> bool:
    """Whether a sample may come without the dimension of the batch, as the cases of tests have it."""
    name = layer.program.left_out
    return name is not None and bool(axes_at(layer.program, case, [name])[name])


def bounded_case(layer: CheckedLayer, case: CheckedCase, base: Fields) -> str:
    """A case of what a layer is made from and gives, and of what was recorded of it."""
    fields = {
        **sizes_of(layer.program, case.setting, case.inputs, case.ranges),
        "outputs": result_shapes(layer.program, case.setting, case.outputs),
        "axes": axes_at(layer.program, case, dimensions(layer)),
        "labels": case.labels,
        "recorded": recorded(case),
    }
    return changed_case(fields, base)
