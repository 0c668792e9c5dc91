"""Whether anything changes with a parameter: an output, or what is multiplied with something else on the way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.probe.probing import differs
from layergen.probe.sites import CPU, PRODUCTS, SHAKE, started
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import Watcher
from layergen.settings.choice import Setting

UNCHANGED = 1e-9  # of a tensor's largest entry: less is no change, where a parameter changes by some 1


class ProductWatch(Watcher[tuple[Tensor, ...]]):
    """Notes what products take that are of two computed values, and what members take."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.owned = {_storage(tensor) for tensor in instance.state.values() if tensor is not None}
        self.found: list[Tensor] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        member = node.callee is not None and node.callee.kind is CalleeKind.MEMBER
        if member or node.function in PRODUCTS:
            self.note([*arguments, *keywords.values()], 1 if member else 2)

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator == "@":
            self.note([left, right], 2)

    def note(self, values: Sequence[Any], least: int) -> None:
        computed = [value for value in values if isinstance(value, Tensor) and _storage(value) not in self.owned]
        if len(computed) >= least:
            self.found += [value.clone() for value in computed]

    def evidence(self, run: Run | None) -> tuple[Tensor, ...]:
        return tuple(self.found)


def has_effect(program: Program, setting: Setting, training: bool, name: str) -> bool:
    """Whether something changes with a parameter near where the layer starts; so it does where nothing tells.

    An offset of the keys in attention changes no output either, and is usual: a product takes it before a softmax
    takes it away.
    """
    with drawn():
        try:
            instance = Instance(program, setting, Placement(CPU, torch.float64))
            started(instance, shake=SHAKE)
            parameter = instance.state.get(name)
            if parameter is None:
                return False
            usual = list(_seen(instance, training))
            parameter += torch.empty_like(parameter).uniform_(0.5, 1.5)
            now = list(_seen(instance, training))
        except TrialFault:
            return True
    pairs = zip(usual, now, strict=False)
    return len(usual) != len(now) or any(differs(one, other, UNCHANGED, floor=0.0) for one, other in pairs)


def _seen(instance: Instance, training: bool) -> Iterator[Tensor]:
    """What a layer gives, and what its products take, for the same random numbers each time."""
    watch = ProductWatch(instance)
    with drawn(1):
        run = instance.run(training, watch)
    yield from (*run.outputs.values(), *watch.evidence(run))


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
