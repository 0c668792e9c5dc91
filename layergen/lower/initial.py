"""Lowers the initial values of parameters and buffers to the body of ``reset_parameters``."""

from collections.abc import Iterator

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.inits import is_fan, is_initializer
from layergen.lang.model import Buffer, Parameter
from layergen.lower.imports import names_in
from layergen.lower.members import reset, restarted
from layergen.lower.scopes import attribute_names, functional, initializers
from layergen.lower.source import Origin, SourcePrinter
from layergen.resolve.inference import INT
from layergen.resolve.program import Program

FANS = {"fan_in": "{weight}[0].numel()", "fan_out": "{weight}[:, 0].numel()"}


INITIALIZE = "_initialize"  # the method for what is the layer's own, where it has members too


def initializes(program: Program) -> bool:
    """Whether a layer with members has initial values of its own to give."""
    return bool(program.members) and bool(own_lines(program))


def reset_lines(program: Program) -> tuple[str, ...]:
    """The statements that give every parameter and buffer its initial value, those of members first."""
    if not program.members:
        return own_lines(program)
    return (*reset(program), *([f"self.{INITIALIZE}()"] if initializes(program) else []))


def own_lines(program: Program) -> tuple[str, ...]:
    """The statements for the layer's own tensors, in the order of declaration, and for what it changes of members."""
    writer = InitialWriter(program)
    lines: list[str] = []
    for name, tensor in program.tensors.items():
        own = list(writer.lines(name, tensor))
        if tensor.when is not None:
            own = [f"if self.{name} is not None:", *(f"    {line}" for line in own)]
        lines += own
    return (*lines, *restarted(program))


def is_factory(node: ex.Call) -> bool:
    """Whether a call makes a tensor from nothing."""
    op = ops.called(node)
    return op is not None and op.factory


class InitialWriter:
    """Writes initial values one tensor at a time; a fan that is asked for twice is computed once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.fans: set[str] = set()
        weights = {
            argument.id
            for tensor in program.tensors.values()
            for node in ex.walk(tensor.init)
            if is_fan(node)
            for argument in node.arguments
            if isinstance(argument, ex.Name)
        }
        self.several = len(weights) > 1

    def lines(self, name: str, tensor: Parameter | Buffer) -> Iterator[str]:
        yield from self.fan_lines(tensor)
        target = f"self.{name}"
        init = ex.transform(tensor.init, self.fan_as_name)
        origin = Origin(f"{target}.device", f"{target}.dtype")
        printer = SourcePrinter(attribute_names(self.program), origin, functional=functional(self.program))
        if is_initializer(init):
            arguments = printer.arguments(init)
            yield f"{initializers(self.program)}.{init.function}_({target}{', ' if arguments else ''}{arguments})"
            return
        yield "with torch.no_grad():"
        factories = [node for node in ex.walk(init) if isinstance(node, ex.Call) and is_factory(node)]
        if len(factories) < 2:
            yield f"    {target}.copy_({printer.show(init)})"
            return
        printer.origin = Origin("device", "dtype")
        written = printer.show(init)
        used = {name: source for name, source in vars(origin).items() if name in names_in(written)}
        yield f"    {', '.join(used)} = {', '.join(used.values())}"
        yield f"    {target}.copy_({written})"

    def fan_lines(self, tensor: Parameter | Buffer) -> Iterator[str]:
        """Name the fans that an initial value uses, unless a line before has done so."""
        calls = [node for node in ex.walk(tensor.init) if is_fan(node)]
        for node in dict.fromkeys(calls):
            fan = self.fan_name(node)
            if fan not in self.fans:
                if tensor.when is None:
                    self.fans.add(fan)
                yield f"{fan} = {FANS[node.function].format(weight=f'self.{ex.show(node.arguments[0])}')}"

    def fan_name(self, node: ex.Call) -> str:
        return f"{ex.show(node.arguments[0])}_{node.function}" if self.several else node.function

    def fan_as_name(self, node: ex.Expression) -> ex.Expression | None:
        if is_fan(node):
            return ex.Name(self.fan_name(node), kinds=INT)
        return None
