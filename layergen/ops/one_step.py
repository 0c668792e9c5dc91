"""torch's fused recurrences where there is no data: one step stands for all.

Without data torch takes a recurrence apart, step by step and op by op, which takes a hundred times as long as the
kernel does with data. What there is to see of it, the shapes, the dtypes, the products that are counted and what
gradients reach, is the same at every step. So all steps are taken at once here, as if each began at the initial state.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout, linear
from torch.overrides import TorchFunctionMode

from layergen.ops import registry
from layergen.ops.model import Op
from layergen.ops.recurrences import FUSED, arguments_of

Step = Callable[[Tensor, Tensor, Sequence[Tensor]], tuple[Tensor, ...]]


def at_one_step(op: Op, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """What a recurrence gives for tensors without data; None for another call, or one that torch may have to refuse."""
    if op.name not in FUSED:
        return None
    given = arguments_of(op, arguments, keywords)
    states = given["hx"] if isinstance(given["hx"], list | tuple) else [given["hx"]]
    value = given["input"]
    if not _is_without_data(value) or not _is_usual(value, states, given):
        return None
    return _Recurrence(_STEPS[op.name], given).run(value, states)


def _is_without_data(value: Tensor) -> bool:
    return value.is_meta or any(isinstance(size, torch.SymInt) for size in value.shape)


class AtOneStep(TorchFunctionMode):
    """Has the recurrences that torch's own modules call taken at one step, too."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), keywords: dict[str, Any] | None = None
    ) -> Any:
        keywords = keywords or {}
        name = getattr(function, "__name__", "")
        op = registry.find(name) if name in FUSED else None
        found = at_one_step(op, arguments, keywords) if op and op.function is function else None
        return function(*arguments, **keywords) if found is None else found


def _is_usual(value: Tensor, states: Sequence[Tensor], given: Mapping[str, Any]) -> bool:
    """Whether the sizes and dtypes are such that torch takes them, and that no step has what another has not.

    The first step of an `lstm` with projections gives a cell that no projection has a share in, which gradients tell.
    """
    if value.dim() != 3 or any(state.dim() != 3 for state in states):
        return False
    if any(tensor.dtype != value.dtype for tensor in (*states, *given["params"])):
        return False
    samples, steps = value.shape[:2] if given["batch_first"] else value.shape[1::-1]
    layers = given["num_layers"] * (2 if given["bidirectional"] else 1)
    if steps == 0 or any(state.shape[:2] != (layers, samples) for state in states):
        return False
    each = len(given["params"]) // layers
    if each == (4 if given["has_biases"] else 2):
        return True
    sizes = tuple(state.shape[2] for state in states)
    return all(tensor.shape == sizes for tensor in given["params"][each - 1 :: each]) and not any(
        tensor.requires_grad for tensor in (value, *states, *given["params"])
    )


class _Recurrence:
    """All layers and directions of a recurrence, each step of which begins at the initial state."""

    def __init__(self, step: Step, given: Mapping[str, Any]) -> None:
        self.step = step
        self.given = given
        self.directions = 2 if given["bidirectional"] else 1
        self.each = len(given["params"]) // (given["num_layers"] * self.directions)  # the tensors of one direction

    def run(self, value: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if self.given["batch_first"]:
            value = value.transpose(0, 1)
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.given["num_layers"]):
            if layer and self.given["train"] and self.given["dropout"]:
                value = dropout(value, self.given["dropout"])
            found = [self.direction(value, states, layer * self.directions + way) for way in range(self.directions)]
            last += [tuple(part[-1] for part in parts) for parts in found]
            value = torch.cat([parts[0] for parts in found], -1)
        ends = (torch.stack(parts) for parts in zip(*last, strict=True))
        return (value.transpose(0, 1) if self.given["batch_first"] else value, *ends)

    def direction(self, value: Tensor, states: Sequence[Tensor], index: int) -> tuple[Tensor, ...]:
        """What one layer gives in one direction: each part of the state after each step."""
        from_input, from_state, *others = self.given["params"][index * self.each : (index + 1) * self.each]
        biases, projection = (others[:2], others[2:]) if self.given["has_biases"] else ([], others)
        before = [state[index].expand(value.shape[0], *state.shape[1:]) for state in states]
        read = linear(value, from_input, *biases[:1])
        given, *rest = self.step(read, linear(before[0], from_state, *biases[1:]), before)
        return (linear(given, *projection) if projection else given, *rest)


def _rnn(read: Tensor, kept: Tensor, _: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (kept.add_(read),)


def _gru(read: Tensor, kept: Tensor, before: Sequence[Tensor]) -> tuple[Tensor, ...]:
    reset, update, fresh = kept.add_(read).chunk(3, -1)
    return (before[0] * update + reset * fresh,)


def _lstm(read: Tensor, kept: Tensor, before: Sequence[Tensor]) -> tuple[Tensor, ...]:
    enter, forget, fresh, leave = kept.add_(read).chunk(4, -1)
    cell = before[1] * forget + enter * fresh
    return leave * cell, cell


_STEPS: Mapping[str, Step] = {"lstm": _lstm, "gru": _gru, "rnn_relu": _rnn, "rnn_tanh": _rnn}
