"""What each expression of a forward comes to, in what the forward is given: equal values are one tree.

A name stands for the value that it has where it is read, so that a pattern is found however many statements it is
written in. What is no function of its operands, as a draw or the call of a member, equals nothing but itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind, Role
from layergen.lang.visitor import assigned, assignments, parts

Names = Mapping[str, ex.Expression]  # the values of the names that have got one
PURE = frozenset({CalleeKind.OP, CalleeKind.SCALAR})


@dataclass(frozen=True, eq=False)
class Site:
    """A value, and where the forward computes it."""

    value: ex.Expression
    names: Names  # before the statement
    statement: ex.Statement
    node: ex.Expression | None  # in the statement; None where a condition leaves the value in a name
    target: ex.Name | None  # that name
    block: tuple[int, ...]  # the blocks in which the statement stands, from the outermost
    certain: bool  # whether it is computed wherever the statement is reached


class Values:
    """The values of a forward.

    Args:
        block: Its statements, which are resolved.

    Attributes:
        sites: Where values are computed, in the order of the forward, each after those that it is made of.
    """

    def __init__(self, block: Sequence[ex.Statement]) -> None:
        self.sites: list[Site] = []
        self._known: dict[object, ex.Expression] = {}
        self._fresh = 0
        self._blocks = 0
        self._block(block, {}, ())

    def same(self, node: ex.Expression) -> ex.Expression:
        """The one tree for a value whose operands are such trees."""
        key = (type(node), *(_key(getattr(node, part.name)) for part in fields(node) if part.compare))
        return self._known.setdefault(key, node)

    def _block(self, block: Sequence[ex.Statement], names: Names, within: tuple[int, ...]) -> Names:
        self._blocks += 1
        inside = (*within, self._blocks)
        for statement in block:
            names = self._statement(statement, names, inside)
        return names

    def _statement(self, statement: ex.Statement, names: Names, block: tuple[int, ...]) -> Names:
        match statement:
            case ex.Assign(targets=targets, value=value):
                found = _Reader(self, statement, names, block).read(value)
                return {**names, **self._given(targets, found)}
            case ex.If(test=test, body=body, orelse=orelse):
                asked = _Reader(self, statement, names, block).read(test)
                then, other = self._block(body, names, block), self._block(orelse, names, block)
                return self._joined(statement, asked, names, then, other, block)
            case ex.For(targets=targets, iterable=iterable, body=body):
                _Reader(self, statement, names, block).read(iterable)
                inner = {**names, **self._unknown({*assigned((statement,)), *(target.id for target in targets)})}
                self._block(body, inner, block)
                return {**names, **self._unknown(assigned((statement,)))}
            case ex.Append(list=name):
                for part in parts(statement).expressions:
                    _Reader(self, statement, names, block).read(part)
                return {**names, **self._unknown({name.id})}
        return names

    def _given(self, targets: Sequence[ex.Name], value: ex.Expression) -> Names:
        """What some names stand for once they are given a value, or its parts. A buffer keeps its own dtype."""
        if len(targets) == 1:
            found = {targets[0].id: value}
        else:
            parts = (ex.Subscript(value, ex.Literal(index)) for index in range(len(targets)))
            found = {target.id: self.same(part) for target, part in zip(targets, parts, strict=True)}
        return {**found, **self._unknown({name.id for name in targets if _is_kept(name)})}

    def _joined(
        self, statement: ex.If, test: ex.Expression, names: Names, then: Names, other: Names, block: tuple[int, ...]
    ) -> Names:
        """The names after a condition, which has left this or that in some of them."""
        found = dict(names)
        targets = {name.id: name for name in assignments((statement,))}
        for name, target in sorted(targets.items()):
            left, right = (self.same(branch.get(name, ex.Name(name))) for branch in (then, other))
            found[name] = left if left is right else self.same(ex.Conditional(test, left, right))
            if left is not right and len(targets) == 1:
                self.sites.append(Site(found[name], names, statement, None, target, block, certain=True))
        return found

    def _unknown(self, names: set[str]) -> Names:
        """Values of which nothing is known, for some names."""
        self._fresh += 1
        return {name: self.same(ex.Name(f"{name}#{self._fresh}")) for name in sorted(names)}


class _Reader:
    """Reads the expressions of a statement."""

    def __init__(self, values: Values, statement: ex.Statement, names: Names, block: tuple[int, ...]) -> None:
        self.values, self.statement, self.names, self.block = values, statement, names, block

    def read(self, node: ex.Expression, certain: bool = True) -> ex.Expression:
        """The value of an expression; its place and those of its parts are noted."""
        match node:
            case ex.Name(id=name):
                return self.names.get(name) or self.values.same(node)
            case ex.Conditional(test=test, then=then, orelse=orelse):
                parts = (self.read(test, certain), self.read(then, False), self.read(orelse, False))
                return self.values.same(ex.Conditional(*parts, kinds=node.kinds))
            case ex.Binary(operator="and" | "or", left=left, right=right):
                first, second = self.read(left, certain), self.read(right, False)
                return self.values.same(replace(node, left=first, right=second))
        found = ex.with_children(node, lambda part: self.read(part, certain))
        if isinstance(found, ex.Call) and found.origin:
            found = replace(found, origin=None)  # which is in other names
        value = self.values.same(found) if _is_pure(found) else found
        if isinstance(node, ex.Call | ex.Binary):
            self.values.sites.append(
                Site(value, self.names, self.statement, node, None, self.block, certain=certain and _is_pure(found))
            )
        return value


def _is_pure(node: ex.Expression) -> bool:
    """Whether an expression is a function of its operands."""
    if isinstance(node, ex.Apply):
        return False
    if not isinstance(node, ex.Call):
        return True
    if node.callee is None or node.callee.kind not in PURE or node.callee.updates:
        return False
    op = ops.called(node)
    return op is None or not (op.random or op.in_place or op.writes)


def _is_kept(name: ex.Name) -> bool:
    """Whether a name is that of a buffer."""
    return name.role is Role.BUFFER


def _key(value: object) -> object:
    """What tells a part of a tree from others: of a tree that is known, which one it is."""
    if isinstance(value, ex.Expression):
        return id(value)
    if isinstance(value, ex.Keyword):
        return (value.name, id(value.value))
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    return (type(value), value)
