"""What a forward sees when it is tried: tensors without data, and the functions that its calls reach."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES
from layergen.lang.facts import CalleeKind
from layergen.lang.interpreter import EvaluationFault, Function, Interpreter, scalar_call
from layergen.lang.scalars import NUMBERS
from layergen.ops.one_step import at_one_step
from layergen.ops.recurrences import unchecked


class UncheckedFault(EvaluationFault):
    """A call that torch does not refuse, though it cannot be made."""


CONSTANTS: dict[str, Any] = {
    **NUMBERS,
    **{name: getattr(torch, name) for name in DTYPES},
}


@dataclass(frozen=True)
class TensorCalls:
    """Calls the functions of a forward; tensors made from nothing get this device and dtype."""

    device: torch.device
    dtype: torch.dtype
    scalars: Function = scalar_call  # calls the functions of numbers
    functions: Mapping[str, Any] = field(default_factory=dict)  # the ops that arguments stand for

    def __call__(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        op = self.op(node)
        if op is None:
            return self.scalars(node, arguments, keywords)
        if problem := unchecked(op, arguments, keywords):
            raise UncheckedFault(node, problem)
        found = at_one_step(op, arguments, keywords)
        if found is not None:
            return found
        if node.callee and node.callee.whole:
            return arguments[0].to(self.wide)
        if op.factory:
            keywords = {"device": self.device, **keywords}
            if node.callee and node.callee.floating:
                keywords = {"dtype": self.wide if node.callee.wide else self.dtype, **keywords}
        return op.function(*map(_settled, arguments), **{name: _settled(value) for name, value in keywords.items()})

    @property
    def wide(self) -> torch.dtype:
        """The dtype in which they are wide enough."""
        return torch.promote_types(self.dtype, torch.float32)

    def op(self, node: ex.Call) -> ops.Op | None:
        """The op that a call calls, be it that an argument stands for it."""
        if node.callee is None or node.callee.kind is not CalleeKind.FUNCTION:
            return ops.called(node)
        chosen = self.functions[node.function]
        if chosen is None:
            raise EvaluationFault(node, f"`{node.function}` is None here, and is called")
        return ops.get(chosen)


def _settled(value: Any) -> Any:
    """An argument as torch takes it: a flag at symbols is asked what it is."""
    return bool(value) if isinstance(value, torch.SymBool) else value


def shape_of(
    shape: tuple[ex.Expression, ...] | ex.Expression, interpreter: Interpreter, leading: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """The sizes that a shape has by the values of an interpreter.

    Raises:
        EvaluationFault: If an entry is no size.
    """
    if not isinstance(shape, tuple):
        sizes = interpreter.evaluate(shape)
        if not isinstance(sizes, list | tuple):
            raise EvaluationFault(shape, f"expected a list of sizes: write `[{ex.show(shape)}]`")
        found = [(shape, size) for size in sizes]
    else:
        found = [(entry, size) for entry in shape for size in interpreter.spliced(entry)]
    result: list[int] = []
    for node, size in found:
        result += leading if size is ... else (_size(node, size),)
    return tuple(result)


def _size(node: ex.Expression, value: object) -> int:
    if isinstance(value, torch.SymInt):
        if value < 0:  # which torch would say in words of its own
            raise EvaluationFault(node, f"the size `{ex.show(node)}` is negative")
        return value  # type: ignore[return-value]
    if isinstance(value, torch.SymFloat | torch.SymBool):
        raise EvaluationFault(node, f"a size is an int, got the {_kind(value)} `{ex.show(node)}`")
    if isinstance(value, bool) or not isinstance(value, int):
        raise EvaluationFault(node, f"a size is an int, got `{value}`")
    if value < 0:
        raise EvaluationFault(node, f"a size cannot be negative, got {value}")
    return value


def _kind(value: torch.SymFloat | torch.SymBool) -> str:
    return "float" if isinstance(value, torch.SymFloat) else "bool"
