"""Dtype: constants that keep a layer stable are still there in half precision.

One that is gone matters only where the layer is off without it: that is measured, on zeros and on equal inputs too, and
where masks or integers are all alike, of outputs and of whether gradients are finite. Where the layer draws random
numbers, which differ from dtype to dtype, fixed ones stand in their place, and whether all is finite is what is looked
at. The default `eps` of an op is torch's own; who wants to be safe at zeros in float16 writes one, or computes in
float32.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen import ops
from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.attempts import TOLERANCE, comparable, worst
from layergen.probe.open_inputs import first_floating
from layergen.probe.sites import CPU, IN_COMMON, IN_FLOAT16, SHAKE, started
from layergen.probe.values import ALIKE, EQUAL, MARKED, ORDINARY, UNMARKED, ZERO, Point, drawn
from layergen.probe.ways import Ways
from layergen.rules.behaviour import VanishingConstant
from layergen.run.fixed_draws import FixedDraws
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import TRAINING, Bystander, Runs, Watch, Watcher

LEAST = 2.0**-24  # the smallest positive float16; half of it and less becomes zero
BOUNDS = {"clamp": "min", "clamp_min": "min", "normalize": "eps", "cosine_similarity": "eps"}


class ConstantWatch(Watcher[tuple[Finding, ...]]):
    """Looks at the numbers that are added to float16 tensors, or bound them."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.findings: list[Finding] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        op = ops.called(node)
        if op is None or node.function not in BOUNDS or not _is_half(arguments[0] if arguments else None):
            return
        bounding = BOUNDS[node.function]
        number = bound(op, arguments, keywords).get(bounding)
        if _vanishes(number) and _is_written(node, op, bounding):
            self.report(node, f"`{bounding}` of `{node.function}`, {number},", node.arguments[0])

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator in "+-":
            for number, tensor, part in ((left, right, node.left), (right, left, node.right)):
                if _is_half(tensor) and _vanishes(number):
                    self.report(part, str(number))

    def evidence(self, run: Run | None) -> tuple[Finding, ...]:
        return tuple(self.findings)

    def report(self, node: ex.Expression, number: str, tensor: ex.Expression | None = None) -> None:
        message = f"{number} becomes zero in float16, whose smallest number is {LEAST:.0e}"
        source = first_floating(self.instance.program) or "x"
        computed = ex.show(tensor) if isinstance(tensor, ex.Name) else source
        help = f"compute in float32 or wider: `h = upcast({computed})`, and come back with `type_as(…, {source})`"
        self.findings.append(VanishingConstant.at(Place(FORWARD, node.span), message, help=help))


def _is_written(node: ex.Call, op: ops.Op, name: str) -> bool:
    """Whether an argument of an op stands in the spec: it is not torch's own."""
    written = bound(op, node.arguments, {keyword.name: keyword.value for keyword in node.keywords})
    return isinstance(written.get(name), ex.Node)


def _is_half(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype is torch.float16


def _vanishes(value: Any) -> bool:
    return isinstance(value, float) and 0 < abs(value) <= LEAST / 2


CONSTANTS = Watch(IN_FLOAT16, TRAINING, ConstantWatch)


def check_vanishing(ways: Ways) -> Iterator[Finding]:
    """Yield the constants that meet a float16 tensor and are too small for it, where the layer is off without them."""
    for runs in ways.runs:
        for seen in runs.seen(CONSTANTS):
            if seen.fault is None and seen.evidence and runs.admits(IN_COMMON[torch.float16]) and _is_off(runs):
                yield from seen.evidence


VANISHING = Promise(check_vanishing, (CONSTANTS, Watch(IN_COMMON[torch.float16], TRAINING, Bystander)))


def _is_off(runs: Runs) -> bool:
    """Whether float16 gives what float64 does not on the same numbers, drawn, zero or equal, or of integers alike."""
    inputs = runs.program.inputs.values()
    masks = any(part.dtype == "bool" for part in inputs)
    integers = any(not part.floating and part.range is not None for part in inputs)
    points = (ORDINARY, ZERO, EQUAL, *((UNMARKED, MARKED) if masks else ()), *((ALIKE,) if integers else ()))
    if comparable(runs.program, training=True):
        for point in points:
            exact, half = (_run(runs, point, dtype) for dtype in (torch.float64, torch.float16))
            if exact and half and worst(half, exact, torch.float16) > TOLERANCE:
                return True
    return any(
        _is_finite(runs, point, torch.float64) and _is_finite(runs, point, torch.float16) is False for point in points
    )


def _run(runs: Runs, point: Point, dtype: torch.dtype) -> Run | None:
    with drawn():
        instance = Instance(runs.program, runs.setting, Placement(CPU, dtype))
        try:
            started(instance, point, torch.bfloat16, SHAKE)
            return instance.run(training=True)
        except TrialFault:
            return None


def _is_finite(runs: Runs, point: Point, dtype: torch.dtype) -> bool | None:
    """Whether all outputs and gradients are finite; None where there is no telling."""
    with drawn(gradients=True):
        instance = Instance(runs.program, runs.setting, Placement(CPU, dtype, gradients=True))
        try:
            with torch.no_grad():
                started(instance, point, torch.bfloat16, SHAKE)
            with FixedDraws() as draws:
                outputs = instance.run(training=True).outputs.values()
            ends = [output for output in outputs if output.requires_grad and not output.is_complex()]
            tensors = (*instance.inputs.values(), *instance.state.values())
            leaves = [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]
            slopes = (
                torch.autograd.grad([end.double().sum() for end in ends], leaves, allow_unused=True) if ends else ()
            )
        except (TrialFault, RuntimeError):  # torch does not compute each derivative in half precision
            return None
    found = (*outputs, *(slope for slope in slopes if slope is not None))
    return all(bool(tensor.isfinite().all()) for tensor in found) if draws.fixed else None
