"""Coupling: a layer does the same where a size is 1."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from layergen.check.explain import HiddenCoupling
from layergen.check.search import consistent, values_of
from layergen.check.settings import Setting
from layergen.check.stage import Stage, Step, TrialFault
from layergen.check.trial import check_shapes
from layergen.diagnostics import Finding, Place
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec


def check_units(spec: LayerSpec, ways: list[Setting]) -> Iterator[Finding]:
    """Yield the sizes that change the outputs' rank or shape where they are 1."""
    for setting in ways:
        usual = Stage(spec, setting)
        usual.run(training=False)
        for name, changed in _with_units(spec, setting):
            stage = Stage(spec, changed)
            try:
                outputs = stage.run(training=False)
                mismatches = list(check_shapes(stage, outputs))
            except TrialFault:
                continue  # the size is too small for the layer, which is a precondition and said elsewhere
            if mismatches:
                yield _finding(spec, name, usual.steps, stage.steps, mismatches[0])
                return


def _with_units(spec: LayerSpec, setting: Setting) -> Iterator[tuple[str, Setting]]:
    """The setting with one size or integer argument after the other set to 1."""
    for name in setting.sizes:
        yield name, replace(setting, sizes={**setting.sizes, name: 1})
    for name, argument in spec.arguments.items():
        given = {**setting.given, name: 1}
        if argument.type == "int" and argument.choices is None and consistent(spec, given, set()):
            yield name, replace(setting, given=given, values=values_of(spec, given))


def _finding(spec: LayerSpec, name: str, usual: list[Step], unit: list[Step], mismatch: Finding) -> Finding:
    """The finding at the first statement whose result has another rank."""
    for before, after in zip(usual, unit, strict=False):
        if _rank(before.value) != _rank(after.value):
            culprit = _squeeze(spec, before.target)
            place = Place(("forward",), culprit.span if culprit else before.target.span)
            ranks = f"{_rank(after.value)} dimensions instead of {_rank(before.value)}"
            message = f"`{before.name}` has {ranks} where {name} == 1"
            help = "say which dimension goes: `squeeze(x, -1)`" if culprit else "name the dimensions that are meant"
            return HiddenCoupling.at(place, message, help=help)
    return HiddenCoupling.at(mismatch.place, f"where {name} == 1, {mismatch.message}", labels=mismatch.labels)


def _rank(value: Any) -> int:
    return value.dim() if isinstance(value, Tensor) else -1


def _squeeze(spec: LayerSpec, target: ex.Name) -> ex.Call | None:
    """The call of squeeze without a dimension in the statement that assigns a target."""
    for statement in spec.forward:
        if (
            isinstance(statement, ex.Assign)
            and target in statement.targets
            and target.span == statement.targets[0].span
        ):
            for node in ex.walk(statement.value):
                if isinstance(node, ex.Call) and node.function == "squeeze" and len(node.arguments) == 1:
                    return node
    return None
