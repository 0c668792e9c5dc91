"""Tensors without elements, and the constraints that would rule them out."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.families import at_values
from layergen.resolve.program import Program
from layergen.rules.cases import EmptyTensor
from layergen.settings.choice import Setting


def empty_tensors(program: Program, setting: Setting) -> Iterator[Finding]:
    """Yield the parameters and buffers that have no elements at a setting, and the sizes that are nothing whatever."""
    interpreter = Interpreter(setting.values)
    said: set[str] = set()  # one cause is one fault
    try:
        owned = at_values(program, setting.values)
    except EvaluationFault:
        owned = program
    for name, tensor in owned.tensors.items():
        try:
            if tensor.when is None or interpreter.truth(tensor.when):
                path = owned.path(name)
                for finding in _judge(program, setting, path, tensor.shape, path[0][:-1]):
                    if finding.help not in said:
                        yield finding
                    said.add(str(finding.help))
        except EvaluationFault:
            continue  # which is said where the layer is set up
    for entry in program.entries:
        factor = entry.solves.known if entry.solves is not None and entry.solves.operator == "*" else None
        if factor is not None and interpreter.evaluate(factor) == 0:
            message = f"`{ex.show(entry.expression)}` determines no size: `{ex.show(factor)}` is 0"
            help = f"add the constraint `{ex.show(inlined(factor, program.derived))} >= 1`"
            yield EmptyTensor.at(entry.place, message, notes=notes_of(program, setting), help=help)


def empty_output(program: Program, setting: Setting, name: str) -> Finding:
    """The finding for an output that has no elements at a setting."""
    found = list(_judge(program, setting, ("outputs", name), program.outputs[name].shape, "output"))
    if found:
        return found[0]
    message = f"the output `{name}` has no elements"
    return EmptyTensor.at(("outputs", name, "shape"), message, notes=notes_of(program, setting))


def _judge(
    program: Program, setting: Setting, path: Path, shape: tuple[ex.Expression, ...] | ex.Expression, role: str
) -> Iterator[Finding]:
    interpreter = Interpreter(setting.names)
    for index, entry in enumerate(shape if isinstance(shape, tuple) else ()):
        size = interpreter.evaluate(entry)
        if type(size) is int and size == 0:  # what is no size is a fault of its own
            whole = inlined(entry, program.derived)
            message = f"the {role} `{path[1]}` has no elements: `{ex.show(whole)}` is 0"
            place = Place((*path, "shape", index), entry.span)
            yield EmptyTensor.at(
                place, message, notes=notes_of(program, setting), help=help_with(program, whole, role != "output")
            )
            return
    if isinstance(shape, tuple):
        return
    sizes = interpreter.evaluate(shape)
    if isinstance(sizes, (tuple, list)) and 0 in sizes:
        message = f"the {role} `{path[1]}` has no elements: its shape is {list(sizes)}"
        yield EmptyTensor.at(Place((*path, "shape"), shape.span), message, notes=notes_of(program, setting))


def inlined(node: ex.Expression, derived: Mapping[str, ex.Expression]) -> ex.Expression:
    """An expression in arguments and dimensions alone."""

    def change(part: ex.Expression) -> ex.Expression | None:
        if not isinstance(part, ex.Name) or part.id not in derived:
            return None
        earlier = takewhile(lambda item: item[0] != part.id, derived.items())
        return inlined(derived[part.id], dict(earlier))

    return ex.transform(node, change)


def help_with(program: Program, entry: ex.Expression, owned: bool = True) -> str:
    """The constraint that is missing where an entry of a shape is 0."""
    if not ex.names(entry):
        return "write a size of 1 or more, or leave the tensor out"
    match entry:
        case ex.Name(id=name) if name in program.arguments:
            return f"give `{name}` a bound: `min: 1`; or the tensor a condition: `when: {name} > 0`"
        case ex.Binary("//", left, right):
            number, least = ex.show(left), ex.show(right)
            demand = f"{number} >= {least}" if isinstance(right, ex.Literal) else f"{least} <= {number}"
            rounded = f", or round up: `max({ex.show(entry)}, 1)`" if owned else ""
            return f"add the constraint `{demand}`{rounded}"
        case ex.Binary("-", left, right):
            return f"add the constraint `{ex.show(left)} > {ex.show(right)}`"
        case _:
            return f"add the constraint `{ex.Printer().show(entry, ex.PRECEDENCE['compare'] + 1)} >= 1`"


def notes_of(program: Program, setting: Setting) -> tuple[str, ...]:
    """The setting at which something has no elements."""
    parts: dict[str, Any] = {**{name: setting.values[name] for name in program.decided}, **setting.sizes}
    return (f"setting: {', '.join(f'{name}={value}' for name, value in parts.items())}",)
