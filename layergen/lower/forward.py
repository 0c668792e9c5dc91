"""Lowers a spec's forward to the body of ``forward``."""

import textwrap
from collections.abc import Iterator, Sequence

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.visitor import Visitor, mentioned
from layergen.lower.docs import shape_text
from layergen.lower.scopes import attribute_names
from layergen.lower.source import WIDTH, Origin, SourcePrinter, formatted
from layergen.prove.input_checks import InputCheck
from layergen.resolve.program import Program
from layergen.resolve.signature import leading_source

INDENT = "    "
IN_PLACE = {"+": "add_", "-": "sub_", "*": "mul_"}


def demanded_name(check: InputCheck) -> str:
    """What a message calls the part of a shape that is checked; leading dimensions are ``*``, as in the docstring."""
    return "*" if check.demand.index is None else ex.show(check.demand.expected)


def leaning(node: ex.Expression) -> ex.Expression:
    """A condition in which ``a and (b and c)`` has become ``a and b and c``, and the like for ``or``."""

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Binary("and" | "or" as word, left, ex.Binary(inner, middle, right)) if word == inner:
                return leaning(ex.Binary(word, ex.Binary(word, left, middle), right))
        return None

    return ex.transform(node, change)


class ForwardWriter(Visitor):
    """Writes the lines of one forward."""

    def __init__(self, program: Program, checks: Sequence[InputCheck] = ()) -> None:
        self.program = program
        self.checks = checks
        self.names = attribute_names(program) | {name: f"self.{name}" for name in program.tensors}
        self.names["training"] = "self.training"
        self.lines: list[str] = []
        self.depth = 0
        self.rebound = program.forward.assigned
        self.printer = SourcePrinter(self.names, self.origin(), self.hoist, self.leading())

    def write(self) -> tuple[str, ...]:
        self.dimensions()
        for name in self.program.inputs:
            self.input_check(name)
        body, result = self.split_return()
        self.block(body)
        if result is None:
            self.emit(f"return {', '.join(self.program.outputs)}")
        else:
            self.emit(f"return {self.printer.show(self.narrowed(result.value, result))}")
        return tuple(self.lines)

    def emit(self, line: str) -> None:
        self.lines.append(INDENT * self.depth + line)

    def hoist(self, value: str) -> str:
        name = "value"
        while name in self.program.names or name in self.program.forward.assigned:
            name += "_"
        self.emit(f"{name} = {value}")
        return name

    def origin(self) -> Origin:
        """The first input's device, and the first floating input's dtype."""
        first = next(iter(self.program.inputs))
        floating = [name for name, tensor in self.program.inputs.items() if tensor.floating and not tensor.optional]
        owned = [f"self.{name}" for name, tensor in self.program.tensors.items() if not tensor.when]
        source = floating[0] if floating else owned[0] if owned else None
        if source is None:
            return Origin(f"{first}.device", "torch.get_default_dtype()")
        return Origin(f"{first}.device", "dtype" if source in self.rebound else f"{source}.dtype")

    def leading(self) -> str:
        """Where the leading dimensions can be read: ``x.shape[:-1]``, or a name for it if the input is rebound."""
        source = leading_source(self.program.inputs)
        if source is None:
            return "..."
        name, first, tail = source.input, source.position or "", -source.tail or ""
        text = f"{name}.shape[{first}:{tail}]" if first or tail else f"{name}.shape"
        if not self.program.forward.splices or name not in self.rebound:
            return text
        own = "leading"
        while own in self.program.names or own in self.rebound:
            own += "_"
        self.emit(f"{own} = {text}")
        return own

    def dimensions(self) -> None:
        """Bind the dimensions that the forward mentions, before any input is rebound."""
        used = set(self.program.forward.reads)
        for check in self.checks:
            used |= ex.names(check.demand.expected)
        pending = [name for name in self.program.dimensions if name in used]
        for name, tensor in self.program.inputs.items():
            entries = tensor.entries
            bare = [entry.id if isinstance(entry, ex.Name) else "_" for entry in entries]
            found = [entry for entry in bare if entry in pending]
            if len(found) > 1 and not tensor.optional and ex.Literal(...) not in entries:
                self.emit(f"{', '.join(entry if entry in found else '_' for entry in bare)} = {name}.shape")
                pending = [entry for entry in pending if entry not in found]
        for name in pending:
            self.emit(f"{name} = {self.size_of(name)}")
        if self.origin().dtype == "dtype" and any(op.factory for op in self.program.forward.ops):
            floating = next(name for name, tensor in self.program.inputs.items() if tensor.floating)
            self.emit(f"dtype = {floating}.dtype")

    def input_check(self, name: str) -> None:
        """Refuse an input of a shape that torch would let through."""
        checks = [check for check in self.checks if check.input == name]
        if not checks:
            return
        wrong = [f"{check.demand.attribute()} != {self.demanded(check)}" for check in checks]
        condition = " or ".join(wrong)
        if self.program.inputs[name].optional:
            condition = f"{name} is not None and {f'({condition})' if len(wrong) > 1 else condition}"
        self.emit(f"if {condition}:")
        self.emit(f"{INDENT}raise ValueError({formatted(*self.expectation(name, checks))})")

    def demanded(self, check: InputCheck) -> str:
        """What a part of an input must be, as source."""
        return check.demand.demanded() or self.printer.show(check.demand.expected)

    def expectation(self, name: str, checks: Sequence[InputCheck]) -> Iterator[str | tuple[str]]:
        """What to say of an input of a wrong shape: texts, and one-tuples with the source of values."""
        yield f"expected {name} of shape {shape_text(self.program.inputs[name].entries)} with "
        expected = {demanded_name(check): self.demanded(check) for check in checks}
        for index, (known, value) in enumerate(expected.items()):
            yield f"{', ' if index else ''}{known}="
            yield (value if "shape" not in value else f"tuple({value})",)
        yield ", got "
        yield (f"tuple({name}.shape)",)

    def size_of(self, dimension: str) -> str:
        """Where a dimension can be read: ``x.shape[-1]``."""
        source = self.program.dimensions[dimension].source
        return f"{source.input}.shape[{source.index}]"

    def split_return(self) -> tuple[Sequence[ex.Statement], ex.Assign | None]:
        """The statements before the result, and the last one where it computes the result and no more."""
        *body, last = self.program.forward.statements
        outputs = tuple(self.program.outputs)
        alone = isinstance(last, ex.Assign) and tuple(target.id for target in last.targets) == outputs == outputs[:1]
        if (
            isinstance(last, ex.Assign)
            and alone
            and outputs[0] not in self.program.buffers
            and not self.untyped(last.value)
        ):
            return body, last
        return self.program.forward.statements, None

    def untyped(self, value: ex.Expression) -> bool:
        """Whether mypy sees no type in a value, so that it needs to be said."""
        match value:
            case ex.Call(arguments=arguments):
                op = ops.called(value)
                return op is not None and (op.untyped or (op.methodic and any(map(self.untyped, arguments[:1]))))
            case ex.Binary(left=left, right=right):
                return self.untyped(left) or self.untyped(right)
            case ex.Unary(operand=part) | ex.Subscript(value=part):
                return self.untyped(part)
            case _:
                return False

    def block(self, block: Sequence[ex.Statement]) -> None:
        updating = False
        for statement in block:
            updates = isinstance(statement, ex.Assign) and statement.targets[0].id in self.program.buffers
            if updates and not updating:
                self.emit("with torch.no_grad():")
                self.depth += 1
            elif updating and not updates and not isinstance(statement, ex.Comment):
                self.depth -= 1
            updating = updates or (updating and isinstance(statement, ex.Comment))
            self.visit(statement)
        if updating:
            self.depth -= 1

    def comment(self, statement: ex.Comment) -> None:
        room = WIDTH - 8 - len(INDENT) * self.depth
        for line in textwrap.wrap(f"# {statement.text}", room, subsequent_indent="# ", break_on_hyphens=False):
            self.emit(line)

    def assign(self, statement: ex.Assign) -> None:
        target = statement.targets[0]
        if len(statement.targets) == 1 and target.id in self.program.buffers:
            self.emit(self.update(target.id, statement.value))
            return
        value = self.printer.show(self.narrowed(statement.value, statement))
        annotation = ": Tensor" if len(statement.targets) == 1 and self.untyped(statement.value) else ""
        self.emit(f"{', '.join(target.id for target in statement.targets)}{annotation} = {value}")

    def update(self, buffer: str, value: ex.Expression) -> str:
        """Write a buffer in place, with the op's own in-place form where it has one."""
        target = f"self.{buffer}"
        match value:
            case ex.Binary(operator=operator, left=ex.Name(id=name), right=right) if (
                name == buffer and operator in IN_PLACE
            ):
                return f"{target}.{IN_PLACE[operator]}({self.printer.show(right)})"
            case ex.Call(function="lerp", arguments=(ex.Name(id=name), *rest)) if name == buffer:
                call = ex.Call("lerp_", tuple(rest), value.keywords)
                return f"{target}.lerp_({self.printer.arguments(call)})"
            case _:
                return f"{target}.copy_({self.printer.show(value)})"

    def branch(self, statement: ex.If) -> None:
        self.chain(statement, "if")

    def chain(self, statement: ex.If, word: str) -> None:
        """Write a branch, and those that follow it as ``elif``."""
        self.emit(f"{word} {self.printer.show(self.narrowed(statement.test, statement))}:")
        self.inner(statement.body)
        if len(statement.orelse) == 1 and isinstance(statement.orelse[0], ex.If):
            self.chain(statement.orelse[0], "elif")
        elif statement.orelse:
            self.emit("else:")
            self.inner(statement.orelse)

    def inner(self, block: Sequence[ex.Statement]) -> None:
        self.depth += 1
        if all(isinstance(statement, ex.Comment) for statement in block):
            self.emit("pass")
        self.block(block)
        self.depth -= 1

    def narrowed(self, node: ex.Expression, user: ex.Statement) -> ex.Expression:
        """A condition on a flag, said of the parameters that the flag decides about and that the statement uses.

        ``if affine:`` becomes ``if self.weight is not None:``, which says the same, and which a type checker follows.
        """
        used = mentioned([user])
        tensors = [name for name, tensor in self.program.tensors.items() if tensor.when is not None and name in used]

        def change(part: ex.Expression) -> ex.Expression | None:
            negative = isinstance(part, ex.Unary) and part.operator == "not"
            condition = part.operand if isinstance(part, ex.Unary) and negative else part
            found = [ex.Name(name) for name in tensors if self.program.tensors[name].when == condition]
            if not found or (isinstance(part, ex.Name) and part.id in self.program.tensors):
                return None
            sign, join = ("is", "or") if negative else ("is not", "and")
            result: ex.Expression | None = None
            for name in found:
                test = ex.Compare(name, (sign,), (ex.Literal(None),))
                result = test if result is None else ex.Binary(join, result, test)
            return result

        is_condition = isinstance(user, ex.If) or any(isinstance(part, ex.Conditional) for part in ex.walk(node))
        return leaning(ex.transform(node, change)) if is_condition else node
