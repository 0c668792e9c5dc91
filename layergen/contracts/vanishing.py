"""Dtype: constants that keep a layer stable are still there in half precision."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen import ops
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import IN_FLOAT16
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.rules.behaviour import VanishingConstant
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import TRAINING, Watch, Watcher

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
        if _vanishes(number):
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
        computed = ex.show(tensor) if isinstance(tensor, ex.Name) else "x"
        help = f"compute in float32 or wider: `h = upcast({computed})`, and come back with `type_as(…, x)`"
        self.findings.append(VanishingConstant.at(Place(FORWARD, node.span), message, help=help))


def _is_half(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype is torch.float16


def _vanishes(value: Any) -> bool:
    return isinstance(value, float) and 0 < abs(value) <= LEAST / 2


CONSTANTS = Watch(IN_FLOAT16, TRAINING, ConstantWatch)


def check_vanishing(ways: Ways) -> Iterator[Finding]:
    """Yield the constants that meet a float16 tensor and are too small for it."""
    for seen in ways.seen(CONSTANTS):
        if seen.fault is None:
            yield from seen.evidence


VANISHING = Promise(check_vanishing, (CONSTANTS,))
