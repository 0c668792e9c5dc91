"""The operands of conditions with `and` and `or`, and settings at which each decides alone.

A branch that is taken and left out once may do without some operand of its condition. As in modified condition/decision
coverage, each operand is to hold, and not to hold, where the condition comes to something else without it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from layergen.diagnostics import FORWARD, Path
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import expressions
from layergen.resolve.program import Program
from layergen.resolve.scope import SAID_OF_THE_LAYER
from layergen.settings.branches import Decision, Shadow, inside, looked
from layergen.settings.choice import Setting
from layergen.settings.reaching import Names, Reached, changed, changes_of

LOGICAL = ("and", "or")
NEAR = 100  # settings that are looked at beside one
MOST = 24  # operands that are looked at


@dataclass(frozen=True)
class Operand:
    """An operand of a condition."""

    path: Path
    test: ex.Expression
    condition: ex.Expression

    def decides(self, outcome: bool) -> Decision:
        """That it decides alone by what it comes to."""
        return (self.path, self.test.span), outcome


class Weighing(Shadow):
    """Notes which operands decide a condition alone: it would come to something else if they did."""

    def __init__(self, values: Any) -> None:
        super().__init__(values)
        self.alone = set[Decision]()
        self.within = False  # of a condition of which this is noted

    def binary(self, node: ex.Binary) -> Any:
        if node.operator not in LOGICAL or self.within:
            return super().binary(node)
        self.within = True
        try:
            self.alone.update(((self.path, test.span), outcome) for test, outcome in self.deciding(node))
            return super().binary(node)
        finally:
            self.within = False

    def deciding(self, node: ex.Expression) -> Iterator[tuple[ex.Expression, bool]]:
        """The operands that decide alone, and what they come to."""
        parts = operands_of(node)
        if not parts:
            self.within = False  # but of conditions in what an operand is computed of
            outcome = self.told(node)
            self.within = True
            if outcome is not None:
                yield node, outcome
        for index, part in enumerate(parts):
            others = (*parts[:index], *parts[index + 1 :])
            if all(self.told(other) is neutral(node) for other in others):
                yield from self.deciding(part)

    def told(self, node: ex.Expression) -> bool | None:
        """What an operand comes to; None where that is known with tensors alone, or it cannot be asked."""
        try:
            return self.truth(node)
        except EvaluationFault:
            return None


def operands_of(node: ex.Expression) -> tuple[ex.Expression, ...]:
    """What a condition is made of; nothing if it is one comparison, name or call."""
    if isinstance(node, ex.Unary) and node.operator == "not":
        return (node.operand,)
    return (node.left, node.right) if isinstance(node, ex.Binary) and node.operator in LOGICAL else ()


def neutral(node: ex.Expression) -> bool:
    """What the other operands come to where one of them decides."""
    return isinstance(node, ex.Binary) and node.operator == "and"


def operands(program: Program) -> Iterator[Operand]:
    """The operands of all conditions that a layer computes, in the order in which they are written."""
    for part in program.scoped:
        if part.path[0] not in SAID_OF_THE_LAYER:
            yield from _in_expression(part.path, part.expression)
    for expression in expressions(program.forward.statements):
        yield from _in_expression(FORWARD, expression)


def _in_expression(path: Path, node: ex.Node) -> Iterator[Operand]:
    if isinstance(node, ex.Binary) and node.operator in LOGICAL:
        yield from (Operand(path, leaf, node) for leaf in _leaves(node))
    for child in node.children:
        yield from _in_expression(path, child)


def _leaves(node: ex.Expression) -> Iterator[ex.Expression]:
    found = operands_of(node)
    for part in found:
        yield from _leaves(part)
    if not found:
        yield node


def weighed(program: Program, setting: Setting) -> set[Decision]:
    """The operands that decide alone at a setting, and by what they come to."""
    shadows = (looked(program, setting, Weighing), *inside(program, setting, Weighing))
    return set[Decision]().union(*(shadow.alone for shadow in shadows))


def crossing(program: Program, made: Sequence[Setting]) -> Iterator[Setting]:
    """Settings at which operands decide alone that do so at none of those there are, as far as they can be found.

    Args:
        program: The layer.
        made: The settings that there are, the base first.
    """
    found = list(islice({(part.path, part.test.span): part for part in operands(program)}.values(), MOST))
    if not found:
        return
    names = Names({setting.name for setting in made})
    seen = [(setting, weighed(program, setting)) for setting in made]
    for operand, outcome in product(found, (True, False)):
        if not any(operand.decides(outcome) in alone for _, alone in seen):
            crossed = next(_crossed(program, seen, operand, outcome), None)
            if crossed is not None:
                seen.append((names.named(crossed), weighed(program, crossed)))
                yield seen[-1][0]


def _crossed(
    program: Program, seen: Sequence[tuple[Setting, set[Decision]]], operand: Operand, outcome: bool
) -> Iterator[Setting]:
    """Settings at which an operand decides by an outcome, beside those at which it does by the other one."""
    partners = [setting for setting, alone in seen if operand.decides(not outcome) in alone]
    for partner in partners:
        for changes in islice(changes_of(program, partner, [operand.test]), NEAR):
            setting = changed(program, partner, changes)
            if setting is None or not Reached(setting, changes).modest:
                continue
            if operand.decides(outcome) in weighed(program, setting):
                yield setting
