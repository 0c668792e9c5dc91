"""Runs a forward on data and back, and tells which op makes something that is not finite out of what is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.run.forward import ForwardInterpreter, Run
from layergen.run.instance import Instance


@dataclass(frozen=True)
class Record:
    """One op of a run: what it was given, each in a tensor of its own, and what it gave."""

    node: ex.Expression
    operands: tuple[Tensor, ...]
    results: tuple[Tensor, ...]


@dataclass(frozen=True)
class Breakdown:
    """Where a run stopped being finite.

    Attributes:
        nodes: The ops that may have made it so, the most likely first.
        carriers: The ops that were given infinity.
        name: The output that is not finite, or the input or parameter whose gradient is not.
        gradient: Whether it is a gradient.
        nan: Whether it is NaN, rather than infinite.
    """

    nodes: tuple[ex.Expression, ...]
    carriers: tuple[ex.Expression, ...]
    name: str
    gradient: bool
    nan: bool


class Recorder(ForwardInterpreter):
    """Keeps what each op was given and gave. Operands are aliased, so that each op's own gradients can be told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.records: list[Record] = []

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        given = [_aliased(argument) for argument in arguments]
        named = {name: _aliased(value) for name, value in keywords.items()}
        return self.recorded(node, [*given, *named.values()], super().call(node, given, named))

    def combine(self, node: ex.Binary, left: Any, right: Any) -> Any:
        left, right = _aliased(left), _aliased(right)
        return self.recorded(node, [left, right], super().combine(node, left, right))

    def recorded(self, node: ex.Expression, operands: Sequence[Any], result: Any) -> Any:
        results = tuple(_tensors(result))
        for tensor in results:
            if tensor.requires_grad and not tensor.is_leaf:
                tensor.retain_grad()
        self.records.append(Record(node, tuple(_tensors(operands)), results))
        return result


def _aliased(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_aliased(item) for item in value) if type(value) in (list, tuple) else value
    if not isinstance(value, Tensor) or not value.requires_grad:
        return value
    alias = value.view_as(value)
    alias.retain_grad()
    return alias


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
        yield value


def breakdown(instance: Instance, training: bool) -> Breakdown | None:
    """Run a layer forward and back, and tell where something stopped being finite that is wanted.

    Raises:
        TrialFault: If torch refuses a call.
    """
    made: list[Recorder] = []

    def recorder(*arguments: Any) -> Recorder:
        made.append(Recorder(*arguments))
        return made[-1]

    run = instance.run(training, interpreter=recorder)
    records = made[0].records
    for name, output in run.outputs.items():
        if output.is_floating_point() and not output.isfinite().all():
            return Breakdown(tuple(_makers(records)), _carriers(records), name, False, _bad(output, nan=True))
    return _backward(instance, run, records)


def _makers(records: Sequence[Record]) -> Iterator[ex.Expression]:
    """The first op that gave NaN out of none, and the first that gave infinity out of none."""
    yield from _first(records, nan=True)
    yield from _first(records, nan=False)


def _first(records: Sequence[Record], nan: bool) -> Iterator[ex.Expression]:
    for record in records:
        if any(_bad(part, nan) for part in record.results) and not any(_bad(part, nan) for part in record.operands):
            yield record.node
            return


def _carriers(records: Sequence[Record]) -> tuple[ex.Expression, ...]:
    return tuple(record.node for record in records if any(_bad(part) for part in record.operands))


def _bad(tensor: Tensor | None, nan: bool = False) -> bool:
    if tensor is None:
        return False
    return bool(tensor.isnan().any()) if nan else not bool(tensor.isfinite().all())


def _backward(instance: Instance, run: Run, records: Sequence[Record]) -> Breakdown | None:
    """Take the gradients of the outputs, weighed unevenly so that none cancels another."""
    outputs = [output for output in run.outputs.values() if output.requires_grad and output.is_floating_point()]
    if not outputs:
        return None
    try:
        torch.autograd.backward(outputs, [weights(output) for output in outputs])
    except RuntimeError:
        return None  # a layer that cannot go back is refused elsewhere
    for name, leaf in wanted(instance):
        if _bad(leaf.grad):
            nodes = (*_nan(records), *(record.node for record in _last(records)), *_makers(records))
            return Breakdown(nodes, _carriers(records), name, True, _bad(leaf.grad, nan=True))
    return None


def weights(output: Tensor) -> Tensor:
    """Weights between 0.5 and 1.5, no two neighbours alike."""
    return 0.5 + (torch.arange(output.numel(), dtype=output.dtype) * 0.618 % 1).reshape(output.shape)


def wanted(instance: Instance) -> Iterator[tuple[str, Tensor]]:
    """The inputs and parameters whose gradients are wanted."""
    program = instance.program
    for name, part in program.inputs.items():
        tensor = instance.inputs[name]
        if part.gradient and tensor is not None and tensor.requires_grad:
            yield name, tensor
    for name, parameter in program.parameters.items():
        tensor = instance.state[name]
        if parameter.gradient and tensor is not None and tensor.requires_grad:
            yield name, tensor


def _last(records: Sequence[Record]) -> Iterator[Record]:
    """The last op, and so the first on the way back, whose gradients are not finite though what came to it is."""
    for record in reversed(records):
        given = any(_bad(part.grad) for part in record.operands if part.requires_grad)
        if given and not any(_bad(part.grad) for part in record.results if part.requires_grad):
            yield record
            return


def _nan(records: Sequence[Record]) -> Iterator[ex.Expression]:
    """Where the gradient is lost by an op that was given NaN already, and hands it on alone, what made that."""
    if any(_bad(part, nan=True) for record in _last(records) for part in record.operands):
        yield from _first(records, nan=True)
