"""What each op of a run gave, and which is the first that gave no finite number where another dtype gives one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.probe.attempts import Attempt
from layergen.probe.values import drawn
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Watcher

Node = ex.Call | ex.Binary


@dataclass(frozen=True)
class Result:
    """What an op gave of which operands."""

    node: Node
    operands: tuple[object, ...]
    value: Tensor


Results = Sequence[Result]


class ResultWatch(Watcher[Results]):
    """Keeps what each op of a run gave."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.results: list[Result] = []

    def gave(self, node: Node, operands: Sequence[object], value: object) -> None:
        parts = value if isinstance(value, list | tuple) else (value,)
        self.results += [Result(node, tuple(operands), part) for part in parts if isinstance(part, Tensor)]

    def evidence(self, run: Run | None) -> Results:
        return self.results


def results_in(attempt: Attempt, dtype: torch.dtype) -> tuple[Run, Results] | None:
    """A run on the numbers of an attempt, and what its ops gave; None where the layer does not run."""
    with drawn(), torch.no_grad():
        try:
            instance = attempt.started(dtype)
            watch = ResultWatch(instance)
            run = instance.run(attempt.training, watch)
        except TrialFault:
            return None
        return run, watch.evidence(run)


def first_infinite(found: Results, exact: Results) -> Result | None:
    """What float64 gives of the first op that gave infinity or NaN there."""
    for one, right in zip(found, exact, strict=False):
        if one.node is not right.node or one.value.shape != right.value.shape:
            return None
        if one.value.is_floating_point() and bool((~one.value.isfinite() & right.value.isfinite()).any()):
            return right
    return None
