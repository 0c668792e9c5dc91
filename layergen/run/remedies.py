"""What to write instead of a call that torch refuses, where its message tells."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.meant import windows_meant
from layergen.lang.visitor import statements
from layergen.resolve.program import Program
from layergen.run.alignment import shape_of
from layergen.run.masks import is_truth, mask_meant
from layergen.run.said import lacks_half
from layergen.words import listed

# Ops that give values together with the indices at which they stand, where they are given a dimension.
WITH_INDICES = frozenset(
    {"max", "min", "median", "nanmedian", "mode", "kthvalue", "sort", "msort", "topk", "cummax", "cummin"}
)

# Ops that make of several tensors a longer one.
JOINING = frozenset({"cat", "concat", "concatenate", "vstack", "hstack"})


def remedy(node: ex.Node, message: str, values: Mapping[str, Any], numbers: Container[str]) -> str | None:
    """Help with a node of a forward that fails with this message where names have these values.

    Args:
        node: What fails.
        message: What is said of it.
        values: Those of names.
        numbers: The names that may have bounds, which dimensions have not.
    """
    return (
        _bounded(node, message, numbers)
        or _ranked(node, message)
        or _reshaped(node, message)
        or _windows(node, message)
        or _turned_round(node, message)
        or _parted(node)
        or _upcast(node, message, values)
        or mask_meant(node, message, values)
        or _several(node, values)
        or _turned(node, values)
        or _power(node)
        or _unequal(node, message, values)
    )


def chunked(program: Program, node: ex.Node) -> str | None:
    """Help where parts that one `chunk` gives are of several sizes."""
    names = ex.names(node)
    for statement in statements(program.forward.statements):
        match statement:
            case ex.Assign(targets=targets, value=ex.Call(function="chunk", arguments=(x, count, *rest)) as call) if (
                len({target.id for target in targets} & names) > 1
            ):
                dim = next((word.value for word in call.keywords if word.name == "dim"), rest[0] if rest else None)
                if dim is None:
                    last = ex.Call("chunk", (x, count), (ex.Keyword("dim", ex.Literal(-1)),))
                    return f"without `dim`, `chunk` takes the first dimension apart; of the last, `{ex.show(last)}`"
                return _divisible(program, x, count, dim)
    return None


def taken_apart(program: Program, name: str) -> str | None:
    """Help where a name is assigned what an op gives together with its indices."""
    for statement in statements(program.forward.statements):
        if isinstance(statement, ex.Assign) and name in [target.id for target in statement.targets]:
            for node in ex.walk(statement.value):
                if isinstance(node, ex.Call) and node.function in WITH_INDICES:
                    whole = f"{name}, _ = {ex.show(node)}"
                    return f"`{node.function}` gives values and their indices: write `{whole}`"
    return None


def reshaped(program: Program, target: ex.Name, buffer: Tensor, value: Any, sizes: Sequence[str]) -> str:
    """Help where a buffer is assigned what has another shape.

    Of what is joined to it, the last entries are kept; where it is too small, its declaration is what slipped.
    """
    made = next(
        statement.value
        for statement in statements(program.forward.statements)
        if isinstance(statement, ex.Assign) and any(own.span == target.span for own in statement.targets)
    )
    shape = program.buffers[target.id].shape
    if isinstance(value, Tensor) and isinstance(shape, tuple) and value.numel() > buffer.numel():
        if _joins(made) and shape and value.dim() and value.shape[1:] == buffer.shape[1:]:
            last = ex.Subscript(made, ex.Slice(ex.Unary("-", shape[0]), None, None))
            return f"for the last entries, which are as many, write `{target.id} = {ex.show(last)}`"
        known = all(size in program.names or size.isdigit() for size in sizes)
        if known and _stretches(buffer, value):
            return f"declare the shape that it comes to have, `shape: [{', '.join(sizes)}]`, or assign one of its own"
    return "a buffer keeps its shape: assign a tensor that has it"


def _joins(node: ex.Expression) -> bool:
    return any(isinstance(part, ex.Call) and part.function in JOINING for part in ex.walk(node))


def _stretches(buffer: Tensor, value: Tensor) -> bool:
    """Whether a buffer is broadcast to the shape of a value."""
    shape, longer = tuple(buffer.shape), tuple(value.shape)
    last = longer[len(longer) - len(shape) :]
    return len(shape) <= len(longer) and all(own in (1, size) for own, size in zip(shape, last, strict=True))


def _divisible(program: Program, x: ex.Expression, count: ex.Expression, dim: ex.Expression) -> str | None:
    """The constraint under which an input can be taken apart into as many equal parts."""
    entries = program.inputs[x.id].entries if isinstance(x, ex.Name) and x.id in program.inputs else ()
    at = dim.value if isinstance(dim, ex.Literal) else -dim.operand.value if isinstance(dim, ex.Unary) else None  # type: ignore[attr-defined]
    if not isinstance(at, int) or not -len(entries) <= at < len(entries) or not isinstance(entries[at], ex.Name):
        return None
    size, parts = ex.show(entries[at]), ex.show(count)
    declared = "" if size in program.arguments else f", or declare the entry `{parts} * {size}`"
    return f"for equal parts, add the constraint `{size} % {parts} == 0`{declared}"


def _windows(node: ex.Node, message: str) -> str | None:
    """Help with `unfold(x, dim, size, step)`, which only the method of a tensor takes."""
    match node:
        case ex.Call(function="unfold", arguments=(x, ex.Literal() | ex.Unary(), size, step)) if "3D or 4D" in message:
            return windows_meant(*(ex.Printer().show(part, ex.PRECEDENCE["unary"]) for part in (x, size, step)))
    return None


def _bounded(node: ex.Node, message: str, numbers: Container[str]) -> str | None:
    """The bound or constraint that keeps a size from becoming negative."""
    negative = re.search(r"^the size .* is negative$|^a size cannot be negative", message)
    if not isinstance(node, ex.Expression) or not ex.names(node) or negative is None:
        return None
    match node:
        case ex.Binary("-", ex.Name(id=name), ex.Literal(value=int(less))) if name in numbers:
            return f"where that is not meant, give `{name}` the bound `min: {less + 1}`"
    return f"where that is not meant, add the constraint `{ex.show(node)} >= 1`"


def _ranked(node: ex.Node, message: str) -> str | None:
    """What a pattern must have where its tensor has another number of dimensions."""
    if not isinstance(node, ex.Call) or "the pattern is of" not in message:
        return None
    return "name an axis for each dimension of the tensor; `...` stands for any that stay as they are"


def _turned_round(node: ex.Node, message: str) -> str | None:
    """The op that reads a dimension from its end."""
    if isinstance(node, ex.Subscript) and "step must be greater than zero" in message:
        return f"write `flip({ex.show(node.value)}, [dim])`, which turns a dimension round"
    return None


def _upcast(node: ex.Node, message: str, values: Mapping[str, Any]) -> str | None:
    """The call in float32 or wider, where torch has none in half precision."""
    if not isinstance(node, ex.Call) or not lacks_half(message):
        return None
    at = next((at for at, part in enumerate(node.arguments) if _may_be_narrow(part, values)), None)
    if at is None:
        return None
    upcast = ex.Call("upcast", (node.arguments[at],))
    whole = ex.Call(node.function, (*node.arguments[:at], upcast, *node.arguments[at + 1 :]), node.keywords)
    return f"write `{ex.show(whole)}`; `type_as` brings a result back to the dtype of an input"


def _may_be_narrow(node: ex.Expression, values: Mapping[str, Any]) -> bool:
    """Whether an argument may be a tensor in half precision: no text, number or list, and no tensor of other values."""
    own = values.get(node.id) if isinstance(node, ex.Name) else None
    other = isinstance(own, Tensor) and not own.is_floating_point()
    return not isinstance(node, ex.Literal | ex.Sequence) and not other and not is_truth(node, values)


def _parted(node: ex.Node) -> str | None:
    """The call that gives as many parts as there are names for them."""
    match node:
        case ex.Assign(targets=targets, value=ex.Call(function="split", arguments=(x, *_), keywords=keywords)):
            parted = ex.Call(
                "chunk", (x, ex.Literal(len(targets))), tuple(word for word in keywords if word.name == "dim")
            )
            return f"`split` takes the size of a part: for {len(targets)} parts, write `{ex.show(parted)}`"
    return None


def _several(node: ex.Node, values: Mapping[str, Any]) -> str | None:
    """How to take apart what is several tensors, as a module of torch gives them."""
    for part in node.children if isinstance(node, ex.Expression) else ():
        whole = values.get(part.id) if isinstance(part, ex.Name) else None
        if isinstance(part, ex.Name) and isinstance(whole, tuple) and any(isinstance(item, Tensor) for item in whole):
            names = ", ".join(["h", *("_" for _ in whole[1:])])
            return f"`{part.id}` is {len(whole)} values: take it apart, `{names} = {part.id}`"
    return None


def _power(node: ex.Node) -> str | None:
    """The power that was meant by `x ^ 2`."""
    match node:
        case ex.Binary("^", left=left, right=right):
            return f"`^` is exclusive or: for a power, write `{ex.show(ex.Binary('**', left, right))}`"
    return None


def _turned(node: ex.Node, values: Mapping[str, Any]) -> str | None:
    """The product with a matrix the other way round, where only then its sizes fit."""
    match node:
        case ex.Call(function="linear", arguments=(x, weight, *_)):
            left, right = shape_of(x, values), shape_of(weight, values)
            if left and right and len(right) == 2 and right[0] == left[-1] != right[1]:
                product = ex.show(ex.Binary("@", x, weight))
                return f"`linear` takes its weight as [out, in]: declare it so, or write `{product}`"
        case ex.Binary("@", left=x, right=weight) | ex.Call(function="matmul" | "bmm", arguments=(x, weight)):
            left, right = shape_of(x, values), shape_of(weight, values)
            if left and right and len(right) > 1 and right[-1] == left[-1] != right[-2]:
                other = ex.Call("transpose", (weight, ex.Unary("-", ex.Literal(2)), ex.Unary("-", ex.Literal(1))))
                return f"write `{ex.show(ex.Binary('@', x, other))}`"
    return None


def _reshaped(node: ex.Node, message: str) -> str | None:
    """The call that copies where a view is impossible."""
    if not isinstance(node, ex.Call) or node.function != "view" or "stride" not in message:
        return None
    return f"write `{ex.show(ex.Call('reshape', node.arguments, node.keywords))}`, which copies where it must"


def _unequal(node: ex.Node, message: str, values: Mapping[str, Any]) -> str | None:
    """The dimension along which a loop was to take a tensor apart, beside another one."""
    told = re.search(r"the lists have (.+) items", message)
    if told is None or not isinstance(node, ex.Call) or len(counts := told[1].split(" and ")) != len(node.arguments):
        return None
    unbound = [part for part in node.arguments if isinstance(part, ex.Call) and part.function == "unbind"]
    if not unbound:
        return None
    lengths = listed(f"`{ex.show(part)}` has {count}" for part, count in zip(node.arguments, counts, strict=True))
    dims = [dim for part in unbound if (dim := _dim(part)) is not None]
    for part in unbound:
        shape = shape_of(part.arguments[0], values)
        if shape is None or len(dims) < len(unbound):
            continue
        for dim in dims:
            if dim != _dim(part) and -len(shape) <= dim < len(shape):
                written = ex.Unary("-", ex.Literal(-dim)) if dim < 0 else ex.Literal(dim)
                other = ex.show(replace(part, arguments=(part.arguments[0], written), keywords=()))
                return f"{lengths}: for the same dimension of both, write `{other}`"
    return f"{lengths}: take both apart along the dimension that they have in common"


def _dim(call: ex.Call) -> int | None:
    """The number of the dimension along which `unbind` takes a tensor apart."""
    word = next((word.value for word in call.keywords if word.name == "dim"), None)
    dim = word if word is not None else call.arguments[1] if len(call.arguments) > 1 else ex.Literal(0)
    match dim:
        case ex.Literal(value=int(number)):
            return number
        case ex.Unary(operator="-", operand=ex.Literal(value=int(number))):
            return -number
    return None
