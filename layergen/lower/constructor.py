"""Lowers arguments, checks, parameters and buffers to the constructor."""

from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile

from layergen.lang import expression as ex
from layergen.lang.model import Buffer, Parameter
from layergen.lower.arguments import argument_signature, bounds_check, kept, normalized
from layergen.lower.checks import Check, labelled, must_be
from layergen.lower.families import attribute
from layergen.lower.imports import names_in
from layergen.lower.initial import INITIALIZE, initializes
from layergen.lower.members import TIE, created
from layergen.lower.scopes import as_given, constructor_names, gathered_choices, is_flag, negated
from layergen.lower.scopes import attribute as attribute_of
from layergen.lower.shape_docs import as_shape
from layergen.lower.source import SourcePrinter, formatted
from layergen.lower.unions import as_types
from layergen.ops.modules import options_after
from layergen.resolve.conditions import NOTHING
from layergen.resolve.families import Run, loops, shared_condition
from layergen.resolve.program import Program


def signature(program: Program) -> Iterator[str]:
    """The parameters of the constructor after ``self``."""
    own = tuple(argument_signature(program))
    if not program.owns:
        yield from own
        return
    options = ["device: torch.device | str | None = None"]
    options += ["dtype: torch.dtype | None = None"] if program.takes_dtype else []
    positional = tuple(takewhile(lambda part: part != "*", own))
    if _options_by_position(program):
        yield from (*positional, *options, *own[len(positional) :])
    else:
        yield from (*own, *(() if program.keywords else ("*",)), *options)


def _options_by_position(program: Program) -> bool:
    """Whether ``device`` and ``dtype`` may be given by position, as to the modules of torch.nn.

    Not where the layer takes the place of one that has other arguments there: the same call would mean two things.
    """
    if program.matches is None:
        return not program.keywords
    return options_after(program.matches.module.function) == len(program.constructor) - len(program.keywords)


class ConstructorWriter:
    """Writes the lines of one constructor."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.printer = SourcePrinter(constructor_names(program))

    def write(self) -> tuple[str, ...]:
        early = [node for node in self.program.argument_constraints if not ex.names(node) & set(self.program.derived)]
        late = [node for node in self.program.argument_constraints if ex.names(node) & set(self.program.derived)]
        lines = ["super().__init__()"]
        lines += self.as_given()
        lines += self.normalized()
        for name, argument in self.program.arguments.items():
            lines += [line for check in bounds_check(name, argument) for line in check.lines()]
        lines += [line for node in early for line in self.constraint(node).lines()]
        lines += self.attributes()
        lines += [line for node in late for line in self.constraint(node).lines()]
        lines += [f'self.register_buffer("{name}", {name})' for name in self.program.kept]
        lines += self.tensors(list(self.program.tensors.items()))
        lines += created(self.program)
        if self.program.ties:
            hook = f"self.register_load_state_dict_post_hook(type(self).{TIE})"
            lines.append(f"{hook}  # type: ignore[no-untyped-call]")
        if initializes(self.program):
            lines.append(f"self.{INITIALIZE}()")
        elif self.program.tensors:
            lines.append("self.reset_parameters()")
        return tuple(lines)

    def as_given(self) -> Iterator[str]:
        """Keep lists as the caller gives them, before they are brought into one form."""
        for name in self.program.arguments:
            if as_given(self.program, name):
                value = self.program.derived.get(name, ex.Name(name))
                yield f"self.{name} = {SourcePrinter({}).show(self.typed(value))}"

    def normalized(self) -> Iterator[str]:
        """Bring sizes into one form, and compute the defaults that depend on other arguments."""
        for name, argument in self.program.arguments.items():
            if argument.computed and argument.default is not None:
                yield f"if {name} is None:"
                yield f"    {name} = {self.printer.show(argument.default)}"
            yield from normalized(name, argument)

    def constraint(self, node: ex.Expression) -> Check:
        """The check of a constraint; its message has the values of the arguments that it is about."""
        condition = self.printer.show(gathered_choices(self.typed(negated(node))))
        return Check(condition, formatted(*constraint_message(self.program, node)))

    def typed(self, node: ex.Expression) -> ex.Expression:
        """An expression as a type checker follows it."""
        return as_types(node, NOTHING, self.program.arguments, {})

    def attributes(self) -> Iterator[str]:
        for name, argument in self.program.arguments.items():
            if not is_flag(self.program, name) and name not in self.program.replaced:
                yield f"{attribute_of(self.program, name)} = {kept(name, argument)}"
        given = {attribute_of(self.program, name) for name in self.program.arguments}
        given -= {attribute_of(self.program, name) for name in self.program.replaced}
        known: dict[str, str] = {}  # of a replaced argument, what was given until its place is taken
        for name, expression in self.program.derived.items():
            own = attribute_of(self.program, name)
            if own not in given:
                yield f"{own} = {SourcePrinter(known).show(self.typed(expression))}"
            known[name] = own
        if self.program.attributes:
            yield "# For users of the layer to read."
        for name, expression in self.program.attributes.items():
            yield f"self.{name} = {self.printer.show(self.typed(expression))}"

    def tensors(self, tensors: Sequence[tuple[str, Parameter | Buffer]]) -> Iterator[str]:
        """Create parameters and buffers; neighbours under one condition share its branch."""
        for when, group in groupby(loops(dict(tensors)), key=shared_condition):
            runs = list(group)
            if when is None:
                yield from self.members(runs)
                continue
            yield f"if {self.printer.show(self.typed(when))}:"
            yield from (f"    {line}" for line in self.members(runs))
            yield "else:"
            yield from (f"    {line}" for line in self.members(runs, there=False))

    def members(self, runs: Sequence[Run], there: bool = True) -> Iterator[str]:
        """Create tensors, or say that they are not there; one loop makes neighbours of as many names."""
        for run in runs:
            name, tensor = run[0]
            if tensor.each is None or tensor.named is None:
                yield self.created(name, tensor) if there else self.absent(name, tensor)
                continue
            yield f"for {tensor.each.index} in range({self.printer.show(tensor.each.count)}):"
            whole = shared_condition(run)
            for when, group in groupby((part for _, part in run), key=lambda part: part.when):
                asked = when if when != whole else None
                yield from (f"    {line}" for line in self.registered(list(group), asked, there))

    def registered(self, parts: Sequence[Parameter | Buffer], when: ex.Expression | None, there: bool) -> Iterator[str]:
        """Give one tensor of each of some families its name; where a turn asks for them, under that condition."""
        absent = [f"self.register_{_kind(part)}({attribute(part, self.printer.show)}, None)" for part in parts]
        if not there:
            yield from absent
            return
        made = [
            f"self.register_{_kind(part)}({attribute(part, self.printer.show)}, {self.tensor(part)}{self.kept(part)})"
            for part in parts
        ]
        if when is None:
            yield from made
            return
        yield f"if {self.printer.show(self.typed(when))}:"
        yield from (f"    {line}" for line in made)
        yield "else:"
        yield from (f"    {line}" for line in absent)

    def absent(self, name: str, tensor: Parameter | Buffer) -> str:
        kind = "buffer" if isinstance(tensor, Buffer) else "parameter" if tensor.each is None else "module"
        return f'self.register_{kind}("{name}", None)'

    def kept(self, tensor: Parameter | Buffer) -> str:
        return ", persistent=False" if isinstance(tensor, Buffer) and not tensor.persistent else ""

    def created(self, name: str, tensor: Parameter | Buffer) -> str:
        """Create a tensor, or the list of a family."""
        if isinstance(tensor, Buffer):
            return f'self.register_buffer("{name}", {self.tensor(tensor)}{self.kept(tensor)})'
        made = self.tensor(tensor)
        if tensor.each is None:
            return f"self.{name} = {made}"
        index = tensor.each.index if tensor.each.index in names_in(made) else "_"
        return f"self.{name} = nn.ParameterList({made} for {index} in range({self.printer.show(tensor.each.count)}))"

    def tensor(self, tensor: Parameter | Buffer) -> str:
        """A tensor without values."""
        if isinstance(tensor.shape, tuple):
            shape = ", ".join(self.printer.show(entry, 1) for entry in tensor.shape) or "()"
        else:
            shape = self.printer.show(as_shape(tensor.shape))
        dtype = f"torch.{tensor.dtype}" if tensor.dtype else "dtype"
        empty = f"torch.empty({shape}, device=device, dtype={dtype})"
        if isinstance(tensor, Buffer):
            return empty
        learned = f", requires_grad={self.printer.show(tensor.requires_grad)}" if tensor.requires_grad else ""
        return f"nn.Parameter({empty}{learned})"


def _kind(tensor: Parameter | Buffer) -> str:
    return "buffer" if isinstance(tensor, Buffer) else "parameter"


def constraint_message(program: Program, node: ex.Expression) -> tuple[str | tuple[str], ...]:
    """What to say where a constraint does not hold: texts, and one-tuples with the names of values.

    Of an argument whose place a derived value takes, it is what the caller passed.
    """
    parts: list[str | tuple[str]] = [f"{must_be(node)}, got "]
    mentioned = ex.names(node)
    named = [name for name in dict.fromkeys((*program.arguments, *program.derived)) if name in mentioned]
    for label, name in labelled(node, named):
        text = name if name in program.arguments else attribute_of(program, name)
        conversion = "!r" if name in program.arguments and program.arguments[name].type.textual else ""
        parts += [label, (f"{text}{conversion}",)] if label else [(f"{text}{conversion}",)]
    return tuple(parts)
