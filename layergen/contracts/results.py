"""What each op of a run gave, and which is the first that gave no finite number where another dtype gives one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from layergen.contracts.attempts import Attempt
from layergen.contracts.values import drawn
from layergen.lang import expression as ex
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Watcher

Node = ex.Call | ex.Binary
Results = Sequence[tuple[Node, Tensor]]


class ResultWatch(Watcher[Results]):
    """Keeps what each op of a run gave."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.results: list[tuple[Node, Tensor]] = []

    def gave(self, node: Node, operands: Sequence[object], value: object) -> None:
        parts = value if isinstance(value, list | tuple) else (value,)
        self.results += [(node, part) for part in parts if isinstance(part, Tensor)]

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


def first_infinite(found: Results, exact: Results) -> Node | None:
    """The first op that gave infinity or NaN where float64 gives a number."""
    for (node, value), (other, right) in zip(found, exact, strict=False):
        if node is not other or value.shape != right.shape:
            return None
        if value.is_floating_point() and bool((~value.isfinite() & right.isfinite()).any()):
            return node
    return None
