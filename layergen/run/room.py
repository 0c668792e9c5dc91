"""Whether there is room for a layer on data, which is asked before anything is given any."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Watcher
from layergen.settings.choice import Setting

LARGEST = 4_000_000  # elements of all tensors of a run; larger layers are tried without data alone


class SizeWatch(Watcher[bool]):
    """Tells whether a run on data would be small, by the elements of all tensors, also those without a name."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.elements = 0
        self.count(*instance.inputs.values(), *instance.state.values())

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.count(*arguments, *keywords.values())

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        self.count(left, right)

    def count(self, *values: Any) -> None:
        for value in values:
            if isinstance(value, list | tuple):
                self.count(*value)
            elif isinstance(value, torch.Tensor):
                self.elements += value.numel()

    def evidence(self, run: Run | None) -> bool:
        if run is not None:
            self.count(*(step.value for step in run.steps))
        return self.elements <= LARGEST


def has_room(program: Program, setting: Setting) -> bool:
    """Whether a layer can be run on data at a setting; of one that fails without, all tensors that it comes to count.

    Raises:
        TrialFault: If it cannot be set up there.
    """
    instance = Instance(program, setting)
    watch = SizeWatch(instance)
    try:
        return watch.evidence(instance.run(program.modes[0], watch))
    except TrialFault:
        return watch.evidence(None)
