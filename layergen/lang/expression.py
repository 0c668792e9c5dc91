"""The closed expression and statement language: its tree, how to walk it, and how to print it.

The tree has no node for a lambda, an import or an attribute other than a member's tensor, so nothing built from it can
reach beyond the names and functions that a stage hands it. `parser` makes the tree from text; `visitor` walks the
statements of a block, and `statements` prints them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TypeGuard

from layergen.diagnostics import Span
from layergen.lang.facts import Callee, Role
from layergen.lang.kinds import Kinds


@dataclass(frozen=True)
class Node:
    """A part of an expression or statement, with the characters that it stands for.

    Two nodes are equal when they say the same, wherever they stand.
    """

    span: Span = field(default=(0, 0), compare=False, kw_only=True)


@dataclass(frozen=True)
class Expression(Node):
    """A node that has a value."""

    kinds: Kinds | None = field(default=None, compare=False, kw_only=True, repr=False)  # None: not resolved yet


class Statement(Node):
    """A node that does something."""


@dataclass(frozen=True)
class Literal(Expression):
    """A number, a string, ``True``, ``False``, ``None`` or ``...``."""

    value: object


@dataclass(frozen=True)
class Name(Expression):
    """A name of the spec: an argument, a parameter, a dimension, an intermediate value."""

    id: str
    role: Role | None = field(default=None, compare=False, kw_only=True, repr=False)  # None: not resolved yet


@dataclass(frozen=True)
class Sequence(Expression):
    """A list or a tuple; the two differ in print alone."""

    items: tuple[Expression, ...]
    bracket: str = "["  # "[", "(" or "" for a bare tuple


@dataclass(frozen=True)
class Splice(Expression):
    """``normalized_shape...``: the items of a list among those of another."""

    value: Expression


@dataclass(frozen=True)
class Unary(Expression):
    """``-x``, ``+x``, ``~x`` or ``not x``."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Expression):
    """Arithmetic, ``@``, bitwise operators, and ``and`` and ``or``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Compare(Expression):
    """One comparison or a chain of them: ``0 <= p < 1``, ``bias is not None``."""

    left: Expression
    operators: tuple[str, ...]
    comparators: tuple[Expression, ...]


@dataclass(frozen=True)
class Conditional(Expression):
    """``then if test else orelse``."""

    test: Expression
    then: Expression
    orelse: Expression


@dataclass(frozen=True)
class Keyword(Node):
    """A keyword argument of a call."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Call(Expression):
    """A call of a function by its name, which may have dots: ``fft.rfft(x)``."""

    function: str
    arguments: tuple[Expression, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    function_span: Span = field(default=(0, 0), compare=False, kw_only=True)
    callee: Callee | None = field(default=None, compare=False, kw_only=True, repr=False)  # None: not resolved yet
    origin: "Origin | None" = field(default=None, compare=False, kw_only=True, repr=False)  # None: it was written so

    @property
    def written(self) -> "Call":
        """The call as its author wrote it."""
        return self.origin.call if self.origin else self


@dataclass(frozen=True)
class Demand:
    """What a pattern says of the tensor that it is given."""

    axes: int  # its dimensions, without those that `...` stands for
    any: bool  # whether `...` stands among them
    sizes: tuple[tuple[int, int], ...]  # the indices of dimensions of which it says the size, and the size


@dataclass(frozen=True)
class Origin:
    """What a call was made of. It is no part of the tree: who walks the tree sees the calls that were made."""

    call: Call
    demand: Demand | None = None  # of the first of several calls, what its operand must be


@dataclass(frozen=True)
class Slice(Expression):
    """``start:stop:step`` between the brackets of a subscript."""

    start: Expression | None
    stop: Expression | None
    step: Expression | None


@dataclass(frozen=True)
class Subscript(Expression):
    """``value[index]``; several indices make a bare `Sequence`."""

    value: Expression
    index: Expression


@dataclass(frozen=True)
class Member(Expression):
    """What a member owns, by its path: ``embedding.weight``, ``blocks[i].norm.weight``."""

    value: Expression  # a `Name`, or a `Subscript` or `Member` of one
    name: str


@dataclass(frozen=True)
class Apply(Expression):
    """A call of a member of a list: ``blocks[i](x)``."""

    function: Expression  # a `Subscript` of a name
    arguments: tuple[Expression, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    callee: Callee | None = field(default=None, compare=False, kw_only=True, repr=False)  # None: not resolved yet


@dataclass(frozen=True)
class Comprehension(Expression):
    """``[element for target in iterable]``, which makes a list of modules and nothing else."""

    element: Expression
    target: Name
    iterable: Expression


@dataclass(frozen=True)
class Comment(Statement):
    """A comment line of its own, which the generated code keeps."""

    text: str


@dataclass(frozen=True)
class Assign(Statement):
    """``name = value`` or ``first, second = value``."""

    targets: tuple[Name, ...]
    value: Expression


@dataclass(frozen=True)
class If(Statement):
    """``if``, ``elif`` and ``else``; an ``elif`` is an `If` alone in ``orelse``."""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Carried:
    """A name that a loop assigns and that had a value before: what it was, and what it is after a turn."""

    name: Name  # where the loop assigns it last
    before: Kinds
    after: Kinds


@dataclass(frozen=True)
class For(Statement):
    """``for first, second in iterable:``."""

    targets: tuple[Name, ...]
    iterable: Expression
    body: tuple[Statement, ...]
    carried: tuple[Carried, ...] = field(default=(), compare=False, kw_only=True, repr=False)  # empty: not resolved yet


@dataclass(frozen=True)
class Append(Statement):
    """``append(list, value)``, which makes a list longer."""

    list: Name
    value: Expression


def children(node: Node) -> Iterator[Node]:
    """The nodes directly under a node, in the order in which they are written."""
    for item in fields(node):
        value = getattr(node, item.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, Node))


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes under it, each before those under it."""
    yield node
    for child in children(node):
        yield from walk(child)


def names(node: Node) -> set[str]:
    """The names that an expression mentions as values."""
    return {part.id for part in walk(node) if isinstance(part, Name)}


def with_children(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """A copy of an expression in which ``change`` has been applied to each expression directly under it."""

    def changed(value: object) -> object:
        if isinstance(value, Expression):
            return change(value)
        if isinstance(value, Keyword):
            return replace(value, value=change(value.value))
        return tuple(map(changed, value)) if isinstance(value, tuple) else value

    parts = {item.name: getattr(node, item.name) for item in fields(node)}
    if isinstance(node, Comprehension):
        del parts["target"]
    inner = {name: changed(value) for name, value in parts.items() if isinstance(value, Expression | tuple)}
    return replace(node, **inner) if inner else node  # type: ignore[arg-type]


def transform(node: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """A copy of an expression in which ``change`` has replaced the nodes for which it returns one.

    The name that a comprehension binds stays.
    """
    replaced = change(node)
    return with_children(node, lambda part: transform(part, change)) if replaced is None else replaced


# How tightly each construct binds, as in Python; a larger number binds tighter.
PRECEDENCE = {
    "if": 1, "or": 2, "and": 3, "not": 4, "compare": 5, "|": 6, "^": 7, "&": 8, "<<": 9, ">>": 9, "+": 10, "-": 10,
    "*": 11, "/": 11, "//": 11, "%": 11, "@": 11, "unary": 12, "**": 13, "primary": 14,
}  # fmt: skip


def precedence(node: Expression) -> int:
    """How tightly the outermost construct of an expression binds."""
    match node:
        case Conditional():
            return PRECEDENCE["if"]
        case Binary(operator=operator):
            return PRECEDENCE[operator]
        case Compare():
            return PRECEDENCE["compare"]
        case Unary(operator="not"):
            return PRECEDENCE["not"]
        case Unary():
            return PRECEDENCE["unary"]
        case Literal(value=int() | float() as value) if not isinstance(value, bool) and value < 0:
            return PRECEDENCE["unary"]
        case Sequence(bracket=""):
            return 0
        case _:
            return PRECEDENCE["primary"]


def is_spliced(node: Node) -> TypeGuard[Sequence]:
    """Whether a node is a list with ``...`` in it, ``[..., dim]``: the leading dimensions stand there."""
    return isinstance(node, Sequence) and bool(node.bracket) and Literal(...) in node.items


class Printer:
    """Prints expressions as Python does, with the parentheses that they need and no more.

    A subclass changes how names and calls are written; all else is the same in a message and in generated code.
    """

    def name(self, node: Name) -> str:
        return node.id

    def call(self, node: Call) -> str:
        return f"{node.written.function}({self.arguments(node.written)})"

    def literal(self, node: Literal) -> str:
        return "..." if node.value is ... else repr(node.value)

    def member(self, node: Member) -> str:
        return f"{self.show(node.value, PRECEDENCE['primary'])}.{node.name}"

    def apply(self, node: Apply) -> str:
        return f"{self.show(node.function, PRECEDENCE['primary'])}({self.arguments(node)})"

    def arguments(self, node: Call | Apply) -> str:
        positional = [self.show(argument) for argument in node.arguments]
        return ", ".join(positional + [f"{keyword.name}={self.show(keyword.value)}" for keyword in node.keywords])

    def show(self, node: Expression, tightness: int = 0) -> str:
        """The text of an expression, in parentheses if it binds less tightly than ``tightness``."""
        text = self.bare(node)
        return f"({text})" if precedence(node) < tightness else text

    def bare(self, node: Expression) -> str:
        own = precedence(node)
        match node:
            case Literal():
                return self.literal(node)
            case Name():
                return self.name(node)
            case Call():
                return self.call(node)
            case Member():
                return self.member(node)
            case Apply():
                return self.apply(node)
            case Sequence():
                return self.sequence(node)
            case Splice():
                return self.splice(node)
            case Unary(operator=operator, operand=operand):
                return f"{operator}{' ' if operator == 'not' else ''}{self.show(operand, own)}"
            case Binary(operator="**", left=left, right=right):
                return f"{self.show(left, own + 1)} ** {self.show(right, PRECEDENCE['unary'])}"
            case Binary(operator=operator, left=left, right=right):
                return f"{self.show(left, own)} {operator} {self.show(right, own + 1)}"
            case Compare(left=left, operators=operators, comparators=comparators):
                parts = [f"{op} {self.show(item, own + 1)}" for op, item in zip(operators, comparators, strict=True)]
                return " ".join([self.show(left, own + 1), *parts])
            case Conditional(test=test, then=then, orelse=orelse):
                return f"{self.show(then, own + 1)} if {self.show(test, own + 1)} else {self.show(orelse, own)}"
            case Subscript(value=value, index=index):
                return f"{self.show(value, PRECEDENCE['primary'])}[{self.bare(index)}]"
            case Slice(start=start, stop=stop, step=step):
                text = f"{self.show(start) if start else ''}:{self.show(stop) if stop else ''}"
                return f"{text}:{self.show(step)}" if step else text
            case Comprehension(element=element, target=target, iterable=iterable):
                return f"[{self.show(element)} for {self.name(target)} in {self.show(iterable)}]"
            case _:
                raise TypeError(f"no way to print {type(node).__name__}")

    def splice(self, node: Splice) -> str:
        return f"{self.show(node.value, PRECEDENCE['primary'])}..."

    def sequence(self, node: Sequence) -> str:
        text = ", ".join(self.show(item, 1) for item in node.items)
        if node.bracket == "[":
            return f"[{text}]"
        text += "," if len(node.items) == 1 else ""
        return f"({text})" if node.bracket == "(" or not node.items else text


def show(node: Expression) -> str:
    """An expression as its author would write it."""
    return Printer().show(node)
