"""The branches and conditional values of a layer, and which of them a setting takes.

What a condition comes to is known before any tensor is: a `Shadow` runs a forward with tensors of which it knows
nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from layergen.diagnostics import FORWARD, Path, Place, Span
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.interpreter import EvaluationFault, Interpreter, scalar_call
from layergen.lang.model import Buffer, Parameter
from layergen.lang.scalars import NUMBERS, SCALARS
from layergen.lang.tuples import spread, wholes
from layergen.lang.visitor import Block, parts, statements
from layergen.resolve.program import Member, Program
from layergen.resolve.scope import CONSTANTS, SAID_OF_THE_LAYER, Scoped
from layergen.settings.choice import Setting
from layergen.settings.search import given_values

Test = tuple[Path, Span]  # a condition, by where it stands
Decision = tuple[Test, bool]  # what it came to


@dataclass(frozen=True)
class Branching:
    """A condition that decides about a branch, about a value, or about whether there is a tensor."""

    path: Path
    test: ex.Expression
    around: tuple[Decision, ...] = ()  # what must have been decided for the condition to be asked
    tensor: str | None = None  # the parameter or buffer that there is where it holds
    learned: str | None = None  # the parameter that is not frozen where it holds
    branch: bool = False  # whether statements depend on it
    otherwise: bool = True  # whether something is computed where it does not hold

    @property
    def key(self) -> Test:
        return self.path, self.test.span

    @property
    def place(self) -> Place:
        return Place(self.path, self.test.span)


def branchings(program: Program) -> Iterator[Branching]:
    """All of a layer, in the order in which they are written."""
    for part in program.scoped:
        if part.path[0] in SAID_OF_THE_LAYER:
            continue
        if part.path[0] == "causal" or (part.path[0] == "outputs" and part.path[-1] == "when"):
            yield Branching(part.path, part.expression, branch=True, otherwise=False)
        elif part.path[-1] == "when":
            yield Branching(part.path, part.expression, tensor=str(part.path[1]))
        if part.path[-1] == "requires_grad" and not isinstance(part.expression, ex.Literal):
            yield Branching(part.path, part.expression, learned=str(part.path[1]))
        yield from _in_expression(part.path, part.expression, ())
    yield from _in_block(program.forward.statements, ())


def _in_block(block: Block, around: tuple[Decision, ...]) -> Iterator[Branching]:
    for statement in block:
        for expression in parts(statement).expressions:
            yield from _in_expression(FORWARD, expression, around)
        if isinstance(statement, ex.If):
            test = statement.test
            yield Branching(FORWARD, test, around, branch=True, otherwise=bool(statement.orelse))
            yield from _in_block(statement.body, (*around, ((FORWARD, test.span), True)))
            yield from _in_block(statement.orelse, (*around, ((FORWARD, test.span), False)))
        else:
            for inner in parts(statement).blocks:
                yield from _in_block(inner, around)


def _in_expression(path: Path, expression: ex.Node, around: tuple[Decision, ...]) -> Iterator[Branching]:
    if isinstance(expression, ex.Conditional):
        key = (path, expression.test.span)
        yield Branching(path, expression.test, around)
        yield from _in_expression(path, expression.test, around)
        yield from _in_expression(path, expression.then, (*around, (key, True)))
        yield from _in_expression(path, expression.orelse, (*around, (key, False)))
        return
    for child in expression.children:
        yield from _in_expression(path, child, around)


def loops(program: Program) -> Iterator[Branching]:
    """The loops of the forward, each by what it runs over: whether it takes a turn."""
    for statement in statements(program.forward.statements):
        if isinstance(statement, ex.For):
            yield Branching(FORWARD, statement.iterable, otherwise=False)


class Unknown:
    """A value of which nothing is known but that it is there."""


UNKNOWN = Unknown()


class Shadow(Interpreter):
    """Runs what can be run without tensors, and notes what its conditions come to."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        constants = {**dict.fromkeys(CONSTANTS, UNKNOWN), **NUMBERS}
        super().__init__({**constants, **values})
        self.decisions: set[Decision] = set()
        self.leanings: set[Decision] = set()  # whether the first of two is more, where one of them is asked for
        self.turned: set[Decision] = set()  # whether a loop takes a turn; that it ends is so of each that is met
        self.path: Path = FORWARD

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        known = not any(value is UNKNOWN for value in (*arguments, *keywords.values()))
        is_op = node.callee is not None and node.callee.kind in (CalleeKind.OP, CalleeKind.FUNCTION)
        if known and is_choice(node) and arguments[0] != arguments[1]:
            self.leanings.add(((self.path, node.span), arguments[0] > arguments[1]))
        return scalar_call(node, arguments, keywords) if known and not is_op and node.function in SCALARS else UNKNOWN

    def valueless(self, node: ex.Expression) -> Any:
        return UNKNOWN if isinstance(node, ex.Apply | ex.Member | ex.Comprehension) else super().valueless(node)

    def guarded(self, node: ex.Node, function: Any, *operands: Any) -> Any:
        if UNKNOWN in operands and getattr(function, "__name__", "") not in ("is_", "is_not"):
            if function is bool:
                raise EvaluationFault(node, "this is known with tensors alone")
            return UNKNOWN
        return super().guarded(node, function, *operands)

    def bind(self, whole: ex.Node, targets: tuple[ex.Name, ...], value: Any, source: ex.Expression) -> None:
        several = [UNKNOWN] * len(targets) if value is UNKNOWN and len(targets) > 1 else value
        super().bind(whole, targets, several, source)

    def items(self, node: ex.Expression) -> list[Any]:
        try:
            return super().items(node)
        except EvaluationFault:
            return [UNKNOWN]  # one turn shows what every turn decides without the tensors

    def take_turns(self, statement: ex.For, items: list[Any]) -> None:
        key = (self.path, statement.iterable.span)
        self.turned |= {(key, False), (key, bool(items))}
        super().take_turns(statement, items)

    def decide(self, test: ex.Expression) -> bool:
        outcome = super().decide(test)
        self.decisions.add(((self.path, test.span), outcome))
        return outcome

    def look(self, part: Scoped) -> None:
        """Compute an expression outside the forward; what cannot be computed is said elsewhere."""
        self.path = part.path
        with suppress(EvaluationFault):
            if part.path[-1] in ("when", "requires_grad", "strict"):
                self.decide(part.expression)
            else:
                self.evaluate(part.expression)


Noting = TypeVar("Noting", bound=Shadow)


def outside(program: Program, setting: Setting) -> set[Decision]:
    """What the conditions outside the forward come to at a setting."""
    return looked(program, setting, Shadow).decisions


def leanings(program: Program, setting: Setting) -> set[Decision]:
    """Whether the first is more of two numbers, where the greater or the lesser is asked for, outside the forward."""
    return looked(program, setting, Shadow).leanings


def choices(program: Program) -> Iterator[Branching]:
    """The calls that ask for the greater or the lesser of two numbers, outside the forward."""
    for part in program.scoped:
        if part.path[0] in ("derived", "arguments"):
            for node in ex.walk(part.expression):
                if isinstance(node, ex.Call) and is_choice(node):
                    yield Branching(part.path, node)


def is_choice(node: ex.Call) -> bool:
    """Whether a call asks for the greater or the lesser of two numbers."""
    scalar = node.callee is not None and node.callee.kind is CalleeKind.SCALAR
    return scalar and node.function in ("min", "max") and len(node.arguments) == 2


def looked(program: Program, setting: Setting, kind: type[Noting]) -> Noting:
    """What is seen of all expressions outside the forward."""
    shadow = kind({**setting.names, **given_values(program, setting.given)})
    without = {name for name, value in _tensors(program, setting).items() if value is None}
    for part in program.scoped:
        section, name = part.path[0], part.path[1] if len(part.path) > 1 else ""
        given = section in ("arguments", "inputs") and part.path[-1] == "default" and name in setting.given
        optional = section in ("parameters", "buffers", "modules", "inputs") and part.path[-1] != "when"
        missing = optional and name in without
        if section not in SAID_OF_THE_LAYER and not given and not missing:
            shadow.look(part)
        if section == "derived":  # now in the place of an argument of its name
            shadow.values[str(name)] = setting.names.get(str(name))
    return shadow


def foreseen(program: Program, setting: Setting) -> set[Decision]:
    """What all conditions would come to at a setting, as far as that can be told without tensors."""
    return outside(program, setting).union(*(shadow.decisions for shadow in inside(program, setting, Shadow)))


def is_foreseen(program: Program, setting: Setting, decision: Decision) -> bool:
    """Whether a condition would come to an outcome at a setting, in training or in evaluation."""
    (path, _), _ = decision
    found = inside(program, setting, Shadow) if path == FORWARD else iter((looked(program, setting, Shadow),))
    return any(decision in shadow.decisions for shadow in found)


def inside(program: Program, setting: Setting, kind: type[Noting]) -> Iterator[Noting]:
    """What is seen of the forward, mode by mode."""
    for training in program.modes:
        shadow = kind({**setting.names, **_tensors(program, setting), "training": training})
        with suppress(EvaluationFault):
            shadow.run(program.forward.statements)
        yield shadow


def turned(program: Program, setting: Setting) -> set[Decision]:
    """Which loops are met at a setting, and which of them take a turn, as far as that can be told without tensors."""
    return set[Decision]().union(*(shadow.turned for shadow in inside(program, setting, Shadow)))


def way(program: Program, setting: Setting) -> frozenset[Decision] | None:
    """What tells the way that a setting takes from others; None where there is but one.

    That is what all conditions come to, and the loops that take no turn.
    """
    met = turned(program, setting) if any(loops(program)) else set[Decision]()
    passed = {(key, False) for key, taken in met if not taken and (key, True) not in met}
    if any(branchings(program)):
        return frozenset(foreseen(program, setting) | passed)
    return frozenset(passed) or None


def _tensors(program: Program, setting: Setting) -> dict[str, Any]:
    """What stands for the tensors that there are; None for the others."""
    found: dict[str, Any] = {
        name: None if setting.absent.intersection(spread([name], program.tuples)) else UNKNOWN
        for name in wholes(program.inputs)
    }
    parts: Mapping[str, Parameter | Buffer | Member] = {**program.tensors, **program.members}
    for name, part in parts.items():
        try:
            there = part.when is None or Interpreter(setting.values).truth(part.when)
        except EvaluationFault:
            there = True
        found[name] = _present(part, setting) if there else None
    return found


def _present(part: Parameter | Buffer | Member, setting: Setting) -> Any:
    """What stands for a tensor or a member that there is: for a list, as many members as are in it."""
    match part:
        case Member(constructor=ex.Comprehension(iterable=iterable)):
            try:
                return [UNKNOWN] * len(Interpreter(setting.values).items(iterable))
            except EvaluationFault:
                return UNKNOWN
        case Member(constructor=ex.Sequence(items=items)):
            return [UNKNOWN] * len(items)
    return UNKNOWN
