"""The values that tensors of members start with."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.inits import is_fan, is_initializer
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.visitor import mapped
from layergen.run.environment import CONSTANTS, TensorCalls
from layergen.run.initial import fill
from layergen.run.instance import Instance
from layergen.run.owned import Owned

CPU = torch.device("cpu")


@torch.no_grad()
def begin(instance: Instance) -> None:
    """Give the tensors of members their initial values; what is random is drawn.

    Raises:
        EvaluationFault: If they cannot be computed.
    """
    for path, value in beginnings(instance, instance.inner.keys()):
        target = instance.state[path]
        assert target is not None
        target.copy_(value)


def beginnings(instance: Instance, paths: Collection[str]) -> Iterator[tuple[str, Tensor]]:
    """The values themselves of some of them, those that are floating in a dtype of their own.

    Raises:
        EvaluationFault: If they cannot be computed.
    """
    for path, owned in instance.inner.items():
        target = instance.state[path]
        if target is not None and path in paths:
            yield path, _initial(path, owned, instance.state, target).detach()


def _initial(path: str, owned: Owned, state: Mapping[str, Tensor | None], target: Tensor) -> Tensor:
    if owned.init is None:
        assert owned.fresh is not None
        started = owned.fresh()[path.removeprefix(owned.prefix)]
        return started.double() if started.is_floating_point() else started
    init, values = _at_hand(owned, state)
    dtype = torch.float64 if target.is_floating_point() else target.dtype
    if not is_initializer(init):
        wide = {name: in_dtype(dtype, value) for name, value in values.items()}
        interpreter = Interpreter(wide, TensorCalls(CPU, dtype))
        own = _own(owned, state)
        interpreter.run(mapped(owned.init.before, lambda part: ex.transform(part, lambda node: _fan(node, own, owned))))
        found = interpreter.evaluate(init)
        if not isinstance(found, Tensor) or found.shape != target.shape:
            raise EvaluationFault(init, f"this is no tensor of the shape of `{path}`")
        return found
    value = torch.empty(target.shape, dtype=dtype)
    fill(init, values, value)
    return value


def given_to_initializer(
    owned: Owned, state: Mapping[str, Tensor | None], target: Tensor
) -> tuple[str, Mapping[str, Any]] | None:
    """The initializer of torch that starts a tensor of a member and what it is given; None where another thing does.

    Raises:
        EvaluationFault: If that cannot be computed.
    """
    if owned.init is None:
        return None
    init, values = _at_hand(owned, state)
    return (init.function, fill(init, values, target)) if is_initializer(init) else None


def _own(owned: Owned, state: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
    """The tensors that are beside one in its member, by their names there."""
    return {name.removeprefix(owned.prefix): part for name, part in state.items() if name.startswith(owned.prefix)}


def _at_hand(owned: Owned, state: Mapping[str, Tensor | None]) -> tuple[ex.Expression, dict[str, Any]]:
    """An initial value with its fans computed, and what it may read."""
    assert owned.init is not None
    own = _own(owned, state)
    init = ex.transform(owned.init.value, lambda node: _fan(node, own, owned))
    lists = {name: [own[part] for part in several] for name, several in owned.kin.items()}
    return init, {**own, **lists, **CONSTANTS, **owned.values}


def in_dtype(dtype: torch.dtype, value: Any) -> Any:
    """A value that an initial value reads: tensors in its own dtype, as far as both are floating."""
    if isinstance(value, list):
        return [in_dtype(dtype, part) for part in value]
    floating = isinstance(value, Tensor) and value.is_floating_point() and dtype.is_floating_point
    return value.to(dtype) if floating else value


def _fan(node: ex.Expression, own: Mapping[str, Tensor | None], owned: Owned) -> ex.Expression | None:
    if not is_fan(node):
        return None
    weight = None
    match node.arguments:
        case (ex.Name(id=name),):
            weight = own.get(name)
        case (ex.Subscript(value=ex.Name(id=name), index=index),) if name in owned.kin:
            at = Interpreter(owned.values).evaluate(index)
            weight = own[owned.kin[name][at]]
    if weight is None or weight.dim() < 2:
        raise EvaluationFault(node, f"`{ex.show(node)}` needs a parameter with two dimensions or more")
    return ex.Literal(weight.shape[node.function == "fan_in"] * math.prod(weight.shape[2:]))
