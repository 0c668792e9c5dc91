"""Lists as generated code writes them: joined, as tuples, or spread among the arguments of a call."""

from collections.abc import Sequence
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.kinds import Kind
from layergen.resolve.inference import kinds_of

LISTS = frozenset({Kind.INTS, Kind.FLOATS, Kind.TENSORS})


def summands(node: ex.Expression) -> list[ex.Expression]:
    """The lists that are joined by ``+``, in order."""
    if isinstance(node, ex.Binary) and node.operator == "+":
        return [*summands(node.left), *summands(node.right)]
    return [node]


def needs_joining(parts: Sequence[ex.Expression]) -> bool:
    """Whether ``+`` would fail, or read worse than one list."""
    written = any(isinstance(part, ex.Sequence) for part in parts)
    return len(set(map(form, parts))) > 1 or (written and not any(isinstance(part, ex.Binary) for part in parts))


def form(node: ex.Expression) -> str:
    """Whether a list is a list or a tuple in generated code, by its bracket; which of them a local is, depends."""
    match node:
        case ex.Sequence(bracket=bracket):
            return bracket or "("
        case ex.Name(role=Role.ARGUMENT):
            return "("  # the constructor brings sizes into one form
        case ex.Subscript(value=value, index=ex.Slice()):
            return form(value)
        case ex.Binary(operator="*", left=left, right=right):
            return form(left if kinds_of(left) & LISTS else right)
        case _:
            return "?"


def joined(parts: Sequence[ex.Expression]) -> ex.Sequence:
    """Lists and tuples joined to one list, or to a tuple if none is written as a list. ``*`` spreads what is named."""
    items: list[ex.Expression] = []
    for part in parts:
        items += part.items if isinstance(part, ex.Sequence) else [ex.Unary("*", part)]
    return ex.Sequence(tuple(items), "[" if any(form(part) == "[" for part in parts) else "(")


def as_tuple(node: ex.Expression) -> ex.Expression:
    return replace(node, bracket="(") if isinstance(node, ex.Sequence) else node


def spread(call: ex.Call, op: ops.Op) -> ex.Call:
    """A call whose only list is spread where the op allows that: ``reshape(N, L, 3)``, as one writes it by hand.

    What may turn out to have no items stays a list, for no arguments at all mean something else.
    """
    variadic = any(parameter.variadic for signature in op.signatures for parameter in signature.parameters)
    match call.arguments:
        case (ex.Sequence(bracket="[" | "(", items=(whole,)),) if variadic and (inner := _spread_of(whole)) is not None:
            return replace(call, arguments=(inner,))
        case (ex.Sequence(bracket="[" | "(", items=items),) if variadic:
            return call if all(_spread_of(item) is not None for item in items) else replace(call, arguments=items)
    return call


def _spread_of(item: ex.Expression) -> ex.Expression | None:
    """What is put into a list by an item that stands for several, or for none."""
    match item:
        case ex.Splice(value=value) | ex.Unary(operator="*", operand=value):
            return value
        case ex.Name(id=name) if name.startswith("*"):  # the leading dimensions, as source text
            return ex.Name(name[1:])
    return None
