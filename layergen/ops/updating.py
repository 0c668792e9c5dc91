"""Ops of torch that write running statistics to the tensors that they are handed, as functions that write nothing.

``y, mean, variance = batch_norm(x, mean, variance, …)`` gives the new statistics beside the result. Where the op writes
none, they are the very tensors that it was handed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from torch import Tensor

from layergen.lang.kinds import Kind
from layergen.ops.model import Op

STATISTICS = ("running_mean", "running_var")
SWITCHES = {"batch_norm": ("training", False), "instance_norm": ("use_input_stats", True)}  # say whether an op writes
AVERAGED = "momentum"  # may be a tensor, as one over the number of batches so far

_copies: ContextVar[list[Tensor] | None] = ContextVar("copies", default=None)


@contextmanager
def noted_copies() -> Iterator[list[Tensor]]:
    """Note the tensors that stand in for those of a layer inside: the layer itself has no memory for them."""
    copies: list[Tensor] = []
    token = _copies.set(copies)
    try:
        yield copies
    finally:
        _copies.reset(token)


def copied(tensor: Tensor) -> Tensor:
    """A copy of a layer's tensor, to be written in its place."""
    copy = tensor.clone()
    copies = _copies.get()
    if copies is not None:
        copies.append(copy)
    return copy


def writes_statistics(name: str) -> bool:
    """Whether the op of a name writes running statistics."""
    return name in SWITCHES


def as_update(op: Op) -> Op:
    """An op that writes running statistics, as the function that gives back what would be written."""
    (signature,) = op.signatures
    formals = tuple(
        replace(formal, accepts=formal.accepts | {Kind.TENSOR}) if formal.name == AVERAGED else formal
        for formal in signature.parameters
    )
    found = replace(signature, parameters=formals, returns=frozenset({Kind.TENSORS}))
    return replace(op, signatures=(found,), function=_pure(op), writes=STATISTICS)


def _pure(op: Op) -> Callable[..., Any]:
    names = [formal.name for formal in op.signatures[0].parameters]
    switch, usual = SWITCHES[op.name]

    def update(*arguments: Any, **keywords: Any) -> tuple[Any, ...]:
        given = {**dict(zip(names, arguments, strict=False)), **keywords}
        before = [given.get(name) for name in STATISTICS]
        if not given.get(switch, usual):
            return op.function(**given), *before
        after = [tensor if tensor is None else copied(tensor) for tensor in before]
        given |= zip(STATISTICS, after, strict=True)
        share = given.get(AVERAGED)
        if not isinstance(share, Tensor):
            return op.function(**given), *after
        y = op.function(**given | {AVERAGED: 1.0})  # torch would ask the tensor for its value
        return y, *(old if old is None else old + share * (new - old) for old, new in zip(before, after, strict=True))

    return update
