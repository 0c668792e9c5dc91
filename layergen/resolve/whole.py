"""Which calls of ``upcast`` convert whole numbers: these get the dtype of what is computed, or float32.

In a forward that is the dtype of the first floating input, and in an initial value that of the tensor that starts so.

Torch promotes an integer with float32 to float32, which would be too narrow where the layer computes in float64.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.dtypes import INTEGRAL
from layergen.lang.inits import Initial
from layergen.lang.kinds import Kind
from layergen.lang.model import Buffer, Input, Parameter
from layergen.lang.visitor import Block, assignments, mapped, sources
from layergen.resolve.inference import kinds_of

NUMBERS = frozenset({Kind.INT, Kind.BOOL})
WHOLE = frozenset({*INTEGRAL, "bool"})
ARITHMETIC = frozenset({"+", "-", "*", "//", "%", "&", "|", "^"})
MADE = frozenset(  # whose results are whole numbers, whatever they are given
    {
        *("argmax", "argmin", "argsort", "bool", "bucketize", "eq", "ge", "gt", "int", "isfinite", "isinf", "isnan"),
        *("le", "logical_and", "logical_not", "logical_or", "logical_xor", "long", "lt", "ne", "one_hot"),
        *("searchsorted", "short"),
    }
)
KEPT = frozenset(  # whose results are so if what they are given is
    {
        *("abs", "clone", "cumsum", "detach", "expand", "flatten", "flip", "movedim", "permute", "repeat"),
        *("repeat_interleave", "reshape", "roll", "squeeze", "sum", "t", "transpose", "tril", "triu", "unflatten"),
        *("unsqueeze", "view"),
    }
)


def with_whole_upcasts(block: tuple[ex.Statement, ...], inputs: Mapping[str, Input]) -> tuple[ex.Statement, ...]:
    """The statements of a forward, in which each ``upcast`` of whole numbers knows that it is one.

    Args:
        block: The statements.
        inputs: The inputs of the layer, of which a floating one has to be there at all times.
    """
    if not any(part.floating and not part.optional for part in inputs.values()):
        return block
    given = {name for name, part in inputs.items() if {*part.dtypes} and {*part.dtypes} <= WHOLE}
    names = _whole_names(block, given, inputs.keys())
    return tuple(mapped(block, lambda node: _told(node, names)))


def with_whole_starts(init: Initial, tensors: Mapping[str, Parameter | Buffer]) -> Initial:
    """The same of an initial value of a tensor.

    Args:
        init: The initial value.
        tensors: The tensors that it may read.
    """
    given = {name for name, part in tensors.items() if part.dtype in WHOLE}
    names = _whole_names(init.before, given, ())
    before = tuple(mapped(init.before, lambda node: _told(node, names)))
    return replace(init, before=before, value=_told(init.value, names))


def _whole_names(block: Block, given: set[str], others: Collection[str]) -> set[str]:
    """The names that always stand for whole numbers in a block: some of those given, and some that it assigns."""
    assigned = {target.id for target in assignments(block)}
    names = given | (assigned - {*others})
    while lost := {
        name for name in assigned & names if not all(_is_whole(node, names) for node in sources(block, name))
    }:
        names -= lost
    return names


def _told(node: ex.Expression, names: set[str]) -> ex.Expression:
    """An expression in which each ``upcast`` of whole numbers knows that it is one, where some names are such."""

    def change(node: ex.Expression) -> ex.Expression | None:
        match node:
            case ex.Call(function="upcast", arguments=(operand,), callee=callee) if callee and _is_whole(
                operand, names
            ):
                return replace(node, callee=replace(callee, whole=True))
        return None

    return ex.transform(node, change)


def _is_whole(node: ex.Expression, names: set[str]) -> bool:
    """Whether a value is known to be of whole numbers, where some names are."""
    kinds = kinds_of(node)
    if kinds and kinds <= NUMBERS:
        return True
    match node:
        case ex.Name(id=name):
            return name in names
        case ex.Compare():
            return True
        case ex.Unary(operand=operand):
            return _is_whole(operand, names)
        case ex.Binary(operator=sign, left=left, right=right):
            return sign in ARITHMETIC and _is_whole(left, names) and _is_whole(right, names)
        case ex.Subscript(value=value):
            return _is_whole(value, names)
        case ex.Conditional(then=then, orelse=orelse):
            return _is_whole(then, names) and _is_whole(orelse, names)
        case ex.Call(function=function, arguments=arguments):
            return _makes_whole(node, function, arguments, names)
    return False


def _makes_whole(node: ex.Call, function: str, arguments: tuple[ex.Expression, ...], names: set[str]) -> bool:
    op = ops.called(node)
    if op is None:
        return False
    dtype = next((keyword.value for keyword in node.keywords if keyword.name == "dtype"), None)
    if dtype is not None:
        return isinstance(dtype, ex.Name) and dtype.id in WHOLE
    if op.factory:
        return node.callee is not None and not node.callee.floating and not function.endswith("_like")
    return function in MADE or (function in KEPT and bool(arguments) and _is_whole(arguments[0], names))
