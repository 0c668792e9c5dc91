"""The conditions under which a step of a computation with arguments works."""

from layergen.lang import expression as ex
from layergen.lang.argument_types import ANY
from layergen.resolve.program import Program

LOGARITHMS = frozenset({"log", "log2", "log10"})


def condition_of(program: Program, node: ex.Node) -> ex.Expression | None:
    """What a constraint may say so that a step of a computation works; None where that cannot be told."""
    zero = ex.Literal(0)
    match node:
        case ex.Binary(operator="/" | "//" | "%", right=right):
            return ex.Compare(right, ("!=",), (zero,))
        case ex.Call(function=function, arguments=(first,)) if function in LOGARITHMS:
            return ex.Compare(first, (">",), (zero,))
        case ex.Call(function="sqrt", arguments=(first,)):
            return ex.Compare(first, (">=",), (zero,))
        case ex.Subscript(value=ex.Name(id=name) as items, index=index) if _is_of_any_length(program, name):
            least = _least(index)
            if least is not None:
                return ex.Compare(ex.Call("len", (items,)), (">=",), (ex.Literal(least),))
        case ex.Subscript(value=ex.Name(id=name) as items, index=index) if name in program.runs:
            return _of_run(program, ex.Call("len", (items,)), index)
    return None


def _of_run(program: Program, length: ex.Expression, index: ex.Expression) -> ex.Expression | None:
    """What is to be demanded of the number of dimensions of a run of which one is taken by its index."""
    argument = program.arguments.get(index.id) if isinstance(index, ex.Name) else None
    if argument is None:
        least = _least(index)
    elif argument.of is None:
        return ex.Compare(ex.Unary("-", length), ("<=", "<"), (index, length))
    else:
        least = 1  # the two axes that torch takes of a tensor without dimensions are none
    return None if least is None else ex.Compare(length, (">=",), (ex.Literal(least),))


def _is_of_any_length(program: Program, name: str) -> bool:
    """Whether a name is that of an argument that is a list of any number of entries, as it is given."""
    argument = program.arguments.get(name)
    if argument is None or argument.optional or argument.type.worded or name in program.replaced:
        return False
    return argument.type.count == ANY


def _least(index: ex.Expression) -> int | None:
    """How many items a list has at least that has one at an index."""
    match index:
        case ex.Literal(value=int(number)):
            return number + 1
        case ex.Unary("-", ex.Literal(value=int(number))):
            return number
    return None
