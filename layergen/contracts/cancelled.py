"""Cancelled: no sum takes away again what was to bring it a gradient.

A straight-through estimate adds what has a gradient and takes it away where no gradient sees it, behind `detach`.
Without that word the two cancel out, in values and gradients: autograd is connected to everything, and gives zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.detached import IN_FLOAT64, SLOPES
from layergen.contracts.gradient import nodes, reachable
from layergen.contracts.promise import Promise
from layergen.contracts.steps import goes_in_steps
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.tensors import SURROGATE
from layergen.lang.visitor import expressions
from layergen.probe.probing import differs
from layergen.probe.sites import WITH_GRADIENTS
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.calls import CancelledGradient
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.on_data import draw_input, fill
from layergen.run.watching import BOTH, Runs, Seen, Watch, Watcher
from layergen.run.words import short

SIGNS = {"+": 1, "add": 1, "-": -1, "sub": -1, "subtract": -1}  # of what is added to the first operand
MOST = 64  # terms of a sum; one with more is taken for a term
DRAWS = 3
SPREAD = 3.0  # of other values, past many a step between two that are rounded
LONGEST = 80  # characters of an expression that is written again in a help


@dataclass(frozen=True)
class Term:
    """What is added, and where it is written first."""

    node: ex.Expression
    value: Tensor


@dataclass(frozen=True)
class Cancelled:
    """A sum in which a term is added and taken away again, with the others, which have no gradient by it."""

    node: ex.Expression
    term: Term
    left: tuple[Term, ...]


class SumWatch(Watcher[tuple[Cancelled, ...]]):
    """Follows sums through the names of a forward. Two terms are the same where they are one tensor."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.sums: dict[int, tuple[Tensor, Mapping[int, tuple[Term, int]]]] = {}
        self.found: list[Cancelled] = []

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        sign = SIGNS.get(node.operator if isinstance(node, ex.Binary) else node.function)
        if sign is None or not isinstance(value, Tensor) or not value.is_floating_point():
            return
        if isinstance(node, ex.Call) and (node.keywords or len(node.arguments) != 2):  # `alpha` scales the second
            return
        parts = (node.left, node.right) if isinstance(node, ex.Binary) else node.arguments
        counted: dict[int, tuple[Term, int]] = {}
        for part, operand, own in zip(parts, operands, (1, sign), strict=True):
            for key, (term, times) in self.terms(part, operand).items():
                counted[key] = (counted.get(key, (term, 0))[0], counted.get(key, (term, 0))[1] + own * times)
        left = {key: (term, times) for key, (term, times) in counted.items() if times}
        gone = [term for term, times in counted.values() if not times and term.value.requires_grad]
        self.found += [Cancelled(node, term, tuple(other for other, _ in left.values())) for term in gone]
        if len(left) <= MOST:
            self.sums[id(value)] = (value, left)

    def terms(self, node: ex.Expression, value: Any) -> Mapping[int, tuple[Term, int]]:
        """What a value is the sum of, each with how often it is added."""
        if not isinstance(value, Tensor):
            return {}
        _, found = self.sums.get(id(value), (None, None))
        return {id(value): (Term(node, value), 1)} if found is None else found

    def evidence(self, run: Run | None) -> tuple[Cancelled, ...]:
        return tuple(found for found in self.found if found.left)


def _leads(term: Term, tensor: Tensor) -> bool:
    """Whether a gradient of a term comes to a tensor, be it zero or not."""
    own = tensor.grad_fn
    return any(
        node is own if own is not None else getattr(node, "variable", None) is tensor for node in nodes([term.value])
    )


SUMS = Watch(WITH_GRADIENTS, BOTH, SumWatch)


def check_cancelled(ways: Ways) -> Iterator[Finding]:
    """Yield the first sum whose terms cancel out, so that no gradient reaches what its value depends on."""
    if not any(_takes_away(node) for node in expressions(ways.program.forward.statements)):
        return
    program = _open(ways.program)
    for runs in ways.runs:
        own = runs if program is ways.program else Runs(program, runs.setting, (SUMS,))
        for seen in own.seen(SUMS):
            for number, found in enumerate(seen.evidence):
                told = _flat(program, seen, number) if runs.admits(IN_FLOAT64) else None
                if told is not None:
                    yield _finding(program, found, told)
                    return


CANCELLED = Promise(check_cancelled, (SUMS, SLOPES))


def _takes_away(expression: ex.Expression) -> bool:
    for node in ex.walk(expression):
        name = node.operator if isinstance(node, ex.Binary) else node.function if isinstance(node, ex.Call) else ""
        if SIGNS.get(name) == -1:
            return True
    return False


def _open(program: Program) -> Program:
    """The same layer, all of whose floating inputs have gradients: a straight-through estimate is no derivative."""
    silent = {name: part for name, part in program.inputs.items() if part.floating and not part.gradient}
    told = {name: part.model_copy(update={"gradient": True}) for name, part in silent.items() if name in program.taken}
    return replace(program, inputs={**program.inputs, **told}) if told else program


@dataclass(frozen=True)
class Flat:
    """A term left of a sum that changes with what the cancelled one is made of, though no gradient says so.

    Attributes:
        term: What is left.
        names: The inputs and tensors of the layer that the cancelled one is made of.
        partly: Whether a gradient says a part of it: that of a scale, and not that of what is rounded.
    """

    term: Term
    names: frozenset[str]
    partly: bool


def _flat(program: Program, seen: Seen[tuple[Cancelled, ...]], number: int) -> Flat | None:
    """The first of the terms left of a sum that is one."""
    with drawn(gradients=True):
        try:
            instance = Instance(program, seen.instance.setting, IN_FLOAT64.placement)
            fill(instance)
            found = _again(instance, seen.training)
            behind = _leaves(instance, found[number].term.value)
            for index, term in enumerate(found[number].left):
                told, _ = reachable((term.value,))
                hidden = [name for name, leaf in behind.items() if id(leaf) not in told]
                where = Where(instance, seen.training, number, index)
                if hidden and _changes(where, hidden):
                    return Flat(term, frozenset(behind), partly=False)
                if _leads(term, found[number].term.value) and goes_in_steps(instance, where.value, tuple(behind)):
                    return Flat(term, frozenset(behind), partly=True)
        except (TrialFault, IndexError):  # with data it goes another way
            return None
    return None


def _again(instance: Instance, training: bool) -> tuple[Cancelled, ...]:
    watch = SumWatch(instance)
    with drawn(1, gradients=True):
        return watch.evidence(instance.run(training, watch))


def _leaves(instance: Instance, tensor: Tensor) -> Mapping[str, Tensor]:
    """The inputs and the layer's own tensors that a tensor is made of, as far as autograd knows."""
    known = {id(variable) for node in nodes((tensor,)) if (variable := getattr(node, "variable", None)) is not None}
    known.add(id(tensor))
    owned = {**instance.state, **instance.inputs}
    return {name: leaf for name, leaf in owned.items() if leaf is not None and id(leaf) in known}


@dataclass(frozen=True)
class Where:
    """A term that is left of a sum, in runs of an instance."""

    instance: Instance
    training: bool
    sum: int
    term: int

    def value(self) -> Tensor:
        return _again(self.instance, self.training)[self.sum].left[self.term].value


def _changes(where: Where, names: Sequence[str]) -> bool:
    """Whether a term changes with the values of some leaves."""
    instance, usual = where.instance, where.value()
    leaves = {name: leaf for name in names if (leaf := {**instance.state, **instance.inputs}[name]) is not None}
    kept = {name: leaf.detach().clone() for name, leaf in leaves.items()}
    ranges = dict(instance.ranges())
    for _ in range(DRAWS):
        with torch.no_grad():
            for name, leaf in leaves.items():
                draw_input(leaf, ranges.get(name))
                if name not in ranges:
                    leaf *= SPREAD
        if differs(usual.detach(), where.value().detach()):
            break
    else:
        return False
    with torch.no_grad():
        for name, leaf in leaves.items():
            leaf.copy_(kept[name])
    return True


def _finding(program: Program, found: Cancelled, flat: Flat) -> Finding:
    term, other = found.term.node, flat.term.node
    message = f"`{short(term)}` gets no gradient: it is added and taken away again, which leaves `{short(other)}`"
    if flat.partly:
        message = f"`{short(term)}` is added and taken away again, which leaves `{short(other)}`, and of the steps in "
        message += "which that changes with it no gradient tells"
    whole = ex.show(ex.Binary("+", term, ex.Call("detach", (ex.Binary("-", other, term),))))
    apt = len(found.left) == 1 and len(whole) <= LONGEST
    estimate = f"is `{whole}`" if apt else "detaches all that is not to have a gradient, as `x + detach(q - x)` does"
    said = SURROGATE if flat.names & program.inputs.keys() else "false"
    help = f"a straight-through estimate {estimate}, and declares `gradient: {said}`; where no gradient is meant, "
    help += f"leave `{short(term)}` out of the sum"
    return CancelledGradient.at(Place(FORWARD, found.node.span), message, help=help)
