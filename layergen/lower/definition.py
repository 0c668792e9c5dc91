"""Lowers a layer's definition: to the formula of the docstring, and to the function that its tests compare it with."""

import textwrap
from collections.abc import Iterable, Iterator

from layergen.checked import CheckedCase, CheckedLayer
from layergen.compare.defined import At
from layergen.compare.in_law import DRAWS, ENTRIES, Lawful
from layergen.definition.latex import bold_runs, latex, left_out
from layergen.definition.loop_printer import function_of
from layergen.definition.loops import definition_lines
from layergen.definition.needs import called, needs
from layergen.definition.scene import Definition
from layergen.lang import expression as ex
from layergen.lower.cases import Fields
from layergen.lower.shape_docs import computed_numbers
from layergen.lower.source import DocText, python, wrap
from layergen.lower.transforms import case_at
from layergen.lower.views import FunctionView, RowView, TableView
from layergen.resolve.program import Program
from layergen.words import listed

WIDTH = 76  # columns of a line of the formula
ENTRY = 80  # and of a sentence
TABLE = "DEFINED"
DRAWN = "DRAWN"
STARTED = "STARTED"
PENALIZED = "PENALIZED"


def formula_texts(program: Program) -> tuple[str, ...]:
    """The equations as LaTeX, but for those that initial values alone need."""
    definition = program.definition
    if definition is None:
        return ()
    return tuple(latex(definition, _needed(definition)))


def _needed(definition: Definition) -> frozenset[str]:
    """The names that tell outputs and buffers."""
    return definition.reached_from((*definition.scene.outputs, *definition.updates))


def term_texts(program: Program) -> tuple[str, ...]:
    """Those that tell the regularization term, with what they need and the others do not."""
    definition = program.definition
    if definition is None or definition.term is None:
        return ()
    return tuple(latex(definition.term, definition.term.named.keys() - _needed(definition)))


def start_texts(program: Program) -> tuple[str, ...]:
    """Those that tell initial values, with what they need."""
    start = program.definition.start if program.definition is not None else None
    return tuple(latex(start)) if start is not None else ()


def computes(program: Program) -> str:
    """The title of the docstring's section: what the equations say, in which mode."""
    told = program.definition is not None and program.definition.tells_training
    return "Computes:" if told or not program.asks_mode else "Computes, in evaluation:"


def equations(texts: Iterable[str], doc: DocText) -> Iterator[str]:
    """The lines of some equations; empty lines part them, as the directive wants."""
    for place, text in enumerate(texts):
        yield "" if place else ".. math::"
        wrapped = textwrap.wrap(doc(text), WIDTH, break_long_words=False, break_on_hyphens=False)
        for line, part in enumerate(wrapped):
            yield f"    {'    ' if line else ''}{part}"


def formula(program: Program, doc: DocText) -> Iterator[str]:
    """The lines of the docstring's section."""
    yield from equations(formula_texts(program), doc)
    if numbers := computed_numbers(program):
        yield ""
        values = (f"``{name} = {ex.show(value)}``" for name, value in numbers.items())
        yield from wrap(doc(f"where {listed(values)}."), ENTRY)
    if program.definition is not None and "padded" in program.definition.functions:
        yield ""
        yield "What has a bar is zero outside."
    bold = tuple(bold_runs(program.definition)) if program.definition is not None else ()
    if bold:
        told = [f"``{name}`` over those of ``{sizes}``" for name, sizes in bold if sizes is not None]
        yield ""
        yield from wrap(f"A bold index runs over several dimensions{f', {listed(told)}' if told else ''}.", ENTRY)
    if program.definition is not None and program.definition.updates:
        yield ""
        yield from wrap(
            "An arrow tells what training makes of a buffer; what it is made of is what it was before.", ENTRY
        )
    absent = [f"``{name}``" for name in left_out(program.definition)] if program.definition is not None else []
    if absent:
        where = "it is" if len(absent) == 1 else "they are"
        yield ""
        yield from wrap(f"What {listed(absent)} would contribute is left out where {where} ``None``.", ENTRY)


def definition_functions(layer: CheckedLayer) -> Iterator[FunctionView]:
    """The functions that say what each entry is: those of members that are asked, and the layer's own."""
    definition = layer.program.definition
    if definition is not None and layer.defined.told:
        yield from _of_outputs(definition)
    if definition is not None and definition.start is not None and layer.defined.starts:
        doc = "Say what entries of the layer's tensors are at the start."
        yield FunctionView("initial", doc, definition_lines(definition.start))
    if definition is not None and definition.term is not None and layer.defined.penalties:
        doc = "Say what the layer's own part of the penalty is."
        yield FunctionView("term", doc, definition_lines(definition.term))


def _of_outputs(definition: Definition) -> tuple[FunctionView, ...]:
    inner = [
        FunctionView(function_of(name), f"Say the same of ``{name}``.", definition_lines(child, inside=True))
        for name, child in called(definition).items()
    ]
    own = FunctionView("definition", "Say what each entry of the outputs is, by loops over numbers.",
                       definition_lines(definition))  # fmt: skip
    return (*inner, own)


def defined_rows(layer: CheckedLayer) -> TableView:
    """The cases at which the layer is compared with its definition, each with the numbers that this mentions."""
    rows: list[RowView] = []
    for key, case, at, numbers in _compared(layer):
        if at.plain:
            rows.append(RowView(key, f"Defined(CASES[{key}], {numbers})"))
        if at.small:
            rows.append(RowView(_key(case, "of small inputs"), f"Defined(CASES[{key}], {numbers}, times=1e-6)"))
        if at.far:
            rows.append(RowView(_key(case, "of far inputs"), f"Defined(CASES[{key}], {numbers}, times=8)"))
        if at.signed:
            rows.append(RowView(_key(case, "of either sign"), f"Defined(CASES[{key}], {numbers}, signs=True)"))
        if at.trained:
            rows.append(RowView(_key(case, "in training"), f"Defined(CASES[{key}], {numbers}, training=True)"))
    return TableView(TABLE, tuple(rows))


def drawn_rows(layer: CheckedLayer, base: Fields) -> TableView:
    """The cases at which what the layer draws at random is held to the law that its definition tells."""
    rows: list[RowView] = []
    for key, case, at, numbers in _compared(layer):
        for training, law in at.drawn.items():
            name = _key(case, "in training") if training else key
            told = (", training=True" if training else "") + _by(law)
            if (large := at.half.get(training)) is not None:
                told += f", half={case_at(layer.program, large, base)}"
            rows.append(RowView(name, f"Drawn(CASES[{key}], {numbers}{told})"))
    for case, limited in zip(layer.bounds, layer.measured.at_bounds, strict=True):
        if limited.law is not None and layer.program.definition is not None and layer.defined.told:
            key, numbers = _key(case), python(needs(layer.program.definition, case.setting.names))
            told = f"Drawn(BOUNDS[{key}].case, {numbers}, training=True{_by(limited.law)})"
            rows.append(RowView(_key(case, "in training"), told))
    return TableView(DRAWN, tuple(rows))


def _by(law: Lawful) -> str:
    """How much is compared, where it is not as much as usual."""
    draws = f", draws={law.draws}" if law.draws != DRAWS else ""
    return draws + (f", entries={law.entries}" if law.entries != ENTRIES else "")


def started_rows(layer: CheckedLayer) -> TableView:
    """The cases at which initial values are held to the definition."""
    rows: list[RowView] = []
    start = layer.program.definition.start if layer.program.definition is not None else None
    for case in layer.tested:
        count = layer.defined.starts.get(case.setting.name)
        if count is not None and start is not None:
            key, numbers = _key(case), python(needs(start, case.setting.names))
            told = f", starts={count}" if count != DRAWS else ""
            rows.append(RowView(key, f"Started(CASES[{key}], {numbers}{told})"))
    return TableView(STARTED, tuple(rows))


def penalized_rows(layer: CheckedLayer) -> TableView:
    """The cases at which the penalty is held to the definition."""
    rows: list[RowView] = []
    term = layer.program.definition.term if layer.program.definition is not None else None
    for case in layer.tested:
        if term is not None and case.setting.name in layer.defined.penalties:
            key = _key(case)
            rows.append(RowView(key, f"Defined(CASES[{key}], {python(needs(term, case.setting.names))})"))
    return TableView(PENALIZED, tuple(rows))


def _compared(layer: CheckedLayer) -> Iterator[tuple[str, CheckedCase, At, str]]:
    """The cases that were compared with the definition at build: their names, how, and the numbers that it is given."""
    at = {one.setting: one for one in layer.defined.at}
    for case in layer.tested:
        if layer.program.definition is not None and case.setting.name in at:
            numbers = python(needs(layer.program.definition, case.setting.names))
            yield _key(case), case, at[case.setting.name], numbers


def _key(case: CheckedCase, *further: str) -> str:
    """The name of a row."""
    return python(", ".join((case.setting.name, *further))).replace("'", '"')
