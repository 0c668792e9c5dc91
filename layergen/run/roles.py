"""Inputs that serve as masks or indices, but declare no dtype: what torch refuses of them is a key that is missing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from layergen import ops
from layergen.diagnostics import Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import statements
from layergen.resolve.inference import arguments_of, bindable
from layergen.resolve.program import Program
from layergen.rules.shapes import OpFailed

MASK = re.compile(r"predicate to be bool|integer and Boolean-type|(mask|condition|predicate)\b.* bool|for 'Float'")
INDEX = re.compile(
    r"int32/int64 for index|argument #\d+ '(indices|target)' to have one of the following scalar types: Long"
    r"|index tensor of type LongTensor|used as indices must be long|[Ii]ndex.* int64|scalar type (Long|Int) but"
)
MASKS = frozenset({"mask", "condition", "attn_mask"})
INDICES = frozenset({"index", "indices", "target", "dim_indices"})
INDEXED = frozenset({"embedding", "one_hot", "embedding_bag", "bincount"})  # whose first argument is the index
BITWISE = frozenset({"&", "|", "^", "~", "<<", ">>"})


@dataclass(frozen=True)
class Role:
    """What an input stands for where torch refuses its dtype."""

    words: str
    name: str
    keys: str  # what to declare

    def finding(self, program: Program, path: Path, node: ex.Node, notes: tuple[str, ...]) -> Finding:
        """What is wrong with the input, and what to declare of it."""
        part = program.inputs[self.name]
        shape = f"[{', '.join(map(ex.show, part.entries))}]" if isinstance(part.shape, tuple) else ex.show(part.shape)
        kind = part.dtype or "floating, as are all inputs without a `dtype`"
        message = f"`{self.name}` stands for {self.words}, but is {kind}"
        label = Label(Place(("inputs", self.name), key=True), "declared here")
        help = f"declare `{self.name}: {{shape: {shape}, {self.keys}}}`"
        if part.dtype is not None and self.words == "a mask":
            help += f", or compare it: `{self.name} != 0`"
        return OpFailed.at(Place(path, node.span), message, notes=notes, labels=(label,), help=help)


def role_meant(program: Program, node: ex.Node, message: str) -> Role | None:
    """What an input should be, where an op refuses it with this message."""
    if MASK.search(message):
        for part in _masks(node):
            for name in _inputs(program, part):
                if program.inputs[name].dtype != "bool":
                    return Role("a mask", name, "dtype: bool")
    if INDEX.search(message):
        for part, count in _indices(program, node):
            for name in _inputs(program, part):
                if program.inputs[name].dtype not in ("int64", "int32"):
                    return Role("indices", name, f"dtype: int64, range: [0, {count}]")
    return None


def _given(call: ex.Call) -> Iterator[tuple[str, ex.Expression]]:
    """The arguments of a call that fits, each with the name of its parameter."""
    op = ops.called(call)
    outcome = ops.bind(op, bindable(call)) if op else None
    if isinstance(outcome, ops.Binding):
        values = [value for _, value in arguments_of(call)]
        for name, indices in outcome.given.items():
            yield from ((name, values[index]) for index in indices)


def _masks(node: ex.Node) -> Iterator[ex.Expression]:
    match node:
        case ex.Call():
            yield from (value for name, value in _given(node) if name in MASKS)
        case ex.Binary(operator="^", right=ex.Literal()):  # which is meant as a power
            return
        case ex.Unary(operator=operator) | ex.Binary(operator=operator) if operator in BITWISE:
            yield node


def _indices(program: Program, node: ex.Node) -> Iterator[tuple[ex.Expression, str]]:
    """The indices of an op, and how many things they choose from."""
    match node:
        case ex.Subscript(value=value, index=index):
            yield index, _rows(program, value)
        case ex.Call(function=function) if function in INDEXED and node.arguments:
            other = node.arguments[1] if len(node.arguments) > 1 else None
            if function == "one_hot":
                yield node.arguments[0], ex.show(other) if other else "…"
            else:
                yield node.arguments[0], _rows(program, other)
        case ex.Call():
            yield from ((value, "…") for name, value in _given(node) if name in INDICES)


def _rows(program: Program, table: ex.Expression | None) -> str:
    """How many rows a tensor of the layer has."""
    tensors: dict[str, tuple[ex.Expression, ...]] = {
        name: part.entries for name, part in (*program.tensors.items(), *program.inputs.items())
    }
    if not isinstance(table, ex.Name) or table.id not in tensors or tensors[table.id][:1] in ((), (ex.Literal(...),)):
        return "…"
    return ex.show(tensors[table.id][0])


def _inputs(program: Program, node: ex.Expression) -> Iterator[str]:
    """The inputs that an expression takes as they are, or that the locals in it do."""
    values = {
        statement.targets[0].id: statement.value
        for statement in statements(program.forward.statements)
        if isinstance(statement, ex.Assign) and len(statement.targets) == 1
    }
    seen = set[str]()

    def found(part: ex.Node) -> Iterator[str]:
        match part:
            case ex.Name(id=name) if name in seen:
                return
            case ex.Name(id=name):
                seen.add(name)
                if name in program.inputs:
                    yield name
                elif name in values:
                    yield from found(values[name])
            case ex.Compare():
                return
            case ex.Subscript(value=value):
                yield from found(value)
            case _:
                for child in part.children:
                    yield from found(child)

    yield from found(node)
