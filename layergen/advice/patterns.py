"""What patterns ask of a value: which function it is a call of, what it is given, which numbers stand there."""

from collections.abc import Iterator

from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind, Role
from layergen.lang.kinds import Kind
from layergen.ops.traits import ALIASING
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program

VIEWS = ALIASING - {"einsum"}  # calls that compute nothing, or hardly anything
Pair = tuple[ex.Expression, ex.Expression]


def given(node: ex.Expression, *functions: str) -> tuple[ex.Expression, ...] | None:
    """What an op of some name is given by position; None for all else."""
    if isinstance(node, ex.Call) and node.callee and node.callee.kind is CalleeKind.OP and node.function in functions:
        return node.arguments
    return None


def argument(node: ex.Expression, index: int, name: str) -> ex.Expression | None:
    """What a call is given by position or by name."""
    if not isinstance(node, ex.Call):
        return None
    named = (keyword.value for keyword in node.keywords if keyword.name == name)
    return node.arguments[index] if index < len(node.arguments) else next(named, None)


def number(node: ex.Expression | None) -> object:
    """The number, flag or text that is written somewhere; None if another thing is."""
    match node:
        case ex.Literal(value=value):
            return value
        case ex.Unary(operator="-", operand=ex.Literal(value=int() | float() as value)):
            return -value
    return None


def numbers(node: ex.Expression | None) -> tuple[int, ...] | None:
    """The integers that are written somewhere, one or a list of them; None if others are."""
    items = node.items if isinstance(node, ex.Sequence) else (node,)
    found = tuple(map(number, items))
    return found if found and all(type(one) is int for one in found) else None  # type: ignore[return-value]


def is_number(node: ex.Expression, value: float) -> bool:
    """Whether a number is written somewhere, as an int or as a float."""
    found = number(node)
    return type(found) in (int, float) and found == value


def either_way(node: ex.Expression, operator: str) -> Iterator[Pair]:
    """The two sides of an operator whose sides may change places, in both orders."""
    if isinstance(node, ex.Binary) and node.operator == operator:
        yield node.left, node.right
        yield node.right, node.left


def product(node: ex.Expression) -> Pair | None:
    """The factors of a matrix product."""
    match given(node, "matmul", "bmm", "mm"), node:
        case (left, right), _:
            return left, right
        case _, ex.Binary(operator="@", left=left, right=right):
            return left, right
    return None


def transposed(node: ex.Expression) -> ex.Expression | None:
    """What a value is the transpose of; which dimensions have changed places, a run shows."""
    found = given(node, "transpose", "t", "swapaxes", "adjoint", "permute")
    return found[0] if found else None


def wide(node: ex.Expression) -> ex.Expression:
    """A value before it was brought to float32 or wider."""
    found = given(node, "upcast")
    return found[0] if found else node


def owned(node: ex.Expression, program: Program) -> bool:
    """Whether a value is a tensor that the layer owns, in its own shape or with dimensions of size 1."""
    match node:
        case ex.Name(id=name, role=Role.PARAMETER | Role.BUFFER):
            return name in program.tensors
        case ex.Subscript(value=value):
            return owned(value, program)
    return owned(wide(node), program) if wide(node) is not node else False


def of_tensors(node: ex.Expression) -> bool:
    """Whether a value may be a tensor."""
    return not kinds_of(node).isdisjoint({Kind.TENSOR, Kind.TENSORS, Kind.UNKNOWN})


def unindexed(node: ex.Expression) -> ex.Expression:
    """A tensor that the layer owns, without the dimensions that an index has put in, nor in another dtype."""
    while isinstance(node, ex.Subscript) or wide(node) is not node:
        node = node.value if isinstance(node, ex.Subscript) else wide(node)
    return node


def optionally(node: ex.Expression, operator: str) -> Iterator[Pair]:
    """Values that an operand may have been added to or multiplied by, each with that operand.

    The operand may be one that need not be there: ``h * weight if weight is not None else h``.
    """
    yield from either_way(node, operator)
    if isinstance(node, ex.Conditional):
        for full, bare in ((node.then, node.orelse), (node.orelse, node.then)):
            yield from ((rest, operand) for rest, operand in either_way(full, operator) if rest is bare)
