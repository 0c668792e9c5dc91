"""Lowers arguments, checks, parameters and buffers to the constructor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from layergen.lang import expression as ex
from layergen.lang.bounds import requirement
from layergen.lang.model import SIZES, Argument, Buffer, Parameter
from layergen.lower.families import attribute
from layergen.lower.imports import names_in
from layergen.lower.initial import INITIALIZE, initializes
from layergen.lower.members import created
from layergen.lower.scopes import constructor_names, is_flag, negated
from layergen.lower.source import SourcePrinter, as_shape, formatted, python
from layergen.resolve.families import common_condition, made_together, misses_some
from layergen.resolve.program import Program

TYPES = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "str",
    "size1": "int | tuple[int]",
    "size2": "int | tuple[int, int]",
    "size3": "int | tuple[int, int, int]",
    "ints": "int | Sequence[int]",
}
HELPERS = {
    "size1": (
        "def _single(name: str, value: int | tuple[int]) -> tuple[int]:",
        '    """Return one int in a tuple, given either."""',
        "    if isinstance(value, int):",
        "        return (value,)",
        "    if len(value) != 1:",
        '        raise ValueError(f"{name} must be an int or one int, got {value}")',
        "    return (value[0],)",
    ),
    "size2": (
        "def _pair(name: str, value: int | tuple[int, int]) -> tuple[int, int]:",
        '    """Return two ints, given one for both or each."""',
        "    if isinstance(value, int):",
        "        return value, value",
        "    if len(value) != 2:",
        '        raise ValueError(f"{name} must be an int or two ints, got {value}")',
        "    return value[0], value[1]",
    ),
    "size3": (
        "def _triple(name: str, value: int | tuple[int, int, int]) -> tuple[int, int, int]:",
        '    """Return three ints, given one for all or each."""',
        "    if isinstance(value, int):",
        "        return value, value, value",
        "    if len(value) != 3:",
        '        raise ValueError(f"{name} must be an int or three ints, got {value}")',
        "    return value[0], value[1], value[2]",
    ),
    "ints": (
        "def _ints(value: int | Sequence[int]) -> tuple[int, ...]:",
        '    """Return a tuple of ints, given one int or several."""',
        "    return (value,) if isinstance(value, int) else tuple(value)",
    ),
}
HELPER_CALLS = {
    "size1": '_single("{name}", {name})',
    "size2": '_pair("{name}", {name})',
    "size3": '_triple("{name}", {name})',
    "ints": "_ints({name})",
}


@dataclass(frozen=True)
class Check:
    """A check of the constructor: when it fails, and with what message."""

    condition: str
    message: str  # source of a string or an f-string

    def lines(self) -> tuple[str, str]:
        return f"if {self.condition}:", f"    raise ValueError({self.message})"


def type_of(argument: Argument) -> str:
    """The annotation of an argument."""
    nullable = argument.optional or argument.computed
    return TYPES[argument.type] + (" | None" if nullable else "")


def signature(program: Program) -> Iterator[str]:
    """The parameters of the constructor after ``self``."""
    yield from argument_signature(program)
    if program.owns:
        yield "*"
        yield "device: torch.device | str | None = None"
        if program.takes_dtype:
            yield "dtype: torch.dtype | None = None"


def argument_signature(program: Program) -> Iterator[str]:
    """The spec's own arguments, as parameters of a function."""
    printer = SourcePrinter({})
    for name, argument in program.arguments.items():
        if argument.default is None:
            yield f"{name}: {type_of(argument)}"
        elif argument.computed:
            yield f"{name}: {type_of(argument)} = None"
        else:
            yield f"{name}: {type_of(argument)} = {printer.show(argument.default)}"


def helpers(program: Program) -> tuple[tuple[str, ...], ...]:
    """The functions of the module that bring sizes into one form."""
    types = {argument.type for argument in program.arguments.values()}
    return tuple(lines for name, lines in HELPERS.items() if name in types)


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
            if argument.type in SIZES or argument.type == "ints":
                call = HELPER_CALLS[argument.type].format(name=name)
                if argument.optional:
                    yield f"if {name} is not None:"
                    yield f"    {name} = {call}"
                else:
                    yield f"{name} = {call}"

    def constraint(self, node: ex.Expression) -> Check:
        """The check of a constraint; its message has the values of the arguments that it is about."""
        condition = self.printer.show(negated(node))
        return Check(condition, formatted(*constraint_message(self.program, node)))

    def attributes(self) -> Iterator[str]:
        for name in self.program.arguments:
            if not is_flag(self.program, name):
                yield f"self.{name} = {name}"
        for name, expression in self.program.derived.items():
            yield f"self.{name} = {self.printer.show(expression)}"

    def tensors(self, tensors: Sequence[tuple[str, Parameter | Buffer]]) -> Iterator[str]:
        """Create parameters and buffers; neighbours under one condition share its branch."""
        for when, group in groupby(tensors, key=lambda item: common_condition(item[1])):
            members = list(group)
            if when is None:
                yield from self.members(members)
                continue
            yield f"if {self.printer.show(when)}:"
            yield from (f"    {line}" for line in self.members(members))
            yield "else:"
            yield from (f"    {line}" for line in self.members(members, there=False))

    def members(self, tensors: Sequence[tuple[str, Parameter | Buffer]], there: bool = True) -> Iterator[str]:
        """Create tensors, or say that they are not there; one loop makes neighbours of as many names."""
        waiting = list(tensors)
        while waiting:
            name, tensor = waiting.pop(0)
            if tensor.each is None or tensor.named is None:
                yield self.created(name, tensor) if there else self.absent(name, tensor)
                continue
            together = [tensor]
            while waiting and made_together(tensor, waiting[0][1]):
                together.append(waiting.pop(0)[1])
            yield f"for {tensor.each.index} in range({self.printer.show(tensor.each.count)}):"
            for part in together:
                yield from (f"    {line}" for line in self.registered(part, there))

    def registered(self, tensor: Parameter | Buffer, there: bool) -> Iterator[str]:
        """Give one tensor of a family its name."""
        kind, name = "buffer" if isinstance(tensor, Buffer) else "parameter", attribute(tensor, self.printer.show)
        made = f"self.register_{kind}({name}, {self.tensor(tensor)}{self.kept(tensor)})"
        if not there:
            yield f"self.register_{kind}({name}, None)"
        elif misses_some(tensor) and tensor.when is not None:
            yield f"if {self.printer.show(tensor.when)}:"
            yield f"    {made}"
            yield "else:"
            yield f"    self.register_{kind}({name}, None)"
        else:
            yield made

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


def bounds_check(name: str, argument: Argument) -> Iterator[Check]:
    """The check of an argument against its bounds or choices, if it has any."""
    must = requirement(argument)
    if not must:
        return
    conversion = "!r" if argument.type == "str" else ""
    message = formatted(f"{name} must be {must}, got ", (f"{name}{conversion}",))
    condition = _out_of_bounds(name, argument)
    yield Check(f"{name} is not None and {condition}" if argument.optional else condition, message)


def _out_of_bounds(name: str, argument: Argument) -> str:
    if argument.choices is not None:
        return f"{name} not in {python(tuple(argument.choices))}"
    if argument.type == "ints":
        return f"any({_out_of_bounds('part', argument.model_copy(update={'type': 'int'}))} for part in {name})"
    several = argument.type in SIZES
    low, high = (f"min({name})", f"max({name})") if several else (name, name)
    if argument.min is not None and argument.max is not None:
        below, above = ("<" if argument.excludes(bound) else "<=" for bound in ("min", "max"))
        if several:
            return f"not ({python(argument.min)} {below} {low} and {high} {above} {python(argument.max)})"
        return f"not {python(argument.min)} {below} {name} {above} {python(argument.max)}"
    if argument.min is not None:
        if argument.integral and argument.min == 1 and not argument.exclusive:
            return f"{low} <= 0"
        return f"{low} {'<=' if argument.excludes('min') else '<'} {python(argument.min)}"
    return f"{high} {'>=' if argument.excludes('max') else '>'} {python(argument.max)}"


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
        conversion = "!r" if name in program.arguments and program.arguments[name].type == "str" else ""
        parts += [f"{', ' if index else ''}{name}=", (f"{text}{conversion}",)]
    return tuple(parts)
