"""Dtype: torch computes the layer in every precision, with data too, where it has to find a kernel for each op."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.ops.dtypes import dtype_name
from layergen.ops.traits import ALIASING, METHODIC
from layergen.probe.sites import IN_COMMON
from layergen.probe.ways import Ways
from layergen.rules.behaviour import DtypeMismatch
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import TRAINING, Seen, Watch, Watcher
from layergen.run.words import short
from layergen.words import listed

VIEWS = METHODIC & ALIASING  # of their first operand
Operands = tuple[tuple[ex.Expression, torch.dtype], ...]  # the floating tensors that the last op was given


class OperandWatch(Watcher[tuple[ex.Expression | None, Operands]]):
    """Remembers the last op, and the dtypes of the floating tensors that it was given."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.last: ex.Expression | None = None
        self.given: list[tuple[ex.Expression, Any]] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.last = node
        self.given = list(zip(node.arguments, arguments, strict=True))
        self.given += [(word.value, keywords[word.name]) for word in node.keywords]

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        self.last, self.given = node, [(node.left, left), (node.right, right)]

    def evidence(self, run: Run | None) -> tuple[ex.Expression | None, Operands]:
        tensors = [(node, value) for node, value in self.given if isinstance(value, Tensor)]
        floating = tuple((node, value.dtype) for node, value in tensors if value.is_floating_point())
        return self.last, floating if run is None else ()


KERNELS = {dtype: Watch(site, TRAINING, OperandWatch) for dtype, site in IN_COMMON.items()}


def has_no_kernel(fault: Finding) -> bool:
    """Whether torch lacks an op in this precision on the CPU; other devices may have it."""
    return "not implemented for" in fault.message


def check_kernels(ways: Ways) -> Iterator[Finding]:
    """Yield what torch refuses of data in a precision, though shapes and dtypes alone give no reason."""
    for runs in ways.runs:
        for dtype, watch in KERNELS.items():
            for seen in runs.seen(watch):
                if seen.fault is not None and not has_no_kernel(seen.fault):
                    yield refused(seen, seen.fault, f"with data in {dtype_name(dtype)}")
                    return  # the same fault mostly shows in several


def without_kernel(ways: Ways) -> tuple[torch.dtype, ...]:
    """The precisions in which the layer could not be run on data on all ways."""
    found = ((dtype, seen) for dtype, watch in KERNELS.items() for seen in ways.seen(watch))
    return tuple(dict.fromkeys(dtype for dtype, seen in found if seen.fault is not None))


def refused(seen: Seen[tuple[ex.Expression | None, Operands]], fault: Finding, where: str) -> Finding:
    """The finding for what torch refuses of data alone."""
    node, operands = seen.evidence
    dtypes = list(dict.fromkeys(own for _, own in operands))
    if node is None or len(dtypes) < 2:
        return DtypeMismatch.at(
            fault.place, f"the layer fails {where}: {fault.message}", labels=fault.labels, help=_help(fault)
        )
    function = node.function if isinstance(node, ex.Call) else node.operator if isinstance(node, ex.Binary) else "…"
    message = f"`{function}` is given {listed([dtype_name(own) for own in dtypes])} {where}, which torch does not mix"
    help = _one_dtype(operands)
    labels = [Label(Place(FORWARD, operand.span), dtype_name(own)) for operand, own in operands]
    return DtypeMismatch.at(fault.place, message, labels=labels, help=help)


def _one_dtype(operands: Operands) -> str:
    """How to bring operands to one dtype; `upcast` leaves what is float32 as it is, beside float64 too."""
    widest = max((own for _, own in operands), key=lambda own: torch.finfo(own).bits)
    narrow = [operand for operand, own in operands if own != widest]
    if widest is not torch.float64:
        return f"bring them to one dtype: {listed([f'`upcast({short(part)})`' for part in narrow])}, or `type_as(…)`"
    like = next(short(_source(operand)) for operand, own in operands if own == widest)
    cast = listed([f"`type_as({short(_before_cast(part))}, {like})`" for part in narrow])
    return f"bring them to one dtype: {cast}, for `upcast` leaves float32 as it is"


def _before_cast(node: ex.Expression) -> ex.Expression:
    """What is brought to float32, which need not be where it is brought to another dtype."""
    match node:
        case ex.Call(function="upcast", arguments=(inner,)):
            return _before_cast(inner)
    return node


def _source(node: ex.Expression) -> ex.Expression:
    """What a tensor is a part or another view of, which has its dtype."""
    match node:
        case ex.Subscript(value=value):
            return _source(value)
        case ex.Call(function=function, arguments=(first, *_)) if function in VIEWS:
            return _source(first)
    return node


def _help(fault: Finding) -> str | None:
    """What to write for a number that a precision cannot hold, or for what a member does not mix with its own."""
    if "overflow" not in fault.message:
        mixed = "same type" in fault.message or "same dtype" in fault.message
        return fault.help or ("bring the tensors to one dtype: `type_as(a, b)`" if mixed else None)
    return "float16 ends at 65504: fill with `-inf`, or compute in float32 or wider by `upcast(…)`"


KERNEL = Promise(check_kernels, tuple(KERNELS.values()))
