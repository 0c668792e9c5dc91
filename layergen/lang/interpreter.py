"""Computes expressions and runs a forward: walks the tree and calls the functions that it is handed.

Nothing here is Python's ``eval``: a name is looked up in the given values, a call goes to a function of the language,
and numbers are bounded, so that no spec can make the build busy or large.
"""

import operator
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.scalars import SCALARS

LARGEST = 2**63 - 1
LONGEST = 10_000  # items of a list, with those of the lists in it

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "@": operator.matmul, "**": operator.pow, "&": operator.and_, "|": operator.or_,
    "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "is": operator.is_, "is not": operator.is_not, "in": lambda item, items: item in items,
    "not in": lambda item, items: item not in items,
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg, "+": operator.pos, "~": operator.invert, "not": operator.not_,
}  # fmt: skip

Function = Callable[[ex.Call, list[Any], dict[str, Any]], Any]


class EvaluationFault(Exception):
    """An expression cannot be computed. ``node`` is the part at fault."""

    def __init__(self, node: ex.Node, message: str, operands: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.node = node
        self.message = message
        self.operands = operands  # the values that the node was to work on


def scalar_call(node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Call one of the language's scalar functions."""
    function = SCALARS.get(node.function)
    if function is None:
        raise EvaluationFault(node, f"`{node.function}` is no scalar function")
    return function.python(*arguments, **keywords)


class Interpreter:
    """Computes expressions over the given values; statements change them.

    Args:
        values: What each name stands for.
        call: Calls a function of the language. The default knows the scalar functions alone.
    """

    def __init__(self, values: Mapping[str, Any], call: Function = scalar_call) -> None:
        self.values: MutableMapping[str, Any] = dict(values)
        self.call = call

    def run(self, statements: tuple[ex.Statement, ...]) -> None:
        for statement in statements:
            match statement:
                case ex.Assign():
                    self.assign(statement)
                case ex.If(test=test, body=body, orelse=orelse):
                    self.run(body if self.truth(test) else orelse)

    def assign(self, statement: ex.Assign) -> None:
        value = self.evaluate(statement.value)
        if len(statement.targets) == 1:
            self.store(statement.targets[0], value)
            return
        try:
            parts = list(value)
        except TypeError:
            raise EvaluationFault(statement.value, "this is one value, not several") from None
        if len(parts) != len(statement.targets):
            message = f"{len(statement.targets)} names for {len(parts)} values"
            raise EvaluationFault(statement, message)
        for target, part in zip(statement.targets, parts, strict=True):
            self.store(target, part)

    def store(self, target: ex.Name, value: Any) -> None:
        self.values[target.id] = value

    def evaluate(self, node: ex.Expression) -> Any:
        """The value of an expression.

        Raises:
            EvaluationFault: If a part of it cannot be computed.
        """
        match node:
            case ex.Literal(value=value):
                return value
            case ex.Name(id=name):
                if name not in self.values:
                    raise EvaluationFault(node, f"`{name}` has no value here")
                return self.values[name]
            case ex.Sequence(items=items, bracket=bracket):
                values = [self.evaluate(item) for item in items]
                return self.bounded(node, values if bracket == "[" else tuple(values))
            case ex.Conditional(test=test, then=then, orelse=orelse):
                return self.evaluate(then if self.truth(test) else orelse)
            case ex.Binary(operator="and" | "or" as word, left=left, right=right):
                value = self.evaluate(left)
                settled = bool(self.guarded(left, bool, value)) is (word == "or")
                return value if settled else self.evaluate(right)
            case ex.Binary():
                return self.binary(node)
            case ex.Compare():
                return self.compare(node)
            case ex.Unary(operator=sign, operand=operand):
                value = self.truth(operand) if sign == "not" else self.evaluate(operand)
                return self.guarded(node, UNARY[sign], value)
            case ex.Subscript(value=value, index=index):
                return self.guarded(node, operator.getitem, self.evaluate(value), self.index(index))
            case ex.Call():
                arguments = [self.evaluate(argument) for argument in node.arguments]
                keywords = {keyword.name: self.evaluate(keyword.value) for keyword in node.keywords}
                return self.guarded(node, lambda: self.call(node, arguments, keywords))
            case _:
                raise EvaluationFault(node, "this is no value")

    def index(self, node: ex.Expression) -> Any:
        match node:
            case ex.Slice(start=start, stop=stop, step=step):
                return slice(*(part and self.evaluate(part) for part in (start, stop, step)))
            case ex.Sequence(bracket="", items=items):
                return tuple(self.index(item) for item in items)
            case _:
                return self.evaluate(node)

    def truth(self, node: ex.Expression) -> bool:
        value = self.evaluate(node)
        return bool(self.guarded(node, bool, value))

    def binary(self, node: ex.Binary) -> Any:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(left, str) or isinstance(right, str):
            raise EvaluationFault(node, f"a text has no `{node.operator}`")
        if isinstance(left, int) and isinstance(right, int) and _too_large(node.operator, left, right):
            raise EvaluationFault(node, "the number is too large")
        for items, count in ((left, right), (right, left)):
            if isinstance(items, list | tuple) and isinstance(count, int) and _weight(items) * count > LONGEST:
                raise EvaluationFault(node, "the list is too long")
        return self.bounded(node, self.combine(node, left, right))

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        return self.guarded(node, OPERATORS[node.operator], left, right)

    def compare(self, node: ex.Compare) -> Any:
        left = self.evaluate(node.left)
        result: Any = True
        for sign, comparator in zip(node.operators, node.comparators, strict=True):
            right = self.evaluate(comparator)
            result = self.guarded(node, COMPARISONS[sign], left, right)
            if len(node.operators) > 1 and not self.guarded(node, bool, result):
                return False
            left = right
        return result

    def bounded(self, node: ex.Node, value: Any) -> Any:
        """A value that is no list of too many items. All lists are made here, so those in it are bounded already."""
        if isinstance(value, list | tuple) and _weight(value) > LONGEST:
            raise EvaluationFault(node, "the list is too long")
        return value

    def guarded(self, node: ex.Node, function: Callable[..., Any], *operands: Any) -> Any:
        """Call a function; what it refuses is a fault of the node."""
        try:
            value = function(*operands)
        except EvaluationFault:
            raise
        except ZeroDivisionError:
            raise EvaluationFault(node, "division by zero", operands) from None
        except OverflowError:
            raise EvaluationFault(node, "the number is too large", operands) from None
        except Exception as error:  # torch raises nearly everything
            raise EvaluationFault(node, first_line(error), operands) from None
        if isinstance(value, int) and abs(value) > LARGEST:
            raise EvaluationFault(node, "the number is too large", operands)
        if isinstance(value, complex):
            raise EvaluationFault(node, "the result is no real number", operands)
        return value


def _weight(value: object) -> int:
    """How many items a list has, with those of the lists in it."""
    return sum(map(_weight, value), 1) if isinstance(value, list | tuple) else 1


def _too_large(sign: str, left: int, right: int) -> bool:
    """Whether a power or a shift of ints is out of bounds, told without computing it."""
    if sign == "**":
        return right > 63 and abs(left) > 1
    return sign == "<<" and right > 63


def first_line(error: Exception) -> str:
    """What an exception says, in one line without a full stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".").strip()
