"""Lowers a layer's definition: to the formula of the docstring, and to the function that its tests compare it with."""

import textwrap
from collections.abc import Iterator

from layergen.checked import CheckedCase, CheckedLayer
from layergen.definition.latex import bold_runs, latex, left_out
from layergen.definition.loop_printer import function_of
from layergen.definition.loops import definition_lines
from layergen.definition.needs import called, needs
from layergen.lower.source import DocText, python, wrap
from layergen.lower.views import FunctionView, RowView, TableView
from layergen.resolve.program import Program
from layergen.words import listed

WIDTH = 76  # columns of a line of the formula
ENTRY = 80  # and of a sentence
TABLE = "DEFINED"


def formula_texts(program: Program) -> tuple[str, ...]:
    """The equations as LaTeX."""
    return tuple(latex(program.definition)) if program.definition is not None else ()


def computes(program: Program) -> str:
    """The title of the docstring's section: what the equations say, in which mode."""
    told = program.definition is not None and program.definition.tells_training
    return "Computes:" if told or not program.asks_mode else "Computes, in evaluation:"


def formula(program: Program, doc: DocText) -> Iterator[str]:
    """The lines of the docstring's section; empty lines part the equations, as the directive wants."""
    for place, text in enumerate(formula_texts(program)):
        yield "" if place else ".. math::"
        wrapped = textwrap.wrap(doc(text), WIDTH, break_long_words=False, break_on_hyphens=False)
        for line, part in enumerate(wrapped):
            yield f"    {'    ' if line else ''}{part}"
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


def definition_functions(layer: CheckedLayer) -> tuple[FunctionView, ...]:
    """The functions that say what each entry is: those of members that are asked, and the layer's own."""
    definition = layer.program.definition
    if definition is None or not layer.defined.plain:
        return ()
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
    definition = layer.program.definition
    for case in layer.tested:
        if definition is not None and case.setting.name in layer.defined.plain:
            key = _key(case)
            numbers = python(needs(definition, case.setting.names))
            rows.append(RowView(key, f"Defined(CASES[{key}], {numbers})"))
            if case.setting.name in layer.defined.small:
                rows.append(RowView(_key(case, "of small inputs"), f"Defined(CASES[{key}], {numbers}, times=1e-6)"))
            if case.setting.name in layer.defined.trained:
                rows.append(RowView(_key(case, "in training"), f"Defined(CASES[{key}], {numbers}, training=True)"))
    return TableView(TABLE, tuple(rows))


def _key(case: CheckedCase, *further: str) -> str:
    """The name of a row."""
    return python(", ".join((case.setting.name, *further))).replace("'", '"')
