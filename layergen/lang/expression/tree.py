"""The nodes of the tree.

There is none for a lambda, an import or an attribute other than a member's tensor, so nothing built from them can reach
beyond the names and functions that a stage hands it.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property

from layergen.diagnostics import Span
from layergen.lang.facts import Autocast, Callee, Role
from layergen.lang.kinds import Kinds


@dataclass(frozen=True)
class Node:
    """A part of an expression or statement, with the characters that it stands for.

    Two nodes are equal when they say the same, wherever they stand.
    """

    span: Span = field(default=(0, 0), compare=False, kw_only=True)

    @cached_property
    def children(self) -> tuple["Node", ...]:
        """The nodes directly under it, in the order in which they are written."""
        values = (getattr(self, item.name) for item in fields(self))
        parts = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(part for several in parts for part in several if isinstance(part, Node))

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that it mentions as values."""
        return frozenset[str]().union(*(child.names for child in self.children))


@dataclass(frozen=True)
class Expression(Node):
    """A node that has a value."""

    kinds: Kinds | None = field(default=None, compare=False, kw_only=True, repr=False)  # None: not resolved yet


@dataclass(frozen=True)
class Statement(Node):
    """A node that does something."""

    autocast: Autocast = field(default=Autocast.ON, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class Literal(Expression):
    """A number, a string, ``True``, ``False``, ``None`` or ``...``."""

    value: object


@dataclass(frozen=True)
class Name(Expression):
    """A name of the spec: an argument, a parameter, a dimension, an intermediate value."""

    id: str
    role: Role | None = field(default=None, compare=False, kw_only=True, repr=False)  # None: not resolved yet

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset({self.id})

    @property
    def grouped(self) -> bool:
        """Whether it stands for a tuple among targets, by how that is written: ``(h, c)`` of ``y, (h, c) = …``."""
        return self.id.startswith("(")


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
    """``name = value`` or ``first, second = value``.

    A tuple among the targets is a name, ``(h, c)``, which the next statement takes apart: ``h, c = (h, c)``.
    """

    targets: tuple[Name, ...]
    value: Expression

    @property
    def parts_group(self) -> bool:
        """Whether it takes a tuple apart that stands among the targets before, and so is written there."""
        return isinstance(self.value, Name) and self.value.grouped


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
