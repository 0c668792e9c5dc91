"""Dtype: a bound that keeps values away from a number is not that number in the dtype in which it bounds them.

`1 - 1e-8` is 1 in float32. Whether that matters is measured: what is bounded is put at the bound, as it is written and
as it is rounded, in float64.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergen import ops
from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.ops.dtypes import dtype_name
from layergen.probe.sites import CPU, IN_BFLOAT16, IN_FLOAT16, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.rules.behaviour import VanishingConstant
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import TRAINING, WITHOUT_DATA, Runs, Watch, Watcher

BOUNDING = {"clamp": ("min", "max"), "clip": ("min", "max"), "clamp_min": ("min",), "clamp_max": ("max",)}
AWAY = "1e-6"  # from a number of some 1, which float32 tells from it


@dataclass(frozen=True)
class Bound:
    """A number that bounds a tensor, and is another one in the dtype of that."""

    node: ex.Call
    name: str  # of the parameter
    written: float
    rounded: float
    dtype: torch.dtype


class BoundWatch(Watcher[tuple[Bound, ...]]):
    """Notes the bounds that a dtype rounds to whole numbers, which they are not."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.found: list[Bound] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        op, tensor = ops.called(node), arguments[0] if arguments else None
        if op is None or not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            return
        given = bound(op, arguments, keywords)
        for name in BOUNDING.get(node.function, ()):
            number = given.get(name)
            if isinstance(number, float) and not number.is_integer():
                rounded = float(torch.tensor(number, dtype=torch.float64).to(tensor.dtype))
                if rounded.is_integer() and rounded:  # what becomes zero is told of what float16 loses
                    self.found.append(Bound(node, name, number, rounded, tensor.dtype))

    def evidence(self, run: Run | None) -> tuple[Bound, ...]:
        return tuple(self.found)


BOUNDS = tuple(Watch(site, TRAINING, BoundWatch) for site in (WITHOUT_DATA, IN_FLOAT16, IN_BFLOAT16))


def check_rounded(ways: Ways) -> Iterator[Finding]:
    """Yield the first bound that a dtype rounds to a number at which the layer gives none."""
    if not any(call.function in BOUNDING for call in ways.program.forward.calls):
        return
    for runs in ways.runs:
        found = [one for watch in BOUNDS for seen in runs.seen(watch) if seen.fault is None for one in seen.evidence]
        if not found or not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        for one in found:
            lost = _lost(runs, one)
            if lost is not None:
                yield _finding(one, lost)
                return


ROUNDED = Promise(check_rounded, (*BOUNDS, SMALL))


def _lost(runs: Runs, found: Bound) -> str | None:
    """What is no number where values are at a bound as it is rounded, all being numbers where they are at it itself."""
    for training in runs.program.modes:
        if not _infinite(runs, training, found.node, found.written):
            lost = _infinite(runs, training, found.node, found.rounded)
            if lost:
                return lost
    return None


def _infinite(runs: Runs, training: bool, node: ex.Call, number: float) -> str:
    """The first output, or gradient, that is no number in float64 where all that a call gives is a number."""
    with drawn(gradients=True):
        instance = Instance(runs.program, runs.setting, Placement(CPU, torch.float64, gradients=True))
        with torch.no_grad():
            started(instance)
        try:
            run = instance.run(training, interpreter=lambda *given: AtNumber(node, number, *given))
        except TrialFault:
            return ""
        floating = {name: value for name, value in run.outputs.items() if value.is_floating_point()}
        for name, value in floating.items():
            if not value.isfinite().all():
                return f"`{name}` is no number"
        ends = [value.sum() for value in floating.values() if value.requires_grad]
        leaves = {name: tensor for name, tensor in instance.inputs.items() if tensor is not None}
        leaves = {name: tensor for name, tensor in leaves.items() if tensor.requires_grad}
        if not ends or not leaves:
            return ""
        try:
            slopes = torch.autograd.grad(ends, list(leaves.values()), allow_unused=True)
        except RuntimeError:  # an op without a derivative
            return ""
    told = zip(leaves, slopes, strict=True)
    lost = next((name for name, slope in told if slope is not None and not slope.isfinite().all()), None)
    return "" if lost is None else f"the gradient of `{lost}` is no number"


class AtNumber(ForwardInterpreter):
    """Lets a call give a number everywhere, with the gradient of what it gives otherwise."""

    def __init__(self, node: ex.Call, number: float, *given: Any) -> None:
        super().__init__(*given)
        self.node, self.number = node, number

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        value = super().call(node, arguments, keywords)
        if node is not self.node or not isinstance(value, Tensor):
            return value
        there = torch.full_like(value, self.number)
        return there + (value - value.detach()) if value.requires_grad else there


def _finding(found: Bound, lost: str) -> Finding:
    dtype = dtype_name(found.dtype)
    written = f"`{found.name}` of `{found.node.function}`, {found.written!r},"
    message = f"{written} is {found.rounded:g} in {dtype}, where {lost}"
    sign = "-" if found.written < found.rounded else "+"
    help = f"keep further away from it: `{found.rounded:g} {sign} {AWAY}`"
    if found.dtype is not torch.float32:
        help = "compute in float32 or wider: `upcast(…)`, and come back with `type_as(…)`"
    return VanishingConstant.at(Place(FORWARD, found.node.span), message, help=help)
