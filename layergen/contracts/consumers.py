"""What takes a parameter, as the backward graph tells: ops that read some entries of it, by what they are given.

The names of backward functions are torch's own. Tried on torch 2.13.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from layergen.contracts.gradient import nodes

# Which entries are read is up to values, or to how large something is: others may be read elsewhere.
CHOOSING = (
    *("Index", "Gather", "Take", "Scatter", "MaskedSelect", "MaskedScatter", "Embedding"),
    *("GridSampler", "Upsample", "MaxUnpool", "AsStrided", "Unfold"),
)
MASKING = ("Where", "MaskedFill", "Tril", "Triu", "NanToNum")  # of parameters alone: entries are left out on purpose


class Consumers:
    """The ops between the parameters of a layer and its outputs.

    Args:
        outputs: What the layer gave in a run with gradients.
        inputs: What it was given.
    """

    def __init__(self, outputs: Iterable[Tensor], inputs: Iterable[Tensor | None]) -> None:
        self.takers: dict[int, list[Any]] = {}  # of what each node stands for
        self.leaves: dict[int, Any] = {}
        for node in nodes(outputs):
            variable = getattr(node, "variable", None)
            if variable is not None:
                self.leaves[id(variable)] = node
            for following, _ in node.next_functions:
                self.takers.setdefault(id(following), []).append(node)
        given = [self.leaves[id(tensor)] for tensor in inputs if id(tensor) in self.leaves]
        self.of_inputs = self.behind(given)

    def behind(self, starts: Iterable[Any]) -> Mapping[int, Any]:
        """The nodes of what is computed from some others, by their ids."""
        found: dict[int, Any] = {}
        pending = list(starts)
        while pending:
            for taker in self.takers.get(id(pending.pop()), ()):
                if id(taker) not in found:
                    found[id(taker)] = taker
                    pending.append(taker)
        return found

    def choose(self, parameter: Tensor, settled: bool = False) -> bool:
        """Whether an op may leave out a part of a parameter that is read elsewhere, or that nobody wants.

        Args:
            parameter: The parameter.
            settled: Whether what the ops that take it themselves leave out is the same for all inputs.
        """
        leaf = self.leaves.get(id(parameter))
        known = {id(node) for node in self.takers.get(id(leaf), ())} if settled else set()
        for key, node in self.behind([] if leaf is None else [leaf]).items():
            if key in known:
                continue
            if node.name().startswith(CHOOSING):
                return True
            if key not in self.of_inputs and node.name().startswith(MASKING):
                return True
        return False
