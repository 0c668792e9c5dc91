"""Indices are integers: which of them the words show to be, and what is said of one that is none."""

from collections.abc import Callable, Mapping
from typing import Any

from layergen.definition.grammar import INDEX_OF, reduction
from layergen.definition.numbers import IndexFault
from layergen.lang import expression as ex

WHOLE = frozenset({"ceil", "floor", "int", "len", "round"})  # functions of one number that give an integer
BETWEEN = frozenset({"max", "min"})  # functions that give one of their arguments
SIGNS = frozenset({"+", "-", "*", "//", "%"})  # what makes integers of integers


def is_whole(node: ex.Expression, is_letter: Callable[[str], bool], numbers: Mapping[str, Any]) -> bool:
    """Whether the words show that an expression is an integer, if it is a number at all.

    Args:
        node: The expression.
        is_letter: Whether a name is that of an index.
        numbers: What other names stand for.
    """
    match node:
        case ex.Name(id=name):
            return is_letter(name) or isinstance(numbers.get(name), int)
        case ex.Literal(value=value):
            return isinstance(value, int)
        case ex.Unary(operator="-" | "+", operand=operand):
            return is_whole(operand, is_letter, numbers)
        case ex.Binary(operator=sign, left=left, right=right) if sign in SIGNS:
            return all(is_whole(side, is_letter, numbers) for side in (left, right))
        case ex.Conditional(then=then, orelse=orelse):
            return all(is_whole(side, is_letter, numbers) for side in (then, orelse))
        case ex.Call(function=name, arguments=arguments) if name in BETWEEN:
            return all(is_whole(argument, is_letter, numbers) for argument in arguments)
        case ex.Call(function=name, arguments=(_,)):
            return name in WHOLE
    found = reduction(node)
    return found is not None and found[0] in INDEX_OF


def held_whole(node: ex.Expression, value: Any) -> Any:
    """An index, which is an integer.

    Raises:
        IndexFault: If it is none.
    """
    if not isinstance(value, int):
        divided = any(isinstance(part, ex.Binary) and part.operator == "/" for part in ex.walk(node))
        help = "`//` divides without a rest" if divided else None
        raise IndexFault(node, f"an index is an integer, and `{ex.show(node)}` is {value!r}", help)
    return value
