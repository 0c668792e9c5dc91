"""Inputs that a forward writes to in place, and by which words: ``cache = index_copy_(cache, 1, position, key)``."""

from collections.abc import Iterator
from dataclasses import replace

from layergen import ops
from layergen.diagnostics import FORWARD, Finding, Place, Span
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes, statements
from layergen.resolve.program import Program
from layergen.rules.values import UnwrittenInput

IN_PLACE = {"+": "add_", "-": "sub_", "*": "mul_", "/": "div_"}


def written(program: Program) -> tuple[str, ...]:
    """The inputs that say that the forward writes to them."""
    return tuple(name for name, part in program.inputs.items() if part.written)


def writes(program: Program) -> bool:
    """Whether a layer writes to what it is given, or one that it is made of does."""
    return bool(written(program)) or any(writes(child.program) for child in program.children.values())


def is_write(statement: ex.Statement, program: Program) -> bool:
    """Whether a statement writes to such an input and gives it its own name again."""
    match statement:
        case ex.Assign(targets=(target,), value=ex.Call(arguments=(ex.Name(id=name), *_)) as call):
            return target.id == name and name in written(program) and _is_in_place(call)
    return False


def check_written(program: Program) -> Iterator[Finding]:
    """Yield the statements that give the name of an input that is written to something else, and writes elsewhere."""
    names = {*written(program)}
    seen: set[Span] = set()  # the calls that stand where they may, or of which it has been said
    for statement in statements(program.forward.statements) if names else ():
        if not isinstance(statement, ex.Assign):
            continue
        if is_write(statement, program):
            seen.add(statement.value.span)
            continue
        for target in statement.targets:
            if target.id in names:
                alone = len(statement.targets) == 1
                shown = ex.show(_as_write(target.id, statement.value)) if alone else f"copy_({target.id}, …)"
                message = f"`{target.id}` is written in place, and is given another tensor here"
                help = f"write to it: `{target.id} = {shown}`"
                yield UnwrittenInput.at(Place(FORWARD, target.span), message, help=help)
                seen |= {node.span for node in ex.walk(statement.value)}
    for node in nodes(program.forward.statements) if names else ():
        match node:
            case ex.Call(arguments=(ex.Name(id=name), *_)) if name in names and node.span not in seen:
                if _is_in_place(node):
                    message = f"`{node.function}` writes to `{name}`, and what it gives has another name"
                    help = f"write `{name} = {ex.show(node)}`, and read `{name}` from there on"
                    yield UnwrittenInput.at(Place(FORWARD, node.span), message, help=help)


def _is_in_place(call: ex.Call) -> bool:
    op = ops.called(call)
    return op is not None and op.in_place


def _as_write(name: str, value: ex.Expression) -> ex.Expression:
    """The write that gives an input the values of an expression."""
    match value:
        case ex.Binary(operator=operator, left=ex.Name(id=left), right=right) if left == name and operator in IN_PLACE:
            return ex.Call(IN_PLACE[operator], (ex.Name(name), right))
        case ex.Call(function=function, arguments=(ex.Name(id=first), *_)) if first == name:
            op = ops.find(f"{function}_")
            if op is not None and op.in_place:
                return replace(value, function=f"{function}_")
    copied = ex.Call("clone", (ex.Name(name),))  # a gradient may need what it was
    return ex.Call(
        "copy_", (ex.Name(name), ex.transform(value, lambda node: copied if node == ex.Name(name) else None))
    )
