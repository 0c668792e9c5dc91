"""The lists of which no single number may stand for all entries: a constraint refuses each."""

from collections.abc import Iterable
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.argument import Argument

NEVER = frozenset({"<", ">", "!="})  # what nothing is to itself


def with_lists_alone(name: str, argument: Argument, constraints: Iterable[ex.Expression]) -> Argument:
    """An argument whose type says so where a list has to be given for it."""
    if not argument.type.listed or argument.type.spelled:
        return argument
    if not any(_never(_of_one(constraint, name, argument.type.count or 1)) for constraint in constraints):
        return argument
    return argument.model_copy(update={"type": replace(argument.type, spelled=True)})


def _of_one(constraint: ex.Expression, name: str, count: int) -> ex.Expression:
    """A constraint where one number is given for all entries of a list."""

    def given(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Subscript(value=ex.Name(id=list), index=index) if list == name:
                return ex.Name(name) if _within(index, count) else None
            case ex.Call(function="len", arguments=(ex.Name(id=list),)) if list == name:
                return ex.Literal(count)
            case ex.Compare(ex.Name(id=list), ("is" | "is not" as sign,), (ex.Literal(value=None),)) if list == name:
                return ex.Literal(sign == "is not")
        return None

    return ex.transform(constraint, given)


def _within(index: ex.Expression, count: int) -> bool:
    """Whether there is an entry of this index."""
    match index:
        case ex.Literal(value=int() as place):
            return place < count
        case ex.Unary(operator="-", operand=ex.Literal(value=int() as place)):
            return place <= count
    return False


def _never(node: ex.Expression, holds: bool = True) -> bool:
    """Whether a condition never holds, or always does, as far as its words alone tell."""
    match node:
        case ex.Literal(value=bool() as answer):
            return answer != holds
        case ex.Unary(operator="not", operand=operand):
            return _never(operand, not holds)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            parts = (_never(left, holds), _never(right, holds))
            return any(parts) if (word == "and") == holds else all(parts)
        case ex.Compare(left=left, operators=signs, comparators=comparators) if holds:
            pairs = zip((left, *comparators), signs, comparators, strict=False)
            return any(_differs(one, sign, other) for one, sign, other in pairs)
    return False


def _differs(one: ex.Expression, sign: str, other: ex.Expression) -> bool:
    """Whether a comparison never holds: of a value with itself, or of two numbers."""
    match one, other:
        case ex.Literal(value=int() as left), ex.Literal(value=int() as right):
            return left != right if sign == "==" else left == right and sign in NEVER
    return one == other and sign in NEVER
