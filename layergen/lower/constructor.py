"""Lowers arguments, checks, parameters and buffers to the constructor."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from layergen.lang import expression as ex
from layergen.lang.model import Buffer, Parameter
from layergen.lower.arguments import argument_signature, bounds_check, kept, normalized
from layergen.lower.checks import Check
from layergen.lower.initial import INITIALIZE, initializes
from layergen.lower.members import created
from layergen.lower.scopes import constructor_names, is_flag, negated
from layergen.lower.source import SourcePrinter, as_shape, formatted
from layergen.lower.unions import as_types
from layergen.resolve.conditions import NOTHING
from layergen.resolve.program import Program


def signature(program: Program) -> Iterator[str]:
    """The parameters of the constructor after ``self``."""
    yield from argument_signature(program)
    if program.owns:
        yield "*"
        yield "device: torch.device | str | None = None"
        if program.takes_dtype:
            yield "dtype: torch.dtype | None = None"


class ConstructorWriter:
    """Writes the lines of one constructor."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.printer = SourcePrinter(constructor_names(program))

    def write(self) -> tuple[str, ...]:
        early = [node for node in self.program.argument_constraints if not ex.names(node) & set(self.program.derived)]
        late = [node for node in self.program.argument_constraints if ex.names(node) & set(self.program.derived)]
        lines = ["super().__init__()"]
        lines += self.normalized()
        for name, argument in self.program.arguments.items():
            lines += [line for check in bounds_check(name, argument) for line in check.lines()]
        lines += [line for node in early for line in self.constraint(node).lines()]
        lines += self.attributes()
        lines += [line for node in late for line in self.constraint(node).lines()]
        lines += [f'self.register_buffer("{name}", {name})' for name in self.program.kept]
        lines += self.tensors(list(self.program.tensors.items()))
        lines += created(self.program)
        if initializes(self.program):
            lines.append(f"self.{INITIALIZE}()")
        elif self.program.tensors:
            lines.append("self.reset_parameters()")
        return tuple(lines)

    def normalized(self) -> Iterator[str]:
        """Bring sizes into one form, and compute the defaults that depend on other arguments."""
        for name, argument in self.program.arguments.items():
            if argument.computed and argument.default is not None:
                yield f"if {name} is None:"
                yield f"    {name} = {self.printer.show(argument.default)}"
            yield from normalized(name, argument)

    def constraint(self, node: ex.Expression) -> Check:
        """The check of a constraint; its message has the values of the arguments that it is about."""
        condition = self.printer.show(self.typed(negated(node)))
        return Check(condition, formatted(*constraint_message(self.program, node)))

    def typed(self, node: ex.Expression) -> ex.Expression:
        """An expression as a type checker follows it."""
        return as_types(node, NOTHING, self.program.arguments, {})

    def attributes(self) -> Iterator[str]:
        for name, argument in self.program.arguments.items():
            if not is_flag(self.program, name):
                yield f"self.{name} = {kept(name, argument)}"
        for name, expression in self.program.derived.items():
            yield f"self.{name} = {self.printer.show(self.typed(expression))}"

    def tensors(self, tensors: Sequence[tuple[str, Parameter | Buffer]]) -> Iterator[str]:
        """Create parameters and buffers; neighbours under one condition share its branch."""
        for when, group in groupby(tensors, key=lambda item: item[1].when):
            members = list(group)
            created = [self.created(name, tensor) for name, tensor in members]
            if when is None:
                yield from created
                continue
            yield f"if {self.printer.show(self.typed(when))}:"
            yield from (f"    {line}" for line in created)
            yield "else:"
            for name, tensor in members:
                kind = "buffer" if isinstance(tensor, Buffer) else "parameter"
                yield f'    self.register_{kind}("{name}", None)'

    def created(self, name: str, tensor: Parameter | Buffer) -> str:
        if isinstance(tensor.shape, tuple):
            shape = ", ".join(self.printer.show(entry, 1) for entry in tensor.shape) or "()"
        else:
            shape = self.printer.show(as_shape(tensor.shape))
        dtype = f"torch.{tensor.dtype}" if tensor.dtype else "dtype"
        empty = f"torch.empty({shape}, device=device, dtype={dtype})"
        if isinstance(tensor, Buffer):
            persistent = "" if tensor.persistent else ", persistent=False"
            return f'self.register_buffer("{name}", {empty}{persistent})'
        return f"self.{name} = nn.Parameter({empty})"


def constraint_message(program: Program, node: ex.Expression) -> tuple[str | tuple[str], ...]:
    """What to say where a constraint does not hold: texts, and one-tuples with the names of values."""
    match node:
        case ex.Compare(ex.Binary("%", ex.Name(id=number), ex.Name(id=divisor)), ("==",), (ex.Literal(value=0),)):
            return (f"{number} must be divisible by {divisor}, got {number}=", (number,), f", {divisor}=", (divisor,))
    parts: list[str | tuple[str]] = [f"expected {ex.show(node)}, got "]
    mentioned = ex.names(node)
    named = [name for name in (*program.arguments, *program.derived) if name in mentioned]
    for index, name in enumerate(named):
        text = f"self.{name}" if name in program.derived else name
        conversion = "!r" if name in program.arguments and program.arguments[name].type.textual else ""
        parts += [f"{', ' if index else ''}{name}=", (f"{text}{conversion}",)]
    return tuple(parts)
