"""Floored: no factor is a quotient of arguments that is rounded down to 0, and takes a part of the layer with it.

Where `alpha` is less than `r`, `alpha // r` is 0. What is multiplied by it is gone, and nothing tells. A setting at
which that is so is run twice: as it is, and with the quotient as it would be if it were not rounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.definition.scene import Definition
from layergen.diagnostics import FORWARD, Finding, Path, Place
from layergen.domains.limits import assigned, behind
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.kinds import Kind
from layergen.lang.visitor import nodes, sources
from layergen.probe.sites import CPU, SMALL
from layergen.probe.slopes import gradients
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Child, Made, Program
from layergen.rules.values import FlooredFactor
from layergen.run.forward import ForwardInterpreter, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import fill
from layergen.run.watching import Watcher
from layergen.settings.choice import Setting
from layergen.settings.search import values_of
from layergen.words import listed

TRIED = (1, 2, 3, 5, 9, 17, 33, 65)  # for the numbers of a quotient, in this order
IN_FLOAT64 = Placement(CPU, torch.float64, gradients=True)


@dataclass(frozen=True)
class Quotient:
    """A quotient of numbers alone, rounded down, and where it stands."""

    node: ex.Binary
    path: Path


class Decisions(Watcher[tuple[bool, ...]]):
    """Notes which ways were taken."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.taken: list[bool] = []

    def decided(self, test: ex.Expression, outcome: bool) -> None:
        self.taken.append(outcome)


class Unrounded(ForwardInterpreter):
    """Leaves one quotient as it is."""

    def __init__(self, node: ex.Binary | None, *given: Any) -> None:
        super().__init__(*given)
        self.node = node

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        return super().combine(ex.Binary("/", node.left, node.right) if node is self.node else node, left, right)


def check_floored(ways: Ways) -> Iterator[Finding]:
    """Yield the first quotient that is rounded down to 0, and without which no gradient comes to what it scales."""
    program = ways.program
    found = list(_factors(program))
    if not found or not all(seen.evidence for seen in ways.seen(SMALL)):
        return
    for quotient in found:
        for setting, name in _at_zero(program, ways.settings, quotient.node):
            lost = _lost(program, setting, quotient)
            if lost:
                yield _finding(program, quotient, setting, name, lost)
                return


FLOORED = Promise(check_floored, (SMALL,))


def _factors(program: Program) -> Iterator[Quotient]:
    """The quotients of numbers that have a part in what tensors are multiplied by, or that members are given."""
    factors: list[tuple[Path, ex.Expression]] = [
        (FORWARD, side)
        for node in nodes(program.forward.statements)
        for side in _scaling(program, node)
        if Kind.TENSOR not in kinds_of(side)
    ]
    factors += _handed(program)
    seen, names = set[int](), set[str]()
    while factors:
        path, factor = factors.pop()
        for node in ex.walk(factor):
            if isinstance(node, ex.Binary) and node.operator == "//" and id(node) not in seen:
                seen.add(id(node))
                yield Quotient(node, path)
            if isinstance(node, ex.Name) and node.id not in names:
                names.add(node.id)
                factors += [(FORWARD, source) for source in sources(program.forward.statements, node.id)]
                if node.id in program.derived:
                    factors.append((("derived", node.id), program.derived[node.id]))
                argument = program.arguments.get(node.id)
                if argument is not None and argument.default is not None and argument.type.fractional:
                    factors.append((("arguments", node.id, "default"), argument.default))


def _scaling(program: Program, node: ex.Node) -> tuple[ex.Expression, ...]:
    """What tensors may be multiplied by at a node: the sides of a product, and what a member is called with."""
    match node:
        case ex.Binary(operator="*", left=left, right=right):
            return left, right
        case ex.Call(function=function) if function in program.members:
            return *node.arguments, *(keyword.value for keyword in node.keywords)
    return ()


def _handed(program: Program) -> Iterator[tuple[Path, ex.Expression]]:
    """What the layers that a layer is made of are given for arguments that may be fractions."""
    for member in program.members.values():
        for made in member.made:
            if isinstance(made.of, Child):
                given = bound(made.of.constructor, made.call.arguments, {k.name: k.value for k in made.call.keywords})
                for name, argument in made.of.program.arguments.items():
                    if argument.type.fractional and isinstance(value := given.get(name), ex.Expression):
                        yield ("modules", member.name, "module"), value


def _at_zero(program: Program, settings: list[Setting], node: ex.Binary) -> Iterator[tuple[Setting, str]]:
    """Settings with one argument moved such that a quotient of positive numbers is rounded down to 0."""
    for setting in settings:
        for name in sorted(behind(program, node)):
            for number in TRIED:
                moved = assigned(program, setting, name, None, number)
                if moved is not None and _is_floored(moved, node):
                    yield moved, name
                    break


def _is_floored(setting: Setting, node: ex.Binary) -> bool:
    try:
        left, right = (Interpreter(setting.values).evaluate(side) for side in (node.left, node.right))
    except EvaluationFault:  # it is made of what the forward computes
        return False
    return type(left) is int and type(right) is int and 0 < left < right


def _lost(program: Program, setting: Setting, quotient: Quotient) -> list[str]:
    """What gets a gradient only where the quotient is left as it is, on the same way through the forward."""
    try:
        exact = _exact(program, quotient.node)
        beside = replace(setting, values=values_of(exact, setting.given))
        for training in program.modes:
            own, taken = _slopes(program, setting, training, None)
            other, also = _slopes(exact, beside, training, quotient.node)
            lost = [name for name in other if name not in own]
            if lost and taken == also:
                return lost
    except (TrialFault, EvaluationFault):  # a size or an index, which is whole
        pass
    return []


def _exact(program: Program, node: ex.Binary) -> Program:
    """The layer with a quotient as it is among derived values, defaults and what members are made with."""
    whole = ex.Binary("/", node.left, node.right)

    def unrounded(expression: ex.Expression) -> ex.Expression:
        return ex.transform(expression, lambda part: whole if part is node else None)

    def remade(made: Made) -> Made:
        call = unrounded(made.call)
        assert isinstance(call, ex.Call), "the call itself is no quotient"
        return replace(made, call=call)

    arguments = {
        name: part if part.default is None else part.model_copy(update={"default": unrounded(part.default)})
        for name, part in program.arguments.items()
    }
    members = {name: replace(member, made=tuple(map(remade, member.made))) for name, member in program.members.items()}
    derived = {name: unrounded(expression) for name, expression in program.derived.items()}
    return replace(program, arguments=arguments, derived=derived, members=members)


def _slopes(program: Program, setting: Setting, training: bool, node: ex.Binary | None) -> tuple[list[str], list[bool]]:
    """What gets a gradient that is not zero, and which ways were taken.

    Raises:
        TrialFault: If the layer does not run.
    """
    with drawn(gradients=True):
        instance = Instance(program, setting, IN_FLOAT64)
        fill(instance)
        decisions = Decisions(instance)
        run = instance.run(training, decisions, interpreter=lambda *given: Unrounded(node, *given))
        slopes = gradients(instance, run)
    return [name for name, slope in slopes.items() if slope.any()], decisions.taken


def _finding(program: Program, quotient: Quotient, setting: Setting, name: str, lost: list[str]) -> Finding:
    node, shown = quotient.node, ex.show(quotient.node)
    names = listed(f"`{one}`" for one in lost)
    message = f"`{shown}` is 0 where `{name}` is {setting.values[name]}, and no gradient comes to {names} there"
    exact = ex.show(ex.Binary("/", node.left, node.right))
    least = ex.show(ex.Compare(node.left, (">=",), (node.right,)))
    also = ", in the definition too" if program.definition is not None and shown in _told(program.definition) else ""
    help = f"write `{exact}`, which is not rounded{also}, or leave such numbers out by the constraint `{least}`"
    notes = Instance(program, setting).explainer.notes()
    return FlooredFactor.at(Place(quotient.path, node.span), message, notes=notes, help=help)


def _told(definition: Definition) -> frozenset[str]:
    """The quotients in a definition."""
    values = (one.value for several in definition.named.values() for one in several)
    return frozenset(ex.show(part) for value in values for part in ex.walk(value) if isinstance(part, ex.Binary))
