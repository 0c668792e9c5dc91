"""Lowers the initial values of parameters and buffers to the body of ``reset_parameters``."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.inits import is_fan, is_initializer
from layergen.lang.model import Buffer, Parameter
from layergen.lang.visitor import Block, Visitor, assigned, mapped, nodes
from layergen.lower.annotations import item_type
from layergen.lower.dtypes import wide_dtype
from layergen.lower.families import attribute, reader
from layergen.lower.imports import names_in
from layergen.lower.members import reset, restarted
from layergen.lower.merged import merged
from layergen.lower.scopes import attribute_names, functional, given, initializers
from layergen.lower.source import Origin, SourcePrinter
from layergen.lower.wide import widened_block
from layergen.probe.initial import draws
from layergen.resolve.families import asked_inside, common_condition, loops, misses_some
from layergen.resolve.inference import INT, TENSOR, kinds_of
from layergen.resolve.program import Program

FANS = {"fan_in": "{weight}[0].numel()", "fan_out": "{weight}[:, 0].numel()"}
LIKE = frozenset({"ones_like", "rand_like", "randn_like", "zeros_like"})
INDENT = "    "
PARAMETER = "parameter"  # each of them, where all start alike
LEAST = 3  # of these, so that a loop says it sooner
NO_GRAD = "with torch.no_grad():"


INITIALIZE = "_initialize"  # the method for what is the layer's own, where it has members too
REFILL = "_reset_buffers"  # the method for buffers that are not saved


def initializes(program: Program) -> bool:
    """Whether a layer with members has initial values of its own to give."""
    return bool(program.members) and bool(own_lines(program))


def reset_lines(program: Program) -> tuple[str, ...]:
    """The statements that give every parameter and buffer its initial value, those of members first."""
    if not program.members:
        return own_lines(program)
    return (*reset(program), *([f"self.{INITIALIZE}()"] if initializes(program) else []))


def own_lines(program: Program) -> tuple[str, ...]:
    """The statements for the layer's own tensors, each after those that it reads, and for other starts of members."""
    if (shared := shared_start(program)) is not None:
        writer = InitialWriter(program)
        *first, each = writer.initialized(shared, PARAMETER)
        return (*first, f"for {PARAMETER} in self.parameters():", f"{INDENT}{each}")
    computed = refilled(program)
    first = [f"self.{REFILL}()"] if computed else []
    others = [name for name in program.initial_order if name not in computed]
    return (*first, *_tensor_lines(program, others), *restarted(program))


def refilled(program: Program) -> tuple[str, ...]:
    """The buffers that are not saved and always start alike, so that loading a state can compute them again."""
    found: list[str] = []
    for name in program.initial_order:
        tensor = program.tensors[name]
        if isinstance(tensor, Buffer) and not tensor.persistent:
            read = tensor.init.mentions & program.tensors.keys() - set(program.arguments)
            if read <= {*found, name} and not any(map(draws, tensor.init.nodes())):
                found.append(name)
    return tuple(found)


def refill_lines(program: Program) -> tuple[str, ...]:
    """The statements that compute the buffers that are not saved."""
    return tuple(_tensor_lines(program, refilled(program)))


def _tensor_lines(program: Program, names: Sequence[str]) -> Iterator[str]:
    """The statements that give some of the layer's own tensors their initial values, in this order."""
    writer = InitialWriter(program)
    runs = loops({name: program.tensors[name] for name in names})
    inside = {name for run in runs if len(run) > 1 and asked_inside(run) for name, _ in run}
    lines: tuple[str, ...] = ()
    for name in names:
        tensor = program.tensors[name]
        own = list(writer.family(name, tensor, name in inside) if tensor.each else writer.lines(name, tensor))
        if common_condition(tensor) is not None and name not in inside:
            own = [f"if {writer.condition(name, tensor)}:", *(f"{INDENT}{line}" for line in own)]
        lines = merged(lines, own, loops=not tensor.init.mentions & program.tensors.keys())
    return _joined(lines)


def shared_start(program: Program) -> ex.Call | None:
    """The call that gives each tensor of a layer its initial value, if several all start alike."""
    inits = [tensor.init for tensor in program.parameters.values()]
    if program.buffers or program.members or len(inits) < LEAST:
        return None
    first = inits[0].value
    indices = {tensor.each.index for tensor in program.parameters.values() if tensor.each is not None}
    own = indices | {*program.tensors} - {*program.arguments}
    alike = all(init.value == first and not init.is_block and not init.mentions & own for init in inits)
    return first if alike and isinstance(first, ex.Call) and is_initializer(first) else None


def _joined(lines: Sequence[str]) -> Iterator[str]:
    """Lines in which a block without gradients goes on where the next one would begin."""
    going = False
    for line in lines:
        if line == NO_GRAD and going:
            continue
        going = line == NO_GRAD or (going and line.startswith(INDENT))
        yield line


def is_factory(node: ex.Call) -> bool:
    """Whether a call makes a tensor from nothing."""
    op = ops.called(node)
    return op is not None and op.factory


def like(node: ex.Expression, shape: ex.Expression | tuple[ex.Expression, ...], target: str) -> ex.Expression | None:
    """A tensor that is made like another one, where it is made from nothing in the shape of that.

    It is then in as many shards as that, too.
    """
    match node:
        case ex.Call(function=made, arguments=sizes, keywords=()) if f"{made}_like" in LIKE and is_factory(node):
            if len(sizes) == 1 and isinstance(sizes[0], ex.Sequence):
                sizes = sizes[0].items
            if sizes == shape:
                callee = Callee(CalleeKind.OP, f"{made}_like", wide=node.callee is not None and node.callee.wide)
                dtype = (ex.Keyword("dtype", ex.Name(wide_dtype(f"{target}.dtype"))),) if callee.wide else ()
                return ex.Call(callee.name, (ex.Name(target, kinds=TENSOR),), dtype, callee=callee, kinds=TENSOR)
    return None


class InitialWriter:
    """Writes initial values one tensor at a time; a fan that is asked for twice is computed once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.fans: set[str] = set()
        self.told: set[str] = set()  # the lists whose type is said, once for all tensors
        scalars = attribute_names(program)
        self.names = {name: f"self.{name}" for name in program.tensors} | scalars
        self.readable = [name for name in program.tensors if name not in scalars]
        fans = [node for tensor in program.tensors.values() for node in tensor.init.nodes() if is_fan(node)]
        weights = {_base(argument).id for node in fans for argument in node.arguments}
        self.several = len(weights) > 1
        inits = (tensor.init.value for tensor in program.tensors.values())
        self.bounds = dict.fromkeys(high for init in inits if (high := mirrored(init)) is not None)
        self.bounded: dict[ex.Expression, str] = {}  # the names of those that are computed already

    def optional(self, name: str) -> list[str]:
        """The tensors that an initial value reads as if they were always there, though they are not."""
        init, tensors = self.program.tensors[name].init, self.program.tensors
        asked = {node.left for node in init.nodes() if isinstance(node, ex.Compare)}
        read = [other for other in self.readable if other in init.mentions and ex.Name(other) not in asked]
        return [other for other in read if common_condition(tensors[other]) is not None]

    def condition(self, name: str, tensor: Parameter | Buffer) -> str:
        """The condition under which a tensor is there, and those that it reads."""
        parts = []
        for other in (name, *self.optional(name)):
            when = common_condition(self.program.tensors[other])
            if self.program.tensors[other].named is not None and when is not None:
                parts.append(self.printer().show(when, ex.PRECEDENCE["not"]))
            else:
                parts.append(f"self.{other} is not None")
        parts += [f"self.{argument} is not None" for argument in given(self.program, tensor.init.nodes())]
        return " and ".join(dict.fromkeys(parts))

    def printer(self, origin: Origin | None = None, own: str | None = None) -> SourcePrinter:
        """A printer for initial values, where one tensor of a family has the name of that, if it is told."""
        functions, names = functional(self.program), self.names if own is None else self.names | {own: own}
        return SourcePrinter(names, origin, functional=functions, read=reader(self.program, own))

    def family(self, name: str, tensor: Parameter | Buffer, asked: bool) -> Iterator[str]:
        """Give the tensors of a family their initial values, one after the other; each turn may ask if there is one."""
        assert tensor.each is not None
        index, inner = tensor.each.index, list(self.lines(name, tensor, name))
        if misses_some(tensor):
            inner = [f"if {name} is not None:", *(f"{INDENT}{line}" for line in inner)]
        if tensor.named is not None:
            yield f"for {index} in range({self.printer().show(tensor.each.count)}):"
            read = f"{name} = getattr(self, {attribute(tensor, self.printer().show)})"
            if asked and common_condition(tensor) is not None:
                inner = [f"if {self.condition(name, tensor)}:", *(f"{INDENT}{line}" for line in (read, *inner))]
            else:
                inner = [read, *inner]
        elif index in _names(inner):
            yield f"for {index}, {name} in enumerate(self.{name}):"
        else:
            yield f"for {name} in self.{name}:"
        yield from (f"{INDENT}{line}" for line in inner)

    def lines(self, name: str, tensor: Parameter | Buffer, target: str = "") -> Iterator[str]:
        """Give a tensor its initial value; its source is given where it is no attribute."""
        yield from self.fan_lines(tensor)
        target = target or f"self.{name}"
        init = ex.transform(tensor.init.value, self.fan_as_name)
        init = ex.transform(init, lambda node: like(node, tensor.shape, target))
        before = mapped(tensor.init.before, lambda node: ex.transform(node, self.fan_as_name))
        origin = Origin(f"{target}.device", f"{target}.dtype")
        printer = self.printer(origin, name if tensor.each is not None else None)
        if is_initializer(init):
            own = self.bounded if tensor.when is None and tensor.each is None else {**self.bounded}
            yield from self.initialized(init, target, name, own)
            return
        yield NO_GRAD
        made = (*nodes(before), *ex.walk(init))
        factories = [node for node in made if isinstance(node, ex.Call) and is_factory(node)]
        if len(factories) > 1:
            printer.origin = Origin("device", "dtype")
        if tensor.dtype is None and printer.origin is not None:
            before, init = widened_block(before, init, wide_dtype(printer.origin.dtype))
        writer = _BlockWriter(printer, {*self.names, *assigned(before)}, self.told)
        writer.block(before)
        writer.emit(f"{target}.copy_({printer.show(_without_clone(init))})")
        written = writer.lines
        if len(factories) > 1:
            used = {name: source for name, source in vars(origin).items() if name in _names(written)}
            yield f"{INDENT}{', '.join(used)} = {', '.join(used.values())}"
        yield from (f"{INDENT}{line}" for line in written)

    def initialized(
        self, init: ex.Call, target: str, name: str = "", bounded: dict[ex.Expression, str] | None = None
    ) -> Iterator[str]:
        """The call of an initializer of torch for one tensor, behind the bound that it has on both sides of zero.

        Args:
            init: What the tensor starts with.
            target: Its source.
            name: What the spec calls it.
            bounded: The names of the bounds that are computed already, to which one may be added.
        """
        printer = self.printer(Origin(f"{target}.device", f"{target}.dtype"))
        known, bound = {} if bounded is None else bounded, mirrored(init)
        if bound is not None:
            if bound not in known:
                known[bound] = self.bound_name(name)
                yield f"{known[bound]} = {printer.show(bound)}"
            low, high = ex.Name(f"-{known[bound]}"), ex.Name(known[bound])
            init = replace(init, arguments=(low, high), keywords=())
        arguments = printer.arguments(init)
        yield f"{initializers(self.program)}.{init.function}_({target}{', ' if arguments else ''}{arguments})"

    def bound_name(self, name: str) -> str:
        """What a bound is called that is none of those taken: by its tensor, too, where there are several."""
        found = f"{name}_bound" if len(self.bounds) > 1 and name else "bound"
        inside = (assigned(tensor.init.before) for tensor in self.program.tensors.values())
        taken = {*self.program.names, *self.program.derived}.union(*inside)
        while found in taken:
            found += "_"
        return found

    def fan_lines(self, tensor: Parameter | Buffer) -> Iterator[str]:
        """Name the fans that an initial value uses, unless a line before has done so."""
        calls = [node for node in tensor.init.nodes() if is_fan(node)]
        for node in dict.fromkeys(calls):
            fan = self.fan_name(node)
            if fan not in self.fans:
                (weight,) = node.arguments
                if tensor.when is None and isinstance(weight, ex.Name):
                    self.fans.add(fan)
                source = f"self.{weight.id}" if isinstance(weight, ex.Name) else self.printer().show(weight)
                yield f"{fan} = {FANS[node.function].format(weight=source)}"

    def fan_name(self, node: ex.Call) -> str:
        return f"{_base(node.arguments[0]).id}_{node.function}" if self.several else node.function

    def fan_as_name(self, node: ex.Expression) -> ex.Expression | None:
        if is_fan(node):
            return ex.Name(self.fan_name(node), kinds=INT)
        return None


def mirrored(init: ex.Expression) -> ex.Expression | None:
    """The bound of a range that goes as far below zero as above, if it is computed; None of anything else."""
    match init:
        case ex.Call(function="uniform", arguments=(low, ex.Binary() as high), keywords=()) if is_initializer(init):
            return high if low in (ex.Unary("-", high), _negative(high)) else None
    return None


def _negative(node: ex.Expression) -> ex.Expression:
    """The opposite of a value as one writes it, with the sign at the first number of a product or a quotient."""
    match node:
        case ex.Binary("*" | "/", left=left):
            return replace(node, left=_negative(left))
    return ex.Unary("-", node)


def _base(node: ex.Expression) -> ex.Name:
    """The name of what a fan is taken of, perhaps of one of a family."""
    named = node.value if isinstance(node, ex.Subscript) else node
    assert isinstance(named, ex.Name)
    return named


def _without_clone(node: ex.Expression) -> ex.Expression:
    """A value that is copied anyway."""
    op = ops.called(node) if isinstance(node, ex.Call) else None
    if isinstance(node, ex.Call) and op is not None and op.name == "clone" and len(node.arguments) == 1:
        return node.arguments[0]
    return node


def _names(lines: list[str]) -> set[str]:
    return names_in("\n".join(lines))


class _BlockWriter(Visitor):
    """Writes the statements that come before a value. What is read twice gets a name that is none of those taken."""

    def __init__(self, printer: SourcePrinter, taken: set[str], told: set[str]) -> None:
        self.printer = printer
        self.told = told
        self.lines: list[str] = []
        self.depth = 0
        printer.once = "value"
        while printer.once in taken:
            printer.once += "_"

    def emit(self, line: str) -> None:
        self.lines.append(INDENT * self.depth + line)

    def comment(self, statement: ex.Comment) -> None:
        self.emit(f"# {statement.text}")

    def assign(self, statement: ex.Assign) -> None:
        names = ", ".join(target.id for target in statement.targets)
        self.emit(f"{names}{self.annotation(names, statement.value)} = {self.printer.show(statement.value)}")

    def annotation(self, name: str, value: ex.Expression) -> str:
        """The type of a list that begins empty, which a type checker wants to be told once."""
        if not isinstance(value, ex.Sequence) or value.items or name in self.told:
            return ""
        self.told.add(name)
        return f": list[{item_type(kinds_of(value))}]"

    def append(self, statement: ex.Append) -> None:
        self.emit(f"{statement.list.id}.append({self.printer.show(statement.value)})")

    def loop(self, statement: ex.For) -> None:
        names = ", ".join(target.id for target in statement.targets)
        self.inner(f"for {names} in {self.printer.show(statement.iterable)}:", statement.body)

    def branch(self, statement: ex.If, word: str = "if") -> None:
        self.inner(f"{word} {self.printer.show(statement.test)}:", statement.body)
        match statement.orelse:
            case (ex.If() as following,):
                self.branch(following, "elif")
            case orelse if orelse:
                self.inner("else:", orelse)

    def inner(self, header: str, block: Block) -> None:
        self.emit(header)
        self.depth += 1
        self.block(block)
        if all(isinstance(statement, ex.Comment) for statement in block):
            self.emit("pass")
        self.depth -= 1
