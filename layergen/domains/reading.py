"""Reads a forward over values: what each step can give, on one way and in one mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from layergen.domains.arithmetic import combined, compared, narrowed
from layergen.domains.indices import check_index
from layergen.domains.interval import ANY, NOT_NEGATIVE, Interval
from layergen.domains.pointwise import negative
from layergen.domains.site import Edge, Site, Suspect, as_value
from layergen.domains.size import Knowledge, Size
from layergen.domains.transfer import SHAPED, TRANSFERS
from layergen.domains.value import BOOLEAN, UNKNOWN, Value, constant, derived
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.kinds import Kind
from layergen.lang.visitor import Visitor, assigned

SIZED = frozenset({"arange", "zeros", "ones", "full", "rand", "randn", "eye", "narrow", "split", "unfold"})
ROUNDS = 3  # turns of a loop that are followed before what still changes may be anything


@dataclass
class Notes:
    """What was met on the way."""

    suspects: dict[tuple[Any, Edge], Suspect] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)  # ops of which nothing is known

    def add(self, suspect: Suspect) -> None:
        self.suspects.setdefault((suspect.node.span, suspect.edge), suspect)


class Reader(Visitor):
    """Reads statements and expressions over values. Conditions that are not settled take both branches.

    Args:
        values: What each name stands for: values, lists of them, text, None, True or False.
        knowledge: What is known of sizes.
        notes: Takes down what is met.
        buffers: The names to which an assignment keeps the value that they have.
    """

    def __init__(
        self, values: Mapping[str, Any], knowledge: Knowledge, notes: Notes, buffers: frozenset[str] = frozenset()
    ) -> None:
        self.values = dict(values)
        self.knowledge = knowledge
        self.notes = notes
        self.buffers = buffers

    # Statements

    def assign(self, statement: ex.Assign) -> None:
        self.bind(statement.targets, self.evaluate(statement.value))

    def bind(self, targets: tuple[ex.Name, ...], value: Any) -> None:
        if len(targets) == 1:
            self.values[targets[0].id] = value
            return
        parts = value if isinstance(value, list | tuple) and len(value) == len(targets) else None
        for index, target in enumerate(targets):
            self.values[target.id] = parts[index] if parts else as_value(value).entries()

    def branch(self, statement: ex.If) -> None:
        truth = self.truth(statement.test)
        if truth is not None:
            self.block(statement.body if truth else statement.orelse)
            return
        before = dict(self.values)
        self.block(statement.body)
        after, self.values = self.values, before
        self.block(statement.orelse)
        self.values = _joined(after, self.values)

    def loop(self, statement: ex.For) -> None:
        changed = assigned(statement.body)
        for turn in range(ROUNDS):
            before = dict(self.values)
            self.bind(statement.targets, self.item(statement.iterable))
            self.block(statement.body)
            self.values = _joined(before, self.values)
            if all(_same(before.get(name), self.values.get(name)) for name in changed):
                return
            if turn == ROUNDS - 2:
                for name in changed:
                    if name in self.values:  # another branch may assign it
                        self.values[name] = replace(UNKNOWN, safe=as_value(self.values[name]).safe)

    def append(self, statement: ex.Append) -> None:
        items, value = self.values.get(statement.list.id), self.evaluate(statement.value)
        parts = list(items) if isinstance(items, list | tuple) else [as_value(items)]
        joined = as_value([*parts, as_value(value)]) if parts else as_value(value)
        self.values[statement.list.id] = [joined]

    def item(self, iterable: ex.Expression) -> Any:
        """What a loop runs over, all items taken together."""
        match iterable:
            case ex.Call(function="range", arguments=arguments):
                ends = [as_value(self.evaluate(argument)) for argument in arguments]
                site = Site(iterable, ends, {}, self.knowledge, self.notes.add)
                return TRANSFERS["arange"](site)
            case ex.Call(function="enumerate", arguments=(inner,)):
                return (Value(NOT_NEGATIVE, whole=True), self.item(inner))
            case ex.Call(function="reversed", arguments=(inner,)):
                return self.item(inner)
            case ex.Call(function="zip", arguments=inners):
                return tuple(self.item(inner) for inner in inners)
        value = self.evaluate(iterable)
        if isinstance(value, list | tuple) and all(isinstance(item, tuple) for item in value) and value:
            return tuple(as_value(list(column)) for column in zip(*value, strict=False))
        return as_value(value)

    # Expressions

    def truth(self, test: ex.Expression) -> bool | None:
        """Whether a condition holds; None where it is not settled."""
        value = self.evaluate(test)
        if isinstance(value, Value):
            return None if value.known is None else bool(value.known)
        return bool(value)

    def evaluate(self, node: ex.Expression) -> Any:
        match node:
            case ex.Literal(value=bool() | str() | None as value):
                return value
            case ex.Literal(value=int() | float() as value):
                return constant(value)
            case ex.Name(id=name):
                return self.values.get(name, UNKNOWN)
            case ex.Sequence(items=items):
                return [self.evaluate(item) for item in items]
            case ex.Conditional(test=test, then=then, orelse=orelse):
                truth = self.truth(test)
                if truth is not None:
                    return self.evaluate(then if truth else orelse)
                return _union(self.evaluate(then), self.evaluate(orelse))
            case ex.Unary(operator=sign, operand=operand):
                return self.unary(sign, self.evaluate(operand))
            case ex.Binary(operator="and" | "or" as word, left=left, right=right):
                return self.either(word, left, right)
            case ex.Binary():
                return self.binary(node)
            case ex.Compare():
                return self.compare(node)
            case ex.Subscript():
                return self.subscript(node)
            case ex.Call():
                return self.call(node)
        return UNKNOWN

    def unary(self, sign: str, value: Any) -> Any:
        if sign == "not" and not isinstance(value, Value):
            return not value
        if isinstance(value, Value) and sign in "+-":
            return replace(negative(value), empty=value.empty) if sign == "-" else value
        return BOOLEAN

    def either(self, word: str, left: ex.Expression, right: ex.Expression) -> Any:
        first = self.truth(left)
        if first is None:
            second = self.truth(right)
            return second if second is (word == "or") else BOOLEAN
        return self.evaluate(left) if first is (word == "or") else self.evaluate(right)

    def binary(self, node: ex.Binary) -> Any:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(left, list | tuple) and isinstance(right, list | tuple) and node.operator == "+":
            return [*left, *right]
        if isinstance(left, list | tuple) or isinstance(right, list | tuple):
            return [as_value(left if isinstance(left, list | tuple) else right)]
        one, other = as_value(left), as_value(right)
        result: Value = self.guarded(node, combined, node.operator, one, other)
        return replace(result, empty=True) if one.empty or other.empty else result

    def guarded(self, node: ex.Expression, function: Any, *operands: Any) -> Any:
        return function(Site(node, (), {}, self.knowledge, self.notes.add), *operands)

    def compare(self, node: ex.Compare) -> Any:
        left = self.evaluate(node.left)
        results = []
        for sign, comparator in zip(node.operators, node.comparators, strict=True):
            right = self.evaluate(comparator)
            results.append(_compared(sign, left, right))
            left = right
        if all(isinstance(result, bool) for result in results):
            return all(results)
        return False if any(result is False for result in results) else BOOLEAN

    def subscript(self, node: ex.Subscript) -> Any:
        value = self.evaluate(node.value)
        parts = node.index.items if isinstance(node.index, ex.Sequence) and not node.index.bracket else (node.index,)
        if isinstance(value, list | tuple):
            index = self.evaluate(parts[0])
            at = index.known if isinstance(index, Value) else None
            known = at is not None and -len(value) <= at < len(value)
            return value[int(at)] if known and at is not None else as_value(value)
        source = as_value(value)
        indices = [part for part in parts if not isinstance(part, ex.Slice | ex.Literal)]
        for position, part in enumerate(parts):
            if part in indices:
                rows = self.rows(source, parts, position)
                index = self.evaluate(part)
                if (part.kinds is not None and Kind.BOOL in part.kinds) or _marks(index):
                    self.notes.unknown["an index that marks entries"] = None
                else:
                    self.guarded(node, check_index, as_value(index), rows, True)
        entries = source.entries()
        return replace(entries, empty=True) if any(map(self.may_be_empty, parts)) else entries

    def may_be_empty(self, part: ex.Expression) -> bool:
        """Whether a slice may leave nothing. One that begins at the start and goes to a size of 1 or more does not."""
        if not isinstance(part, ex.Slice) or part.start is part.stop is None:
            return False
        stop = as_value(self.evaluate(part.stop)) if part.stop is not None else UNKNOWN
        return part.start is not None or not stop.range.at_least(1)

    def rows(self, source: Value, parts: tuple[ex.Expression, ...], position: int) -> Size | None:
        """How many entries the dimension has that an index picks from."""
        new = sum(part == ex.Literal(None) for part in parts[:position])
        if source.sizes is None or ex.Literal(...) in parts[:position] or position - new >= len(source.sizes):
            return None
        return source.sizes[position - new]

    def call(self, node: ex.Call) -> Any:
        arguments = [self.evaluate(argument) for argument in node.arguments]
        keywords = {keyword.name: self.evaluate(keyword.value) for keyword in node.keywords}
        if node.callee is not None and node.callee.kind is CalleeKind.FUNCTION:
            chosen = str(self.values[node.function])
            node = replace(node, function=chosen, callee=Callee(CalleeKind.OP, chosen))
        if node.callee is not None and node.callee.kind is CalleeKind.SCALAR:
            return self.scalar(node, arguments)
        if node.function == "where" and len(arguments) == 3:
            arguments[1:] = self.chosen(node.arguments[0], arguments[1:], node.arguments[1:])
        if node.function == "masked_fill" and len(arguments) == 3:
            kept, mask, fill = node.arguments
            _, arguments[0] = self.chosen(mask, [arguments[2], arguments[0]], (fill, kept))
        transfer = TRANSFERS.get(node.function)
        if transfer is None:
            self.notes.unknown[node.function] = None
            return UNKNOWN
        result = transfer(Site(node, arguments, keywords, self.knowledge, self.notes.add))
        if not isinstance(result, Value):
            return result
        result = self.emptied(node, result, [*arguments, *keywords.values()])
        return replace(result, sizes=as_value(arguments[0]).sizes if node.function in SHAPED and arguments else None)

    def emptied(self, node: ex.Call, result: Value, given: list[Any]) -> Value:
        """A result that may have no entries, where what it is made of may have none, or sizes may be 0."""
        values = [as_value(part) for part in given if isinstance(part, Value | list | tuple)]
        sizes = [value for value in values if value.whole and value.known is None] if node.function in SIZED else []
        if any(value.empty for value in values) or not all(size.range.at_least(1) for size in sizes):
            return replace(result, empty=True)
        return result

    def chosen(self, test: ex.Expression, branches: list[Any], written: Sequence[ex.Expression]) -> list[Any]:
        """What is taken where a condition holds and where not: what that is about has only what it lets through."""
        if not (isinstance(test, ex.Compare) and len(test.operators) == 1):
            return branches
        bound = as_value(self.evaluate(test.comparators[0]))
        return [
            narrowed(as_value(branch), test.operators[0], bound, holds)
            if own == test.left
            and isinstance(branch, Value)
            and test.operators[0] in ("<", "<=", ">", ">=", "==", "!=")
            else branch
            for branch, own, holds in zip(branches, written, (True, False), strict=True)
        ]

    def scalar(self, node: ex.Call, arguments: list[Any]) -> Any:
        """A function of numbers, which raises where it has no value."""
        values = [as_value(argument) for argument in arguments]
        match node.function:
            case "max" | "min" if len(values) > 1:
                ranges = [value.range for value in values]
                found = ranges[0]
                for range in ranges[1:]:
                    found = found.maximum(range) if node.function == "max" else found.minimum(range)
                return derived(found, *values, whole=all(value.whole for value in values))
            case "float":
                return values[0]
            case "int" if values and values[0].whole:
                return values[0]
            case "len" | "prod":
                return Value(Interval(0) if node.function == "len" else ANY, whole=node.function == "len")
        transfer = TRANSFERS.get(node.function)
        return transfer(Site(node, values, {}, self.knowledge, lambda _: None)) if transfer else UNKNOWN


def _marks(index: Any) -> bool:
    """Whether an index may be a mask, by which there may be nothing left."""
    return isinstance(index, Value) and index.whole and index.range == BOOLEAN.range and index.most is None


def _compared(sign: str, left: Any, right: Any) -> Any:
    if sign in ("is", "is not"):
        if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
            return (left is right) is (sign == "is")
        return BOOLEAN
    if isinstance(left, Value) and isinstance(right, Value) and sign not in ("in", "not in"):
        return compared(sign, left, right)
    if isinstance(left, str | bool) and isinstance(right, str | bool):
        return {"==": left == right, "!=": left != right}.get(sign, BOOLEAN)
    if isinstance(left, str) and isinstance(right, list):
        return (left in right) is (sign == "in")
    if (left is None) != (right is None) and sign in ("==", "!="):
        return sign == "!="
    return BOOLEAN


def _same(one: Any, other: Any) -> bool:
    return one == other if type(one) is type(other) else False


def _union(one: Any, other: Any) -> Any:
    if _same(one, other):
        return one
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and not (one and other):
        return one or other  # a list that begins empty; nothing can be picked from it then
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [_union(left, right) for left, right in zip(one, other, strict=True)]
    return as_value(one).union(as_value(other))


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What names stand for after one way or the other."""
    joined = {**one, **other}
    return {
        name: _union(one[name], other[name]) if name in one and name in other else value
        for name, value in joined.items()
    }
