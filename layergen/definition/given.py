"""How the function of a definition gets at what it is given: tensors, families, numbers, sizes and members."""

from collections.abc import Iterator, Sequence

from layergen.definition.functions import NUMBER, SOURCES, formula
from layergen.definition.grammar import RUN
from layergen.definition.layout import Layout
from layergen.definition.loop_printer import SIZES, LoopPrinter, function_of, renamed
from layergen.definition.scene import TRAINING, Definition, Members
from layergen.lang import expression as ex
from layergen.lang.values import Shape


def given_lines(printer: LoopPrinter, inside: bool) -> tuple[str, ...]:
    """The lines that give names to what a definition's functions use."""
    definition = printer.definition
    families = [_line(name, _family(printer, name)) for name in _families(printer)]
    members = [_line(name, _member(name, definition.scene.members[name])) for name in sorted(printer.members)]
    found = dict(measured_in(printer)) if inside or "..." in printer.given else {}
    measured = [name for name in sorted(printer.given) if name in found and (inside or name == "...")]
    sizes = {SIZES[printer.run] if name == "..." else renamed(name): found[name] for name in measured}
    single = sorted(printer.given - definition.scene.families.keys() - set(measured))
    single += sorted({text.partition(".")[0] for text in sizes.values() if "." in text} - set(single))
    given = [_line(name, _given(definition, name, inside)) for name in single]
    draws = ('draws = given["draws"]',) if printer.draws else ()
    return (
        *given,
        *draws,
        *(f"{name} = {text}" for name, text in sizes.items()),
        *families,
        *members,
        *_functions(printer),
    )


def _functions(printer: LoopPrinter) -> Iterator[str]:
    """The line that says what the functions among the arguments are, by their names."""
    arguments = printer.definition.spec.arguments
    choices = dict.fromkeys(str(choice) for name in sorted(printer.chosen) for choice in arguments[name].choices or ())
    told = [f'"{name}": {_source(printer, meant)}' for name in choices if (meant := formula(name)) is not None]
    if told:
        yield f"functions: dict[str, Callable[[Any], Any]] = {{{', '.join(told)}}}"


def _source(printer: LoopPrinter, meant: ex.Expression) -> str:
    """The source of a function of a number: a name where Python has the function."""
    if isinstance(meant, ex.Call) and meant.arguments == (ex.Name(NUMBER),) and meant.function != "sigmoid":
        return SOURCES[meant.function]
    return f"lambda x: {printer.show(meant)}"


def _line(name: str, value: str) -> str:
    """A line that gives a name to what may be None, which a type checker is not to ask about: a flag may tell."""
    loose = ".get(" in value or value.endswith("None")
    return f"{renamed(name)}{': Any' if loose else ''} = {value}"


def _given(definition: Definition, name: str, inside: bool) -> str:
    spec, scene = definition.spec, definition.scene
    left_out = name in scene.optional or (inside and name in spec.inputs and spec.inputs[name].optional)
    if scene.tensors.get(name) in ((), ex.Sequence(())):  # its only number
        return f'given["{name}"][()]' + (f' if given.get("{name}") is not None else None' if left_out else "")
    return f'given.get("{name}")' if left_out else f'given["{name}"]'


def _families(printer: LoopPrinter) -> list[str]:
    """The families that were printed."""
    return sorted(printer.given & printer.definition.scene.families.keys())


def _family(printer: LoopPrinter, name: str) -> str:
    """The list of the tensors of a family, by the names that they have in the state dict."""
    part = printer.definition.scene.families[name]
    assert part.each is not None
    index, count = part.each.index, printer.show(part.each.count)
    key = f'f"{part.name(f"{{{index}}}") if part.named is not None else f"{name}.{{{index}}}"}"'
    one = f"given[{key}]{'[()]' if part.shape in ((), ex.Sequence(())) else ''}"  # the number, where it has no other
    if part.when is None:
        return f"[{one} for {index} in range({count})]"
    if index in ex.names(part.when):
        one = f"{one} if {key} in given else None" if one.endswith("[()]") else f"given.get({key})"
        return f"[{one} for {index} in range({count})]"
    return f"[{one} for {index} in range({count}) if {key} in given] or None"


def _member(name: str, members: Members) -> str:
    """A member, which is called with its inputs, or a list of them."""
    first, *others = members.made
    if not members.listed:
        made = f'member_of({function_of(first.function)}, given, "{name}")'
        return made if members.when is None else f'{made} if "{name}" in given else None'
    if isinstance(members.constructor, ex.Comprehension):
        return f'members_of({function_of(first.function)}, given, "{name}")'
    made = ", ".join(
        f'member_of({function_of(call.function)}, given, "{name}.{k}")' for k, call in enumerate((first, *others))
    )
    return f"[{made}]"


def measured_in(printer: LoopPrinter) -> Iterator[tuple[str, str]]:
    """Where the dimensions stand in the shapes of inputs that are always given, and ``...``."""
    spec = printer.definition.spec
    for name, part in reversed(spec.inputs.items()):
        if not part.optional:
            yield from _places(printer, renamed(name), part.shape)


def _places(printer: LoopPrinter, name: str, shape: Shape) -> Iterator[tuple[str, str]]:
    if isinstance(shape, ex.Conditional):
        then, other = (dict(_places(printer, name, side)) for side in (shape.then, shape.orelse))
        for dimension in then.keys() & other.keys():
            yield dimension, f"{then[dimension]} if {printer.show(shape.test)} else {other[dimension]}"
        return
    items = shape if isinstance(shape, tuple) else shape.items if isinstance(shape, ex.Sequence) else ()
    runs = Layout(items).runs
    for place, item in enumerate(items):
        if item == RUN:
            between = _between(printer, f"{name}.shape", items[:place], items[place + 1 :])
            yield printer.definition.runs.sizes.id, between
        elif isinstance(item, ex.Splice) and runs == (place,) and ex.names(item) <= {*printer.definition.spec.runs}:
            yield ex.show(item.value), _between(printer, f"{name}.shape", items[:place], items[place + 1 :])
        elif isinstance(item, ex.Name) and (not runs or place < runs[0]):
            yield item.id, f"{name}.shape[{place}]"
        elif isinstance(item, ex.Name) and place > runs[-1]:
            yield item.id, f"{name}.shape[{place - len(items)}]"


def _between(printer: LoopPrinter, shape: str, before: Sequence[ex.Expression], after: Sequence[ex.Expression]) -> str:
    """The sizes of a shape between those of some items and those of others."""
    start, stop = (_count(printer, items) for items in (before, after))
    if start == stop == "0":
        return shape
    if stop.isdigit():
        return f"{shape}[{start if start != '0' else ''}:{f'-{stop}' if stop != '0' else ''}]"
    return f"{shape}[{start if start != '0' else ''}:len({shape}) - {stop if ' ' not in stop else f'({stop})'}]"


def _count(printer: LoopPrinter, items: Sequence[ex.Expression]) -> str:
    """How many dimensions some items of a shape are."""
    lists = [f"len({printer.show(item.value)})" for item in items if isinstance(item, ex.Splice)]
    single = len(items) - len(lists)
    return " + ".join([*([str(single)] if single or not lists else []), *lists])


def unmeasured(definition: Definition) -> frozenset[str]:
    """The dimensions that stand alone in no input which is always given."""
    scene, spec = definition.scene, definition.spec
    dimensions = (
        scene.numbers - spec.arguments.keys() - spec.derived.keys() - spec.values.keys() - {*spec.runs, TRAINING}
    )
    return frozenset(dimensions - dict(measured_in(LoopPrinter(definition))).keys())
