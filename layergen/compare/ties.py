"""Ties: where values that a forward puts in order are equal, torch leaves open which of them comes first."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.probe.values import drawn
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Bystander

ORDERS = {"topk": 2, "sort": 1, "argsort": 1}  # at which place they take the dimension


class TiedError(TrialFault):
    """A forward differs from its definition where values that it puts in order are equal, so that it may."""

    def __init__(self, finding: Finding, function: str) -> None:
        note = f"`{function}` meets equal values here, of which torch may take any first"
        super().__init__(finding._replace(notes=(*finding.notes, note)))


class Ties(Bystander):
    """Sees which functions are given equal values to put in order."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.met: list[str] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        first = arguments[0] if arguments else keywords.get("input")
        if node.function in ORDERS and isinstance(first, Tensor) and first.dim() and not keywords.get("stable"):
            place = ORDERS[node.function]
            dim = keywords.get("dim", arguments[place] if len(arguments) > place else -1)
            count = keywords.get("k", arguments[1] if len(arguments) > 1 else 1) if node.function == "topk" else None
            largest = keywords.get("largest", arguments[3] if len(arguments) > 3 else True)
            if _tied(first.detach(), dim, count, largest):
                self.met.append(node.function)


def _tied(values: Tensor, dim: int, count: int | None, largest: bool) -> bool:
    """Whether some values along a dimension are equal: of the first so many, also the last of them and the next."""
    inner = values.movedim(dim, -1).sort(dim=-1, descending=bool(largest)).values
    first = inner if count is None else inner[..., : count + 1]
    return bool((first[..., 1:] == first[..., :-1]).any())


def tied_in(instance: Instance, training: bool) -> str | None:
    """The first function that a forward lets put equal values in order, if one does.

    Raises:
        TrialFault: If the layer does not run.
    """
    watcher = Ties(instance)
    with drawn():
        instance.run(training, watcher)
    return next(iter(watcher.met), None)
