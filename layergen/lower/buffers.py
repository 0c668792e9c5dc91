"""Where a forward that writes to buffers must copy what it reads of them.

A buffer is written in place, as torch.nn does it. Whatever was read of it before must not change with it: a name that
stands for the buffer's own memory, what autograd keeps for the way back, and what is returned. There a ``clone()`` is
put into the statements; the writer of the forward then need not know.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from layergen import ops
from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.kinds import Kind
from layergen.lang.tuples import wholes
from layergen.lang.visitor import parts, statements
from layergen.lower.gradients import constant, differentiable, is_detached, is_open, is_undifferentiable, leading
from layergen.lower.once import once
from layergen.lower.updates import is_update
from layergen.ops.traits import ALIASING, FORGETFUL
from layergen.resolve.conditions import NOTHING, Facts, about, exclude, facts
from layergen.resolve.inference import TENSOR, kinds_of
from layergen.resolve.program import Program
from layergen.resolve.updates import written

Change = Callable[[ex.Expression], ex.Expression]


@dataclass(frozen=True)
class Update:
    """Where a buffer is assigned: how many updates stand before it, and what is known there."""

    buffer: str
    order: int
    known: Facts
    loops: frozenset[Span]  # those that it stands in: it comes after all else in them, a turn later


@dataclass(frozen=True)
class Root:
    """A buffer in whose memory a value may lie, and what is known where it does."""

    buffer: str
    known: Facts


def copied(program: Program) -> tuple[ex.Statement, ...]:
    """The statements of a forward, with copies of buffers where they are needed."""
    if not program.buffers:
        return program.forward.statements
    return once(_Copies(program).block(program.forward.statements, NOTHING), program)


class _Copies:
    """Follows a forward once from top to bottom, and knows by then which names stand for a buffer's memory."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.changing = set(program.forward.assigned)
        self.order = 0
        self.loops: frozenset[Span] = frozenset()  # those around where the copies are put in
        self.updates = tuple(self.updates_in(program.forward.statements, NOTHING))
        self.read_until = dict(self.last_reads())
        self.order = 0
        self.roots = {name: frozenset({Root(name, NOTHING)}) for name in program.buffers}
        self.constant, self.leading = constant(program), leading(program)
        self.kept = tuple(self.kept_in(program.forward.statements, NOTHING))

    def inside(self, known: Facts, test: ex.Expression, holds: bool) -> Facts:
        return known | about(facts(test, holds), self.changing)

    def updates_in(
        self, block: Sequence[ex.Statement], known: Facts, loops: frozenset[Span] = frozenset()
    ) -> Iterator[Update]:
        """The updates of a block, counted in the order in which they are written."""
        for statement in block:
            match statement:
                case ex.If(test=test, body=body, orelse=orelse):
                    yield from self.updates_in(body, self.inside(known, test, True), loops)
                    yield from self.updates_in(orelse, self.inside(known, test, False), loops)
                case ex.For(body=body):
                    yield from self.updates_in(body, known, loops | {statement.span})
                case ex.Assign(targets=targets):
                    for target in targets:
                        if target.id in self.program.buffers:
                            self.order += 1
                            yield Update(target.id, self.order, known, loops)

    def last_reads(self) -> Iterator[tuple[str, int]]:
        """Each name that is read, and how many updates there are up to the end of a statement that reads it."""
        order = 0
        for statement in statements(self.program.forward.statements):
            order += sum(target.id in self.program.buffers for target in parts(statement).targets)
            yield from ((name, order) for part in parts(statement).expressions for name in ex.names(part))

    def kept_in(self, block: Sequence[ex.Statement], known: Facts) -> Iterator[tuple[str, Facts]]:
        """The names whose memory autograd may keep, each with what is known there."""
        for statement in block:
            if isinstance(statement, ex.If):
                yield from self.kept_in(statement.body, self.inside(known, statement.test, True))
                yield from self.kept_in(statement.orelse, self.inside(known, statement.test, False))
            elif isinstance(statement, ex.For):
                yield from self.kept_in(statement.body, known)
            elif isinstance(statement, ex.Append | ex.Assign) and self.is_on_the_way_back(statement):
                chains: list[ex.Expression] = []
                self.with_kept(statement.value, lambda chain, chains=chains: chains.append(chain) or chain)  # type: ignore[misc]
                yield from ((name.id, known) for chain in chains for name in _bases(chain))

    def is_on_the_way_back(self, statement: ex.Append | ex.Assign) -> bool:
        """Whether autograd comes by a statement: not by updates of buffers, nor by what these alone read."""
        names = (statement.list,) if isinstance(statement, ex.Append) else statement.targets
        return any(name.id in self.leading for name in names) and not is_update(statement, self.program.buffers)

    def block(self, block: Sequence[ex.Statement], known: Facts) -> tuple[ex.Statement, ...]:
        return tuple(self.statement(statement, known) for statement in block)

    def statement(self, statement: ex.Statement, known: Facts) -> ex.Statement:
        match statement:
            case ex.If(test=test, body=body, orelse=orelse):
                then = self.block(body, self.inside(known, test, True))
                return replace(statement, body=then, orelse=self.block(orelse, self.inside(known, test, False)))
            case ex.Assign(targets=(target,), value=value) if target.id in self.program.buffers:
                self.order += 1
                own = _at_top(value, lambda chain: _clone(chain) if target.id in self.buffers(chain) else chain)
                return replace(statement, value=own)
            case ex.Assign(targets=targets, value=value):
                names = {target.id for target in targets}
                found = replace(statement, value=self.given(value, names, known))
                self.order += len(names & set(self.program.buffers))
                return found
            case ex.Append(list=name, value=value):
                return replace(statement, value=self.given(value, {name.id}, known))
            case ex.For():
                return self.loop(statement, known)
            case _:
                return statement

    def loop(self, statement: ex.For, known: Facts) -> ex.Statement:
        """A loop, followed until no turn finds more names that stand for a buffer's memory than the last one."""
        around, self.loops = self.loops, self.loops | {statement.span}
        names = {target.id for target in statement.targets}
        iterable = self.run_over(statement.iterable, names, known)
        while True:
            order, roots = self.order, dict(self.roots)
            body = self.block(statement.body, known)
            if self.roots == roots:
                break
            self.order = order
        self.loops = around
        return replace(statement, iterable=iterable, body=body)

    def run_over(self, node: ex.Expression, names: set[str], known: Facts) -> ex.Expression:
        """What a loop runs over, in which what has to stay has become a copy."""
        if isinstance(node, ex.Call) and node.callee is not None and node.callee.kind is CalleeKind.ITERATION:
            return replace(node, arguments=tuple(self.run_over(part, names, known) for part in node.arguments))
        return self.given(node, names, known)

    def given(self, value: ex.Expression, names: set[str], known: Facts) -> ex.Expression:
        """A value that names are given, in which what has to stay as it is now has become a copy."""
        lying = set[Root]()

        def kept(chain: ex.Expression) -> ex.Expression:
            there = not names.isdisjoint(self.leading) and any(self.meeting(self.lies_in(chain), known))
            return _clone(chain) if there else chain

        def named(chain: ex.Expression) -> ex.Expression:
            roots = self.lies_in(chain)
            if roots and self.must_stay(names, roots, known):
                return _clone(chain)
            lying.update(Root(root.buffer, root.known | known) for root in roots)
            return chain

        value = _at_top(self.with_kept(value, kept), named)
        for name in names - set(self.program.buffers):
            self.roots[name] = self.roots.get(name, frozenset()) | lying
        return value

    def lies_in(self, chain: ex.Expression) -> frozenset[Root]:
        return frozenset[Root]().union(*(self.roots.get(name.id, frozenset()) for name in _bases(chain)))

    def buffers(self, chain: ex.Expression) -> set[str]:
        return {root.buffer for root in self.lies_in(chain)}

    def meeting(self, roots: frozenset[Root], known: Facts) -> Iterator[Update]:
        """The updates that write to some memory, in this run or, before the way back, in a later one."""
        for update in self.updates:
            if any(update.buffer == root.buffer and not exclude(update.known, known | root.known) for root in roots):
                yield update

    def must_stay(self, names: set[str], roots: frozenset[Root], known: Facts) -> bool:
        """Whether names that are given a buffer's memory must keep what is in it now."""
        if not names.isdisjoint({*wholes(self.program.outputs), *self.program.buffers}):
            return True
        met = tuple(self.meeting(roots, known))
        if any(self.reads_behind(names, update) or update.loops & self.loops for update in met):
            return True
        return any(name in names and not exclude(update.known, there) for name, there in self.kept for update in met)

    def reads_behind(self, names: set[str], update: Update) -> bool:
        """Whether names that are given values here may be read by an update that follows, or behind it."""
        read = bool(update.loops) or any(self.read_until.get(name, 0) >= update.order for name in names)
        return update.order > self.order and read

    def with_kept(self, node: ex.Expression, change: Change, kept: bool = False) -> ex.Expression:
        """An expression in which the operands that autograd may keep are changed.

        Args:
            node: The expression.
            change: What to make of such an operand.
            kept: Whether the expression is such an operand itself.
        """

        def inner(part: ex.Expression) -> ex.Expression:
            return self.with_kept(part, change, keeps)

        keeps = not differentiable(node) <= self.constant  # without a gradient there is no way back
        match node:
            case _ if is_undifferentiable(node) or (is_detached(node) and not any(True for _ in _bases(node))):
                return node
            case ex.Binary(operator="+" | "-") | ex.Unary():
                keeps = False
                return ex.with_children(node, inner)
            case ex.Binary():
                return ex.with_children(node, inner)
            case ex.Conditional(then=then, orelse=orelse):
                keeps = kept
                return replace(node, then=inner(then), orelse=inner(orelse))
            case ex.Sequence():
                keeps = kept
                return ex.with_children(node, inner)
            case ex.Call() | ex.Apply() if is_open(node):
                return ex.with_children(node, inner)
            case ex.Call() if statistics := [*written(node).values()]:  # which torch writes, and keeps as they are
                return ex.with_children(node, lambda part: part if _is_one_of(part, statistics) else inner(part))
            case ex.Call() if _chain(node) is None:
                op = ops.called(node)
                keeps = keeps and op is not None and op.name not in FORGETFUL
                return ex.with_children(node, inner)
            case ex.Subscript(value=value, index=index):
                found = replace(node, index=self.with_kept(index, change, keeps))
                if not any(True for _ in _bases(value)):
                    return replace(found, value=self.with_kept(value, change))
                return change(found) if kept else found
            case _ if any(True for _ in _bases(node)):
                return change(node) if kept else node
            case ex.Call(arguments=(first, *rest)):
                return replace(node, arguments=(self.with_kept(first, change, kept), *rest))
            case _:
                return ex.with_children(node, inner)


def _is_one_of(node: ex.Expression, others: Sequence[ex.Expression]) -> bool:
    return any(node is other for other in others)


def _chain(node: ex.Expression) -> ex.Expression | None:
    """What a value is a view of, or may be the very tensor of: its first operand."""
    match node:
        case ex.Subscript(value=value):
            return value
        case ex.Call(arguments=(first, *_)) | ex.Apply(arguments=(first, *_)):
            op = ops.called(node) if isinstance(node, ex.Call) else None
            return first if is_open(node) or (op is not None and op.name in ALIASING) else None
    return None


def _bases(node: ex.Expression) -> Iterator[ex.Name]:
    """The names in whose memory a value may lie."""
    match node:
        case ex.Name():
            yield node
        case ex.Conditional(then=then, orelse=orelse):
            yield from _bases(then)
            yield from _bases(orelse)
        case _:
            inner = _chain(node)
            if inner is not None:
                yield from _bases(inner)


def _at_top(node: ex.Expression, change: Change) -> ex.Expression:
    """A value that is changed where it may lie in a buffer: itself, branches of a condition, items of a tuple."""
    match node:
        case ex.Conditional(then=then, orelse=orelse):
            return replace(node, then=_at_top(then, change), orelse=_at_top(orelse, change))
        case ex.Sequence(items=items):
            return replace(node, items=tuple(_at_top(item, change) for item in items))
        case _:
            return change(node) if any(True for _ in _bases(node)) else node


def _clone(node: ex.Expression) -> ex.Expression:
    """A copy of a tensor; of several, which are parts of one, the parts of its copy."""
    if isinstance(node, ex.Call) and Kind.TENSORS in kinds_of(node):
        first, *rest = node.arguments
        return replace(node, arguments=(_clone(first), *rest))
    return ex.Call("clone", (node,), callee=Callee(CalleeKind.OP, "clone"), kinds=TENSOR, span=node.span)
