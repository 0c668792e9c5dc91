"""Lowers what holds for all inputs to functions of the test module: laws, and an expression that the layer matches."""

from collections.abc import Iterator

from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.lang.model import Law
from layergen.lang.tokens import LAYER
from layergen.lang.tuples import wholes
from layergen.lower.scopes import attribute
from layergen.lower.source import Origin, SourcePrinter, quoted
from layergen.lower.views import RowView
from layergen.probe.initial import draws
from layergen.resolve.laws import shown_law
from layergen.resolve.program import Program


def law_rows(program: Program) -> Iterator[RowView]:
    """The laws, each by its text with functions that give its sides."""
    for law in program.laws:
        yield RowView(quoted(shown_law(law, wholes(program.outputs))), row(program, law))


def row(program: Program, law: Law) -> str:
    left, sign, right = law.sides
    parts = [of_inputs(program, f"({told(program, left)}, {told(program, right)})"), quoted(sign)]
    if law.within is not None:
        parts.append(f"within={law.within!r}")
    if law.when is not None:
        parts.append(f"holds={of_inputs(program, told(program, law.when))}")
    return f"Law({', '.join(parts)})"


def formula_function(program: Program, formula: ex.Expression) -> str:
    """The expression that a layer matches, as a function of the layer and its inputs."""
    return of_inputs(program, told(program, formula))


def starts(program: Program) -> Iterator[tuple[str, str]]:
    """The tensors that start from others of the layer, each with what it starts as, as a function of the layer."""
    for name, tensor in program.tensors.items():
        own = tensor.init.mentions & program.tensors.keys() - set(program.arguments)
        alone = tensor.each is None and tensor.when is None and not tensor.init.is_block
        if own and alone and not is_initializer(tensor.init.value) and not any(map(draws, tensor.init.nodes())):
            yield name, f"lambda {LAYER}: {sides_printer(program, f'{LAYER}.{min(own)}').show(tensor.init.value)}"


def of_inputs(program: Program, text: str) -> str:
    return f"lambda {', '.join((LAYER, *program.call))}: {text}"


def told(program: Program, node: ex.Expression) -> str:
    """An expression with the sizes of the inputs in the place of dimensions."""
    sizes = {name: found.source.gives for name, found in program.dimensions.items()}
    sized = ex.transform(node, lambda part: sizes.get(part.id) if isinstance(part, ex.Name) else None)
    return sides_printer(program).show(sized)


def sides_printer(program: Program, like: str | None = None) -> SourcePrinter:
    """Prints what a law says, with what the layer has as its attributes.

    Args:
        program: The layer.
        like: The tensor on whose device others are made, and in whose dtype; None: the first input.
    """
    names = {name: f"{LAYER}.{name}" for name in (*program.tensors, *program.members, *program.kept)}
    for name in (*program.arguments, *program.derived):
        if name not in program.inputs and name not in names:
            names[name] = attribute(program, name).replace("self", LAYER, 1)
    names |= {name: source.run() for name, source in program.sources.items()}
    first = like or next(iter(program.inputs))
    return SourcePrinter(names, Origin(f"{first}.device", f"{first}.dtype"), functional="nn.functional")
