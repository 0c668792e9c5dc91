"""Assembles the view of a layer's test module.

Expected values are told from the spec and from the build's own trial of it, never from the generated layer.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from layergen.checked import Broken, CheckedCase, CheckedLayer
from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.bounds import requirement
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Argument
from layergen.lower.applicable import too_long
from layergen.lower.arguments import CLASSES, LONGEST, argument_signature, lengths
from layergen.lower.behaviours import imported_names, layer_expression
from layergen.lower.cases import Fields, case_fields, changed_case, result_shapes, shapes, sizes_of, whole_case
from layergen.lower.constructor import constraint_message
from layergen.lower.definition import defined_rows, definition_functions, drawn_rows, penalized_rows, started_rows
from layergen.lower.edges import edge_tables
from layergen.lower.imports import function, import_lines, names_needed
from layergen.lower.input_checks import expectation, has_single, rounds, told
from layergen.lower.laws import law_rows
from layergen.lower.sizes import size_message
from layergen.lower.source import SourcePrinter, broken, quoted
from layergen.lower.transforms import narrowed_row, transformed
from layergen.lower.unseen import dimensions
from layergen.lower.views import ReferenceView, RowView, TableView, TestView
from layergen.prove.demands import (
    BroadcastDemand,
    InputCheck,
    ListDemand,
    RankDemand,
    Shape,
    SizeDemand,
    SolutionDemand,
)
from layergen.resolve.program import Program
from layergen.resolve.signature import Entry, Sizes
from layergen.resolve.unbatched import axis
from layergen.settings.rejections import Rejection
from layergen.settings.search import given_values

IMPORTS = {
    "itertools": "import itertools",
    "math": "import math",
    "Callable": "from collections.abc import Callable",
    "Mapping": "from collections.abc import Mapping",
    "Sequence": "from collections.abc import Sequence",
    "cache": "from functools import cache",
    "fmean": "from statistics import fmean",
    "Any": "from typing import Any",
    "torch": "import torch",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}
LONGEST_NAME = 100  # of a row, on one line
NOTE = "# noqa: F401 (pytest finds the tests by name)"


def test_view(layer: CheckedLayer, module: str, behaviours: str) -> TestView:
    """Lower a layer to the view of its tests."""
    program = layer.program
    reference, described = reference_view(program), layer_expression(layer)
    named_axes = dimensions(layer)
    base = case_fields(program, layer.cases[0], named_axes)
    code = [described, *(row.value for row in (*law_rows(program), *map(narrowed_row, layer.measured.narrowed)))]
    if reference:
        code.append(function([reference.signature], reference.body, "nn.Module"))
    definitions = tuple(definition_functions(layer))
    code += [function(["given: Mapping[str, Any]"], each.body, "dict[str, Callable[..., Any]]") for each in definitions]
    return TestView(
        module=module,
        imports=import_lines(code, IMPORTS),
        own_imports=own_imports(layer, module, behaviours, code),
        reference=reference,
        definitions=definitions,
        layer=described,
        default=whole_case(base),
        cases=tuple(case_row(program, case, named_axes, base) for case in layer.tested),
        tables=tuple(table for table in tables(layer, base) if table.rows),
    )


def own_imports(layer: CheckedLayer, module: str, behaviours: str, code: Sequence[str]) -> tuple[str, ...]:
    """The imports of generated modules, in the order that linters want."""
    tested = (f"from {module} import {layer.program.layer}",)
    names = (f"    {name}," for name in imported_names(layer, set[str]().union(*map(names_needed, code))))
    held = (f"from {behaviours} import (  {NOTE}", *names, ")")
    return (*tested, *held) if module < behaviours else (*held, *tested)


def case_row(program: Program, case: CheckedCase, named_axes: Sequence[str], base: Fields) -> RowView:
    return RowView(named(case.setting.name), changed_case(case_fields(program, case, named_axes), base))


def tables(layer: CheckedLayer, base: Fields) -> Iterator[TableView]:
    """What the layer refuses, and the limits of what it takes."""
    rejected = rejection_rows(layer.program, layer.rejections, base)
    yield defined_rows(layer)
    yield started_rows(layer)
    yield penalized_rows(layer)
    yield from edge_tables(layer, base)
    yield drawn_rows(layer, base)
    yield TableView("REJECTIONS", (*rejected, *wrong_lengths(layer, base)))
    taken = ((one.name, changed_case({"arguments": dict(one.given)}, base)) for one in layer.acceptances)
    yield TableView("ACCEPTANCES", tuple(RowView(named(name), case) for name, case in taken))
    wrong = (*wrong_shapes(layer, base), *batches_beside_a_sample(layer, base))
    wrong = (*wrong, *wrong_sizes(layer, base), *wrong_conditions(layer, base))
    yield TableView("WRONG_SHAPES", wrong)
    yield TableView("LIMITS", tuple(limits(layer, base)))
    yield TableView("LAWS", tuple(law_rows(layer.program)))
    yield from transformed(layer, base)


def reference_view(program: Program) -> ReferenceView | None:
    """The module to match, made by a function with the layer's own arguments."""
    if program.matches is None:
        return None
    printer = SourcePrinter({})
    module = program.matches.module
    body: list[str] = []
    for name, argument in program.arguments.items():
        if argument.computed and argument.default is not None:
            body += [f"if {name} is None:", f"    {name} = {printer.show(argument.default)}"]
        if name in taken_apart(program):
            body += normalized(name, argument)
    for name, expression in program.derived.items():
        if name in ex.names(module):
            body.append(f"{name} = {printer.show(expression)}")
    body.append(f"return {module.function}({printer.arguments(module)})")
    words = {*re.findall(r"\w+", " ".join(body))}
    taken = zip(program.constructor, (text for text in argument_signature(program) if text != "*"), strict=True)
    signature = [_loose(program, name, text) for name, text in taken if name in words]
    if len(signature) < len(program.constructor):
        signature.append("**_: object")  # what makes no difference to the module
    return ReferenceView(", ".join(signature), tuple(body))


def _loose(program: Program, name: str, parameter: str) -> str:
    """A parameter without its type where that of torch is narrower than what it takes: a literal, or a size."""
    type = None if name in program.kept else program.arguments[name].type
    spelled = type is not None and 0 < (type.count or 0) <= LONGEST
    narrow = type is not None and (type.worded or type.base is Base.STR or (type.listed and not spelled))
    return re.sub(rf"^{name}: [^=]*?(?= =|$)", f"{name}: Any", parameter) if narrow else parameter


def taken_apart(program: Program) -> set[str]:
    """The arguments that the module to match is not just handed: what it gets of them is computed from one form."""
    assert program.matches is not None
    module = program.matches.module
    handed = [*module.arguments, *(keyword.value for keyword in module.keywords)]
    used = [value for value in handed if not isinstance(value, ex.Name)]
    used += [value for name, value in program.derived.items() if name in ex.names(module)]
    return set[str]().union(*map(ex.names, used))


def normalized(name: str, argument: Argument) -> Iterator[str]:
    """The lines that bring sizes into one form."""
    if not argument.type.listed:
        return
    count, check = argument.type.count or 0, CLASSES[argument.type.base]
    several = (
        f"({name},) * {count}" if count > 4 else f"({', '.join([name] * max(1, count))}{',' if count < 2 else ''})"
    )
    wide = name if count else f"tuple({name})"
    if not argument.type.spelled:
        wide = f"{several} if isinstance({name}, {check}) else {wide}"
    conditions = [f"{name} is not None"] if argument.optional else []
    conditions += [f"not isinstance({name}, str)"] if argument.type.worded else []
    if conditions:
        yield f"if {' and '.join(conditions)}:"
        yield f"    {name} = {wide}"
    else:
        yield f"{name} = {wide}"


def wrong_shapes(layer: CheckedLayer, base: Fields) -> Iterator[RowView]:
    """Inputs of wrong shapes for each check of the forward, with the message that they get."""
    program, cases = layer.program, {case.setting.name: case for case in layer.cases}
    for check, together in ((check, checks) for _, checks in rounds(program, layer.input_checks) for check in checks):
        case, sizes = cases[check.setting.name], check.demand.sizes
        alike = [other for other in together if other.demand.sizes == sizes]
        said = {known: str(value(case, meant)) for known, meant in told(program, check.input, alike).items()}
        places = numbered(place_of(check, wrong, case) for wrong in check.wrong)
        for wrong, place in zip(check.wrong, places, strict=True):
            inputs = {**shapes(case.inputs), check.input: wrong}
            fields = {**sizes_of(program, case.setting, case.inputs, case.ranges), "inputs": inputs}
            parts = expectation(program, check.input, alike, said)
            *texts, _ = (part if isinstance(part, str) else part[0] for part in parts)
            name = f"{check.input}_{place}"
            label = name if case is layer.cases[0] else f"{name}_{case.setting.name}"
            yield RowView(named(label), refusal(changed_case(fields, base), f"{''.join(texts)}{wrong}"))


def batches_beside_a_sample(layer: CheckedLayer, base: Fields) -> Iterator[RowView]:
    """Inputs that have a dimension which may be left out, beside others of a single sample, that lack it."""
    program, cases = layer.program, {case.setting.name: case for case in layer.cases}
    for check, together in ((check, checks) for _, checks in rounds(program, layer.input_checks) for check in checks):
        name, case, sizes = check.input, cases[check.setting.name], check.demand.sizes
        if not isinstance(check.demand, RankDemand) or not has_single(program, name, sizes):
            continue
        if case.setting.leading or any(case.setting.further.values()):
            continue  # where a run has dimensions, one of them is taken for that of a batch
        alike = [other for other in together if other.demand.sizes == sizes]
        said = {known: str(value(case, meant)) for known, meant in told(program, name, alike).items()}
        places = _places_left_out(program, case)
        whole = {key: facts.shape if facts else None for key, facts in case.inputs.items()}
        single = {key: _with_size(shape, places.get(key), ()) for key, shape in whole.items()}
        wrong = _with_size(whole[name], places[name], (1,))
        fields = {**sizes_of(program, case.setting, case.inputs, case.ranges), "inputs": {**single, name: wrong}}
        *texts, _ = (
            part if isinstance(part, str) else part[0] for part in expectation(program, name, alike, said, single=True)
        )
        label = f"{name}_of_a_batch_beside_a_single_sample"
        label = label if case is layer.cases[0] else f"{label}_{case.setting.name}"
        yield RowView(named(label), refusal(changed_case(fields, base), f"{''.join(texts)}{wrong}"))


def _with_size(shape: Shape | None, place: int | None, size: Shape) -> Shape | None:
    """A shape with another size at a place, or none; of an input that is there and has the place."""
    return shape if shape is None or place is None else (*shape[:place], *size, *shape[place + 1 :])


def _places_left_out(program: Program, case: CheckedCase) -> dict[str, int]:
    """At which place of the inputs of a case the dimension stands that may be left out."""
    assert program.left_out is not None
    found = {name: axis(program.inputs[name], program.left_out) for name, facts in case.inputs.items() if facts}
    interpreter = Interpreter(case.setting.names)
    return {name: interpreter.evaluate(where) for name, where in found.items() if where is not None}


def place_of(check: InputCheck, wrong: tuple[int, ...], case: CheckedCase) -> str:
    """What is wrong with a shape, as a part of a name."""
    meant = case.inputs[check.input]
    assert meant is not None
    match check.demand:
        case SizeDemand(entry=entry) | SolutionDemand(entry=entry):
            return f"of_another_{size_name(entry, check.demand.sizes)}"
        case BroadcastDemand() if len(wrong) > len(meant.shape):
            return "that_makes_more_of_it"
        case RankDemand() | BroadcastDemand():
            return "of_fewer_dimensions" if len(wrong) < len(meant.shape) else "of_more_dimensions"
        case ListDemand(expected=expected):
            return ex.show(expected)
        case _:
            return "leading"


def size_name(entry: Entry, sizes: Sizes) -> str:
    """What a size is called, with its place where that alone would not tell which one it is."""
    alone = isinstance(entry.expression, ex.Name) and sizes.entries.count(entry.expression) == 1
    place = str(entry.index).replace("-", "minus_")
    if isinstance(entry.expression, ex.Name):
        return entry.expression.id if alone else f"{entry.expression.id}_at_{place}"
    return f"size_at_{place}"


def value(case: CheckedCase, meant: ex.Expression | Entry) -> object:
    """What a message shows of what is demanded at a case."""
    if isinstance(meant, Entry):
        return case.setting.leading
    found = Interpreter(case.setting.names).evaluate(meant)
    return tuple(found) if isinstance(found, list) else found


def limits(layer: CheckedLayer, base: Fields) -> Iterator[RowView]:
    """The conditions on sizes, with a case that only just keeps each, and one that only just breaks it."""
    conditions = [(condition.text, condition.kept, condition.broken) for condition in layer.preconditions]
    conditions += [(ex.show(limit.constraint), limit.kept, limit.broken) for limit in layer.size_limits]
    run = [case.setting for case in layer.tested]
    names = numbered(text for text, *_ in conditions)
    for name, (text, kept, broken_at) in zip(names, conditions, strict=True):
        if name != text and kept.setting in run:
            continue  # there are tests of either side elsewhere: of the case, and of the message
        taken = {
            **sizes_of(layer.program, kept.setting, kept.inputs, kept.ranges),
            "outputs": result_shapes(layer.program, kept.setting, kept.outputs),
        }
        refused = changed_case(_broken(layer.program, kept, broken_at), base)
        yield RowView(named(name), f"Limit({changed_case(taken, base)}, {refused})")


def wrong_sizes(layer: CheckedLayer, base: Fields) -> Iterator[RowView]:
    """Inputs that break the constraints on sizes, with the messages that they get."""
    checked = [limit for limit in layer.size_limits if limit.constraint in layer.checked_constraints]
    for name, limit in zip(numbered(ex.show(one.constraint) for one in checked), checked, strict=True):
        setting, _ = limit.broken
        message = size_message(layer.program, limit.constraint, setting.names)
        changed = changed_case(_broken(layer.program, limit.kept, limit.broken), base)
        yield RowView(named(name), refusal(changed, message))


def wrong_conditions(layer: CheckedLayer, base: Fields) -> Iterator[RowView]:
    """Inputs that torch takes though they break a condition on sizes, with the messages that they get."""
    for check, case in layer.checked_conditions:
        assert case.let_through is not None
        message = size_message(layer.program, check, case.let_through[0].names)
        changed = changed_case(_broken(layer.program, case.kept, case.let_through), base)
        yield RowView(named(ex.show(check)), refusal(changed, message))


def _broken(program: Program, kept: CheckedCase, broken_at: Broken) -> Fields:
    """The fields of a case that breaks a condition, beside one that keeps it."""
    setting, inputs = broken_at
    return sizes_of(program, setting, inputs, kept.ranges)


def wrong_lengths(layer: CheckedLayer, base: Fields) -> Iterator[RowView]:
    """Lists that have more entries than an argument has."""
    for name, given in too_long(layer).items():
        message = f"{name} must be {lengths(layer.program.arguments[name])}, got {given[name]}"
        yield RowView(named(f"{name}_too_long"), refusal(changed_case({"arguments": given}, base), message))


def rejection_rows(program: Program, rejections: Sequence[Rejection], base: Fields) -> Iterator[RowView]:
    """The settings that the constructor refuses: a constraint that one breaks is the name of its row."""
    constraints = [ex.show(node) for node in program.argument_constraints]
    names = numbered(one.name if one.argument is not None else constraints[one.constraint] for one in rejections)
    for name, rejection in zip(names, rejections, strict=True):
        changed = changed_case({"arguments": dict(rejection.given)}, base)
        yield RowView(named(name), refusal(changed, rejection_message(program, rejection)))


def numbered(texts: Iterable[str]) -> list[str]:
    """Names for rows, of which those of one text are told apart by a number."""
    met = Counter[str]()
    names = []
    for text in texts:
        met[text] += 1
        names.append(text if met[text] == 1 else f"{text} ({met[text]})")
    return names


def named(text: str) -> str:
    """The name of a row, broken where it would not stand on a line."""
    return broken(text) if len(text) > LONGEST_NAME else quoted(text)


def refusal(case: str, message: str) -> str:
    return f"Refusal({case}, {broken(message)})"


def rejection_message(program: Program, rejection: Rejection) -> str:
    """The constructor's message, told from the spec's values."""
    values = {**(rejection.values or {}), **given_values(program, rejection.given)}
    if rejection.argument is not None:
        argument = program.arguments[rejection.argument]
        value = values[rejection.argument]
        shown = repr(value) if argument.type.textual else str(value)
        return f"{rejection.argument} must be {requirement(argument)}, got {shown}"
    parts = constraint_message(program, program.argument_constraints[rejection.constraint])
    return "".join(part if isinstance(part, str) else field_text(part[0], values) for part in parts)


def field_text(source: str, values: object) -> str:
    """What a replacement field of a message gives: ``name``, ``self.name`` or ``name!r``."""
    name, _, conversion = source.removeprefix("self.").lstrip("_").partition("!")
    value = dict(values)[name]  # type: ignore[call-overload]
    return repr(value) if conversion else str(value)
