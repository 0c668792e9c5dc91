"""Coupling: a layer does the same where a size is 1."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place, Span
from layergen.lang import expression as ex
from layergen.lang.argument_types import ArgumentType, Base
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.shapes import HiddenCoupling
from layergen.run.forward import Run, Step, TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import check_shapes
from layergen.run.watching import EVALUATION, WITHOUT_DATA, Watch, Watcher
from layergen.settings.choice import Setting, allowed
from layergen.settings.search import consistent, values_of

Squeezes = Mapping[Span, ex.Call]  # where calls do not say which dimensions go, and calls that do


def _with_units(program: Program, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with one size or integer argument after the other set to 1."""
    for name in setting.sizes:
        changed = replace(setting, sizes={**setting.sizes, name: 1})
        if allowed(program, changed):
            yield name, changed
    for name, argument in program.decided.items():
        given = {**setting.given, name: 1}
        if argument.type == ArgumentType(Base.INT) and argument.choices is None and consistent(program, given, set()):
            changed = replace(setting, given=given, values=values_of(program, given))
            if allowed(program, changed):
                yield name, changed


class SqueezeWatch(Watcher[Squeezes]):
    """Notes the calls of squeeze that do not say which dimensions go, with those that do."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.said: dict[Span, ex.Call] = {}

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        if node.function == "squeeze" and len(node.arguments) == 1 and not node.keywords:
            gone = [ex.Literal(index) for index, size in enumerate(arguments[0].shape) if size == 1]
            dim = gone[0] if len(gone) == 1 else ex.Sequence(tuple(gone), "[")
            self.said[node.span] = ex.Call(node.function, (*node.arguments, dim))

    def evidence(self, run: Run | None) -> Squeezes:
        return self.said


SQUEEZES = Watch(WITHOUT_DATA, EVALUATION, SqueezeWatch)


def check_units(ways: Ways) -> Iterator[Finding]:
    """Yield the first size that changes the outputs' rank or shape where it is 1."""
    for seen in ways.seen(SQUEEZES):
        for name, changed in _with_units(ways.program, seen.instance.setting):
            try:
                instance = Instance(ways.program, changed)
                run = instance.run(training=False)
                mismatches = list(check_shapes(instance, run))
            except TrialFault:
                continue  # the size is too small for the layer, which is a precondition and said elsewhere
            if mismatches:
                yield _finding(ways.program, name, seen.run.steps, run.steps, seen.evidence, mismatches[0])
                return


UNITS = Promise(check_units, (SQUEEZES,))


def _finding(
    program: Program, name: str, usual: Sequence[Step], unit: Sequence[Step], squeezes: Squeezes, mismatch: Finding
) -> Finding:
    """The finding at the first statement whose result has another rank."""
    for before, after in zip(usual, unit, strict=False):
        if _rank(before.value) != _rank(after.value):
            culprit = _squeeze(program, before.target)
            place = Place(FORWARD, culprit.span if culprit else before.target.span)
            rank = _rank(after.value)
            ranks = f"{rank} dimension{'s' * (rank != 1)} instead of {_rank(before.value)}"
            message = f"`{before.name}` has {ranks} where {name} == 1"
            said = squeezes.get(culprit.span) if culprit else None
            help = f"say which go: `{ex.show(said)}`" if said else "name the dimensions that are meant"
            if said and said.arguments[1] == ex.Sequence(()):
                help = f"write `{ex.show(said.arguments[0])}` alone: no dimension is 1 at all settings"
            return HiddenCoupling.at(place, message, help=help)
    return HiddenCoupling.at(mismatch.place, f"where {name} == 1, {mismatch.message}", labels=mismatch.labels)


def _rank(value: Any) -> int:
    return value.dim() if isinstance(value, Tensor) else -1


def _squeeze(program: Program, target: ex.Name) -> ex.Call | None:
    """The call of squeeze without a dimension in the statement that assigns a target."""
    for statement in program.forward.statements:
        if (
            isinstance(statement, ex.Assign)
            and target in statement.targets
            and target.span == statement.targets[0].span
        ):
            for node in ex.walk(statement.value):
                if isinstance(node, ex.Call) and node.function == "squeeze" and len(node.arguments) == 1:
                    return node
    return None
