"""Computes expressions and runs a forward: walks the tree and calls the functions that it is handed.

Nothing here is Python's ``eval``: a name is looked up in the given values, a call goes to a function of the language,
and numbers are bounded, so that no spec can make the build busy or large.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import cached_property
from itertools import islice
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.python_words import without_python
from layergen.lang.scalars import SCALARS
from layergen.lang.visitor import Block, Visitor

LARGEST = 2**63 - 1
TOO_LARGE = "the number is too large"
LONGEST = 10_000  # items of a list, with those of the lists in it; and turns of all loops together
DEEPEST = 100  # lists in lists

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
MEMBERSHIP = frozenset({"in", "not in"})
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg, "+": operator.pos, "~": operator.invert, "not": operator.not_,
}  # fmt: skip

METHODS: dict[type[ex.Node], str] = {
    ex.Literal: "literal", ex.Name: "name", ex.Sequence: "sequence", ex.Conditional: "conditional",
    ex.Binary: "binary", ex.Compare: "compare", ex.Unary: "unary", ex.Subscript: "subscript", ex.Call: "invoke",
    ex.Apply: "apply", ex.Member: "tensor",
}  # fmt: skip  # by which an interpreter computes each kind of expression

Function = Callable[[ex.Call, list[Any], dict[str, Any]], Any]


class EvaluationFault(Exception):
    """An expression cannot be computed. ``node`` is the part at fault.

    Attributes:
        node: The part.
        operands: The values that it was to work on.
        arithmetic: Whether Python fails there by an error of its arithmetic, which says nothing of what is given.
    """

    def __init__(
        self, node: ex.Node, message: str, operands: tuple[object, ...] = (), *, arithmetic: bool = False
    ) -> None:
        super().__init__(message)
        self.arithmetic = arithmetic
        self.node = node
        self.message = message
        self.operands = operands


def scalar_call(node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Call one of the language's scalar functions."""
    function = SCALARS.get(node.function)
    if function is None:
        raise EvaluationFault(node, f"`{node.function}` is no scalar function")
    return function.python(*arguments, **keywords)


class Interpreter(Visitor):
    """Computes expressions over the given values; statements change them.

    A list that ``append`` makes longer stays the same list, as in Python: all names of it see the new item.

    Args:
        values: What each name stands for.
        call: Calls a function of the language. The default knows the scalar functions alone.
    """

    def __init__(self, values: Mapping[str, Any], call: Function = scalar_call) -> None:
        self.values: MutableMapping[str, Any] = dict(values)
        self.function = call
        self.given = values
        self.run_over: list[list[Any]] = []  # by the loops that are under way
        self.turns = 0  # that loops have begun to take

    def run(self, statements: Block) -> None:
        self.block(statements)

    def assign(self, statement: ex.Assign) -> None:
        self.bind(statement, statement.targets, self.evaluate(statement.value), statement.value)

    def branch(self, statement: ex.If) -> None:
        self.block(statement.body if self.decide(statement.test) else statement.orelse)

    def loop(self, statement: ex.For) -> None:
        outer = len(self.run_over)
        self.take_turns(statement, self.items(statement.iterable))
        del self.run_over[outer:]

    def take_turns(self, statement: ex.For, items: list[Any]) -> None:
        """Run the body of a loop once for each item."""
        self.turns += len(items)
        if self.turns > LONGEST:
            raise EvaluationFault(statement.iterable, f"the loops take more than {LONGEST} turns")
        for item in items:
            self.bind(statement.iterable, statement.targets, item, statement.iterable)
            self.block(statement.body)

    def append(self, statement: ex.Append) -> None:
        items, value = self.evaluate(statement.list), self.evaluate(statement.value)
        if not isinstance(items, list):
            raise EvaluationFault(statement.list, f"`{statement.list.id}` is no list")
        if any(items is other for other in (*self.run_over, *self.given_lists)):
            message = f"`{statement.list.id}` cannot grow: it is given, or a loop runs over it"
            raise EvaluationFault(statement.list, message)
        items.append(value)
        if len(items) > LONGEST or isinstance(value, list | tuple):  # one more number or tensor needs no counting
            self.bounded(statement, items)

    def bind(self, whole: ex.Node, targets: tuple[ex.Name, ...], value: Any, source: ex.Expression) -> None:
        """Give a value to one name, or its parts to several. ``whole`` is what has a wrong number of names."""
        if len(targets) == 1:
            self.store(targets[0], value)
            return
        try:
            parts = list(value)
        except TypeError:
            given = "None" if value is None else "one value"
            raise EvaluationFault(source, f"this is {given}, not several") from None
        if len(parts) != len(targets):
            raise EvaluationFault(whole, f"{len(targets)} names for {self.count(len(parts))} values")
        for target, part in zip(targets, parts, strict=True):
            self.store(target, part)

    def count(self, number: int) -> str:
        """How a message says how many values there are."""
        return str(number)

    def items(self, node: ex.Expression) -> list[Any]:
        """What a loop over an expression runs through, one item after the other. Meanwhile no list of it may grow."""
        match node:
            case ex.Call(function="range", arguments=(_, *_) as bounds, keywords=()):
                numbers = self.guarded(node, range, *(self.evaluate(bound) for bound in bounds))
                return list(islice(numbers, LONGEST + 1))
            case ex.Call(function="enumerate", arguments=(inner,), keywords=()):
                return list(enumerate(self.items(inner)))
            case ex.Call(function="reversed", arguments=(inner,), keywords=()):
                return self.items(inner)[::-1]
            case ex.Call(function="zip", arguments=(_, *_) as inners, keywords=()):
                columns = [self.items(inner) for inner in inners]
                if len({len(column) for column in columns}) > 1:
                    lengths = " and ".join(str(len(column)) for column in columns)
                    raise EvaluationFault(node, f"the lists have {lengths} items")
                return list(zip(*columns, strict=True))
        value = self.evaluate(node)
        if not isinstance(value, list | tuple):
            raise EvaluationFault(node, "this is no list to run over")
        if isinstance(value, list):
            self.run_over.append(value)
        return list(value)

    @cached_property
    def given_lists(self) -> list[list[Any]]:
        """The lists among what was given, which may not grow. Most expressions never ask for them."""
        return list(_lists(self.given.values()))

    def store(self, target: ex.Name, value: Any) -> None:
        self.values[target.id] = value

    def evaluate(self, node: ex.Expression) -> Any:
        """The value of an expression.

        Raises:
            EvaluationFault: If a part of it cannot be computed.
        """
        return getattr(self, METHODS.get(type(node), "valueless"))(node)

    def literal(self, node: ex.Literal) -> Any:
        return node.value

    def name(self, node: ex.Name) -> Any:
        if node.id not in self.values:
            raise EvaluationFault(node, f"`{node.id}` has no value here")
        return self.values[node.id]

    def sequence(self, node: ex.Sequence) -> Any:
        values = [value for item in node.items for value in self.spliced(item)]
        return self.bounded(node, values if node.bracket == "[" else tuple(values))

    def conditional(self, node: ex.Conditional) -> Any:
        return self.evaluate(node.then if self.decide(node.test) else node.orelse)

    def unary(self, node: ex.Unary) -> Any:
        value = self.truth(node.operand) if node.operator == "not" else self.evaluate(node.operand)
        return self.guarded(node, UNARY[node.operator], value)

    def subscript(self, node: ex.Subscript) -> Any:
        return self.pick(node, self.evaluate(node.value), self.index(node.index))

    def invoke(self, node: ex.Call) -> Any:
        arguments = [self.evaluate(argument) for argument in node.arguments]
        keywords = {keyword.name: self.evaluate(keyword.value) for keyword in node.keywords}
        return self.guarded(node, lambda: self.call(node, arguments, keywords))

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a function of the language."""
        return self.function(node, arguments, keywords)

    def apply(self, node: ex.Apply) -> Any:
        """Call a member of a list, where there are members."""
        return self.valueless(node)

    def tensor(self, node: ex.Member) -> Any:
        """The tensor of a member, where there are members."""
        return self.valueless(node)

    def valueless(self, node: ex.Expression) -> Any:
        raise EvaluationFault(node, "this is no value")

    def spliced(self, node: ex.Expression) -> Iterable[Any]:
        """What an item of a list gives: itself, or the items of another list."""
        if not isinstance(node, ex.Splice):
            return (self.evaluate(node),)
        value = self.evaluate(node.value)
        if not isinstance(value, list | tuple):
            raise EvaluationFault(node.value, f"`{ex.show(node.value)}` is no list, whose items could be put here")
        return value

    def pick(self, node: ex.Subscript, value: Any, index: Any) -> Any:
        """The item of a value at an index."""
        listed = isinstance(value, list | tuple) and hasattr(index, "__index__")  # an int, or a symbol for one
        if listed and not self.guarded(node, lambda: -len(value) <= index < len(value)):
            counted = f"{len(value)} item{'s' * (len(value) != 1)}"
            raise EvaluationFault(node, f"`{ex.show(node.value)}` has {counted}, and none at {index}")
        return self.guarded(node, operator.getitem, value, index)

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
        return value if value is True or value is False else bool(self.guarded(node, bool, value))

    def decide(self, test: ex.Expression) -> bool:
        """Which of two ways is taken: what the condition of a branch or of a conditional value comes to."""
        return self.truth(test)

    def binary(self, node: ex.Binary) -> Any:
        left = self.evaluate(node.left)
        if node.operator in ("and", "or"):
            settled = bool(self.guarded(node.left, bool, left)) is (node.operator == "or")
            return left if settled else self.evaluate(node.right)
        right = self.evaluate(node.right)
        if isinstance(left, int) and isinstance(right, int):  # most are, and no more is to be asked of them
            if _too_large(node.operator, left, right):
                raise EvaluationFault(node, TOO_LARGE)
            return self.combine(node, left, right)
        if isinstance(left, str) or isinstance(right, str):
            raise EvaluationFault(node, f"a text has no `{node.operator}`")
        for items, count in ((left, right), (right, left)):
            if isinstance(items, list | tuple) and isinstance(count, int) and _weight(items) * count > LONGEST:
                raise EvaluationFault(node, "the list is too long")
        return self.bounded(node, self.combine(node, left, right))

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        if node.operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
            left, right = _alike(left, right)
        return self.guarded(node, OPERATORS[node.operator], left, right)

    def compare(self, node: ex.Compare) -> Any:
        left = self.evaluate(node.left)
        result: Any = True
        for sign, comparator in zip(node.operators, node.comparators, strict=True):
            right = self.evaluate(comparator)
            if type(left) is int and type(right) is int and sign not in MEMBERSHIP:  # which nothing refuses
                result = COMPARISONS[sign](left, right)
            else:
                both = _alike(left, right) if sign in ("==", "!=") else (left, right)
                result = self.guarded(node, COMPARISONS[sign], *both)
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
            raise EvaluationFault(node, "division by zero", operands, arithmetic=True) from None
        except OverflowError:
            raise EvaluationFault(node, TOO_LARGE, operands, arithmetic=True) from None
        except ValueError as error:
            message = without_python(first_line(error))
            if isinstance(node, ex.Call) and re.search("domain|expected a", message):  # the root of a negative number
                message = f"`{node.function}` has no value there"
            raise EvaluationFault(node, message, operands) from None
        except (TypeError, IndexError) as error:
            message = without_python(first_line(error), all(map(_is_of_numbers, operands)))
            raise EvaluationFault(node, message, operands) from None
        except Exception as error:  # torch raises nearly everything
            raise EvaluationFault(node, first_line(error), operands) from None
        if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
            raise EvaluationFault(node, TOO_LARGE, operands)
        if isinstance(value, complex):
            raise EvaluationFault(node, "the result is no real number", operands)
        return value


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values; of a list and a tuple, which are the same to a spec, two lists."""
    if type(left) is not type(right) and {type(left), type(right)} == {list, tuple}:
        return list(left), list(right)
    return left, right


def _is_of_numbers(value: object) -> bool:
    """Whether there is no tensor in a value."""
    items = value if isinstance(value, list | tuple) else (value,)
    return all(item is None or isinstance(item, int | float | str) for item in items)


def _lists(values: Iterable[object]) -> Iterator[list[Any]]:
    """The lists among some values, and those in them."""
    for value in values:
        if isinstance(value, list):
            yield value
        if isinstance(value, list | tuple):
            yield from _lists(value)


def _weight(value: object) -> int:
    """How many items a list has, with those of the lists in it; of too many or too deep ones just that many."""
    weight = 0
    level = [value]
    for _ in range(DEEPEST):
        weight += len(level)
        inner = (item for part in level if isinstance(part, list | tuple) for item in part)
        level = list(islice(inner, LONGEST + 1))
        if not level or weight > LONGEST:
            return weight
    return LONGEST + 1


def _too_large(sign: str, left: int, right: int) -> bool:
    """Whether a power or a shift of ints is out of bounds, told without computing it."""
    if sign == "**":
        return right > 63 and abs(left) > 1
    return sign == "<<" and right > 63


def first_line(error: Exception) -> str:
    """What an exception says, in one line without a full stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".").strip()
