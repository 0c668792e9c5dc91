"""Statements that a layer runs, and what can be read off them."""

from dataclasses import dataclass
from functools import cached_property

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.visitor import assignments, calls, parts, reads, statements

ZEROED = ("dropout", "dropout_p")  # what some ops call the probability by which they zero something


@dataclass(frozen=True)
class Method:
    """Statements that a layer runs, and what can be read off them."""

    statements: tuple[ex.Statement, ...]

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that it reads."""
        return frozenset(node.id for node in reads(self.statements))

    @cached_property
    def targets(self) -> tuple[ex.Name, ...]:
        """The names that it assigns, where it does, in the order in which they are written."""
        return tuple(assignments(self.statements))

    @cached_property
    def assigned(self) -> frozenset[str]:
        """The names that it assigns."""
        return frozenset(target.id for target in self.targets)

    @cached_property
    def calls(self) -> tuple[ex.Call, ...]:
        """Its calls, in the order in which they are written."""
        return tuple(calls(self.statements))

    @cached_property
    def splices(self) -> bool:
        """Whether it makes lists with the leading dimensions in them."""
        expressions = (part for statement in statements(self.statements) for part in parts(statement).expressions)
        return any(ex.is_spliced(node) for expression in expressions for node in ex.walk(expression))

    @property
    def asks_mode(self) -> bool:
        """Whether it does something else in training than in evaluation."""
        return "training" in self.reads

    @cached_property
    def draws(self) -> bool:
        """Whether it draws random numbers in some mode."""
        return any(map(draws, self.calls))

    @cached_property
    def upcasts(self) -> bool:
        """Whether it changes dtypes itself, and so must bring them back."""
        return any(op.name == "upcast" for op in self.ops)

    @cached_property
    def ops(self) -> tuple[ops.Op, ...]:
        """The ops that it calls, one for each call."""
        found = (call.callee for call in self.calls)
        return tuple(ops.get(callee.name) for callee in found if callee and callee.kind is CalleeKind.OP)


def draws(call: ex.Call) -> bool:
    """Whether a call may draw random numbers; a recurrence or an attention does not whose dropout is 0."""
    op = ops.called(call)
    if op is None or not op.random:
        return False
    names = {parameter.name: ex.Literal(parameter.default) for parameter in op.signatures[0].positional}
    given = dict(zip(names, call.arguments, strict=False)) | {word.name: word.value for word in call.keywords}
    rate = next((name for name in ZEROED if name in names), None)
    return rate is None or {**names, **given}[rate] not in (ex.Literal(0.0), ex.Literal(0))
