"""Runs the loops of a forward whose count is a formula: by induction, one turn standing for all.

The turn is taken at a symbol for the index, with an item that is like every other. What it leaves must be such as it
began with: then every further turn does what this one did. Lists that it makes longer have, after the loop, as many
items more as there are turns.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from layergen.diagnostics import Label, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.tuples import wholes
from layergen.lang.visitor import Block, reads, statements
from layergen.ops.dtypes import dtype_name
from layergen.prove.abstract_run import AbstractRun, Size
from layergen.prove.algebra import Congruence, agree
from layergen.prove.formula import shown
from layergen.prove.joins import joined
from layergen.resolve.loops import reads_first
from layergen.rules.loops import ChangingState
from layergen.run.endless import Endless, Growing, Unproven, alike, grown
from layergen.run.forward import ForwardInterpreter, TrialFault

PATH = ("forward",)
DIM = 1  # the argument of `unbind` that says along which dimension


@dataclass
class Induction:
    """What is known of the loops of a run at symbols.

    Args:
        run: The symbols.
        repeated: Makes what is counted inside count as often; None where nothing is counted.
        known: What the constraints say of remainders.
    """

    run: AbstractRun
    repeated: Callable[[Size], AbstractContextManager[object]] | None = None
    known: Sequence[Congruence] = ()
    counts: list[str] = field(default_factory=list)  # of the loops that were proven at once
    reason: str | None = None  # why a loop cannot be


@dataclass(frozen=True)
class Iteration:
    """What a loop runs over: how many items, and the one of an index."""

    count: Size
    item: Callable[[Any], Any]


class Inductive(ForwardInterpreter):
    """Runs a forward at symbols. Loops over a number of items are unrolled, all others proven by induction."""

    def __init__(self, *arguments: Any, induction: Induction) -> None:
        super().__init__(*arguments)
        self.induction = induction
        self.by_turn: frozenset[str] = frozenset()  # the names of numbers that differ from turn to turn
        self.around: list[ex.For] = []  # the loops that the interpreter is in
        self.forward: Sequence[ex.Statement] = ()

    def run(self, statements: Block) -> None:
        self.forward = statements
        super().run(statements)

    # Loops

    def loop(self, statement: ex.For) -> None:
        iteration = self.iteration(statement.iterable)
        if isinstance(iteration.count, torch.SymInt):
            self.induct(statement, iteration, iteration.count)
        else:
            self.take_turns(statement, [iteration.item(index) for index in range(iteration.count)])

    def induct(self, statement: ex.For, iteration: Iteration, count: torch.SymInt) -> None:
        """Take one turn that stands for all; where costs are counted, a second one for all but the first."""
        # What is asked in a turn follows from there being one: whether there is, is asked before, and judged elsewhere.
        if not self.guarded(statement.iterable, lambda: bool(count >= 1)):
            return
        before, outside = dict(self.values), self.by_turn
        run = self.induction.run
        index = run.index(statement.targets[0].id, count)
        lists = {part.list.id for part in statements(statement.body) if isinstance(part, ex.Append)}
        self.around.append(statement)
        growing = {name: Growing() for name in lists if name in before}
        self.refuse_aliases(before, lists)
        self.values.update(growing)
        self.turn(statement, iteration, index)
        added = {name: tuple(list.runs) for name, list in growing.items()}
        self.check_carried(statement, before)
        if self.induction.repeated is not None:
            with self.induction.repeated(count - 1):
                self.turn(statement, iteration, index)
        self.around.pop()
        for name, runs in added.items():
            old = before[name]
            self.refuse_aliases(self.values, {name})
            if self.values[name] is not growing[name]:
                continue  # the loop begins another list of this name
            if isinstance(old, Growing):  # that of a loop around this one
                old.runs += [(count * times, item) for times, item in runs]
                self.values[name] = old
            else:
                self.values[name] = grown(old, count, runs)
        self.by_turn = outside
        self.induction.counts.append(shown(run.formula(count)))

    def turn(self, statement: ex.For, iteration: Iteration, index: torch.SymInt) -> None:
        """Take one turn."""
        item = iteration.item(index)
        parts = item if isinstance(item, tuple) and len(statement.targets) > 1 else [item] * len(statement.targets)
        numbers = {
            target.id
            for target, part in zip(statement.targets, parts, strict=False)
            if not isinstance(part, Tensor) and self.induction.run.follows_turn(part)
        }
        self.by_turn |= numbers
        self.bind(statement.iterable, statement.targets, item, statement.iterable)
        self.block(statement.body)

    def refuse_aliases(self, values: Mapping[str, Any], lists: set[str]) -> None:
        """A list that grows under one name must not have another."""
        for name in lists & values.keys():
            if any(other is values[name] for key, other in values.items() if key != name):
                raise self.unproven(None, f"the list `{name}`, which grows in a loop, has another name too")

    def check_carried(self, statement: ex.For, before: dict[str, Any]) -> None:
        """What a turn leaves is such as it began with.

        Raises:
            TrialFault: If a tensor has another shape or dtype.
        """
        for carried in statement.carried:
            name = carried.name.id
            old, new = before.get(name), self.values[name]
            if name == "_" or isinstance(new, Growing) or self.keeps(old, new) or not self.is_carried(statement, name):
                continue
            if isinstance(old, Tensor) or isinstance(new, Tensor):
                raise TrialFault(self.changed(carried.name, statement, old, new))
            raise self.unproven(carried.name, f"`{name}` is another number at each turn of the loop")

    def keeps(self, old: Any, new: Any) -> bool:
        """Whether a value is such as it was: by its formulas, or by what constraints say of these."""
        if alike(old, new) or not isinstance(old, Tensor) or not isinstance(new, Tensor):
            return alike(old, new)
        run, known = self.induction.run, self.induction.known
        pairs = zip(old.shape, new.shape, strict=False)
        equal = old.dtype == new.dtype and old.dim() == new.dim()
        return equal and all(agree(run.formula(was), run.formula(now), known) for was, now in pairs)

    def is_carried(self, statement: ex.For, name: str) -> bool:
        """Whether somebody reads what a turn leaves: another turn, or what comes after the loop."""
        targets = {target.id for target in statement.targets}
        if name not in targets and reads_first(statement.body, name):
            return True
        start, end = statement.span
        first = self.around[0].span[0] if len(self.around) > 1 else end
        later = (node for node in reads(self.forward) if node.id == name and node.span[0] >= first)
        outputs = self.explainer.program.outputs
        return name in wholes(outputs) or any(not start <= node.span[0] < end for node in later)

    def changed(self, target: ex.Name, statement: ex.For, old: Any, new: Any) -> Any:
        """The finding for a value that changes from turn to turn."""
        show, name = self.explainer.shown, target.id
        place, loop = Place(PATH, target.span), Label(Place(PATH, statement.iterable.span), "over this")
        if not isinstance(old, Tensor) or not isinstance(new, Tensor):
            message = f"`{name}` is {show(old)} before the loop, and {show(new)} after a turn of it"
            help = f"begin with a tensor of the shape that it keeps: `{name} = zeros(…)`"
        elif alike(old, new.to(old.dtype)):
            was, now = dtype_name(old.dtype), dtype_name(new.dtype)
            message = f"`{name}` is {was} before the loop, and {now} after a turn of it"
            begin = f"begin in the dtype that it keeps, with `dtype={now}`"
            if new.dtype is torch.get_default_dtype():  # at symbols, that of the inputs, whatever it is in a run
                begin = "begin in the dtype of the inputs, which `zeros(…)` has without a `dtype`"
            help = f"{begin}, or bring it back: `type_as(…, {name})`"
        else:
            message = f"`{name}` is {show(old)} before the loop, and {show(new)} after a turn of it"
            help = f"begin with the shape that it keeps: `{name} = zeros({show(new)})`"
            help += "; what is to grow goes into a list, by `append`, and is joined after the loop"
        return ChangingState.at(place, message, labels=[loop], notes=self.explainer.notes(), help=help)

    # What loops run over

    def iteration(self, node: ex.Expression) -> Iteration:
        """What a loop over an expression runs over, computed once."""
        match node:
            case ex.Call(function="range", arguments=(_, *_) as bounds, keywords=()):
                return self.range(node, [self.evaluate(bound) for bound in bounds])
            case ex.Call(function="enumerate", arguments=(inner,), keywords=()):
                found = self.iteration(inner)
                return Iteration(found.count, lambda index: (index, found.item(index)))
            case ex.Call(function="reversed", arguments=(inner,), keywords=()):
                found = self.iteration(inner)
                return Iteration(found.count, lambda index: found.item(found.count - 1 - index))
            case ex.Call(function="zip", arguments=(_, *_) as inners, keywords=()):
                columns = [self.iteration(inner) for inner in inners]
                first = columns[0].count
                for column in columns[1:]:
                    if not self.guarded(node, lambda one=first, other=column.count: bool(one == other)):
                        lengths = " and ".join(self.explainer.text(column.count) for column in columns)
                        raise EvaluationFault(node, f"the lists have {lengths} items")
                return Iteration(first, lambda index: tuple(column.item(index) for column in columns))
        value = self.evaluate(node)
        if isinstance(value, Growing):
            raise self.unproven(node, "a list is run over while it grows")
        if isinstance(value, Endless):
            return Iteration(value.length, lambda _: self.guarded(node, value.item))
        if not isinstance(value, list | tuple):
            raise EvaluationFault(node, "this is no list to run over")
        if isinstance(value, list):
            self.run_over.append(value)
        return Iteration(len(value), lambda index: value[index])

    def range(self, node: ex.Call, bounds: list[Any]) -> Iteration:
        if not any(isinstance(bound, torch.SymInt) for bound in bounds):
            numbers = self.guarded(node, range, *bounds)
            return Iteration(len(numbers), lambda index: numbers[index])
        start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
        if not isinstance(step, int) or step == 0:
            raise self.unproven(node, "a range has a step that is no number")
        distance = stop - start if step > 0 else start - stop
        count = distance if abs(step) == 1 else (distance + abs(step) - 1) // abs(step)
        return Iteration(count, lambda index: start + index * step)

    # What is done with lists and numbers

    def append(self, statement: ex.Append) -> None:
        items = self.evaluate(statement.list)
        if isinstance(items, Growing):
            items.runs.append((1, self.evaluate(statement.value)))
        elif isinstance(items, Endless):
            self.refuse_aliases(self.values, {statement.list.id})
            self.values[statement.list.id] = items.longer(self.evaluate(statement.value))
        else:
            super().append(statement)

    def assign(self, statement: ex.Assign) -> None:
        super().assign(statement)
        if ex.names(statement.value) & self.by_turn:
            numbers = {
                target.id for target in statement.targets if not isinstance(self.values[target.id], Tensor | Endless)
            }
            self.by_turn |= numbers

    def bind(self, whole: ex.Node, targets: tuple[ex.Name, ...], value: Any, source: ex.Expression) -> None:
        several = len(targets) > 1
        if several and isinstance(value, Growing):
            raise self.unproven(source, "a list is taken apart while it grows")
        super().bind(whole, targets, self.parts(whole, value, len(targets)) if several else value, source)

    def parts(self, whole: ex.Node, value: Any, number: int) -> Any:
        """The items of a list that is taken apart, of which there have to be so many.

        Raises:
            EvaluationFault: If there are not.
        """
        if not isinstance(value, Endless):
            return value
        run, length = self.induction.run, value.length
        equal = agree(run.formula(length), run.formula(number), self.induction.known)
        if not equal and not self.guarded(whole, lambda: bool(length == number)):
            raise EvaluationFault(whole, f"{number} names for `{self.explainer.text(length)}` values")
        return [self.guarded(whole, value.item)] * number

    def decide(self, test: ex.Expression) -> bool:
        if ex.names(test) & self.by_turn:
            raise self.unproven(test, f"the condition `{ex.show(test)}` depends on the turn of the loop")
        return super().decide(test)

    def pick(self, node: ex.Subscript, value: Any, index: Any) -> Any:
        return super().pick(node, value, self.settled(node, value, index) if isinstance(value, Tensor) else index)

    def settled(self, node: ex.Subscript, value: Tensor, index: Any) -> Any:
        """An index in which what differs from turn to turn has become 0, which leaves the same shape."""
        parts = index if isinstance(index, tuple) else (index,)
        if not any(self.induction.run.follows_turn(part) for part in parts):
            return index
        found, dim = [], 0
        for part in parts:
            if part is Ellipsis:
                dim = value.dim() - sum(other is not None for other in parts[parts.index(part) + 1 :])
                found.append(part)
                continue
            if self.induction.run.follows_turn(part):
                self.check_index(node, part, value.shape[dim])
                part = 0
            dim += part is not None
            found.append(part)
        return tuple(found)

    def check_index(self, node: ex.Subscript, index: torch.SymInt, size: Size) -> None:
        """Have it noted as a question of torch's that an index is below the size of its dimension."""
        if not self.guarded(node, lambda: bool(index < size) and bool(index >= -size)):
            raise EvaluationFault(node, "the index is out of bounds")

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        given = (*arguments, *keywords.values())
        if any(isinstance(part, Endless | Growing) for part in given):
            return joined(node.function, arguments, keywords)
        if node.function == "unbind" and isinstance(given[0], Tensor):
            tensor, dim = given[0], (*given, 0)[DIM]
            if type(dim) is int and -tensor.dim() <= dim < tensor.dim():
                count = tensor.shape[dim]
                if isinstance(count, torch.SymInt):
                    for observer in self.observers:
                        observer.called(node, arguments, keywords)
                    return Endless(((count, tensor.select(dim, 0)),))
        return super().call(node, arguments, keywords)

    def guarded(self, node: ex.Node, function: Callable[..., Any], *operands: Any) -> Any:
        def noted(*values: Any) -> Any:
            try:
                return function(*values)
            except Unproven as unproven:
                self.induction.reason = self.induction.reason or str(unproven)
                raise

        return super().guarded(node, noted, *operands)

    def unproven(self, node: ex.Node | None, reason: str) -> EvaluationFault:
        """The end of a run whose loops cannot be proven at once."""
        self.induction.reason = self.induction.reason or reason
        return EvaluationFault(node or ex.Literal(None), reason)
