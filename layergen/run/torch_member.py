"""A member that is a module of torch."""

from collections.abc import Mapping, MutableMapping
from contextlib import nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, first_line
from layergen.ops.modules import find_module
from layergen.ops.one_step import AtOneStep
from layergen.ops.updating import copied
from layergen.resolve.torch_module import TorchModule
from layergen.run.fault import MemberFault
from layergen.run.owned import Computes, Owned, State
from layergen.run.placement import Placement
from layergen.run.said import NEEDS_DATA, needs_data, plain

SHAPED = frozenset({"nn.LayerNorm", "nn.RMSNorm"})  # whose first argument is a size or several


def _is_derived(module: nn.Module) -> bool:
    """Whether the gradients of a module are derivatives: those of an embedding's padding row are not."""
    return not isinstance(module, nn.Embedding) or (module.padding_idx is None and not module.scale_grad_by_freq)


def torch_member(
    of: TorchModule,
    given: tuple[list[Any], dict[str, Any]],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    placement: Placement,
) -> Computes:
    """Set up a module of torch."""
    options = {"device": placement.device, "dtype": placement.owned_dtype or placement.dtype}
    options = {name: value for name, value in options.items() if of.takes(name)}
    arguments, keywords = given
    if of.name in SHAPED and arguments and isinstance(arguments[0], torch.SymInt):
        arguments = [(arguments[0],), *arguments[1:]]  # torch asks whether it is an int, and a symbol is none
    try:
        module = _bare(of.name)(*arguments, **keywords, **options)
    except Exception as error:  # torch raises nearly everything
        raise EvaluationFault(ex.Literal(None), f"`{of.name}` cannot be made: {plain(first_line(error))}") from None

    def fresh() -> Mapping[str, Tensor]:
        started = of.type(*given[0], **given[1])
        return {**dict(started.named_parameters()), **dict(started.named_buffers())}

    for parameter in (True, False):
        tensors = module.named_parameters() if parameter else module.named_buffers()
        for name, tensor in tensors:
            floats = tensor.is_floating_point() or tensor.is_complex()
            state[prefix + name] = tensor.detach().requires_grad_(placement.gradients and floats and parameter)
            owned[prefix + name] = Owned(parameter, parameter and _is_derived(module), prefix, None, {}, fresh)
    for path, part in module.named_modules():
        below = f"{prefix}{path}." if path else prefix
        slots = (*part._parameters.items(), *part._buffers.items())
        state.update({below + name: None for name, tensor in slots if tensor is None})
    names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
    buffers = {name for name, _ in module.named_buffers()}

    def run(node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        tensors = {name: state[prefix + name] for name in names}
        tensors |= {name: copied(tensor) for name in buffers if (tensor := tensors[name]) is not None}
        module.train(training)
        recurrence = AtOneStep() if isinstance(module, nn.RNNBase) else nullcontext()
        try:
            with recurrence:
                return torch.func.functional_call(module, tensors, tuple(arguments), keywords)  # type: ignore[arg-type]
        except Exception as error:
            if needs_data(first_line(error)):
                raise EvaluationFault(node, NEEDS_DATA) from None
            message = f"`{node.function}` fails: {plain(first_line(error))}"
            raise MemberFault(node, message, operands=tuple(arguments)) from None

    return run


@cache
def _bare(name: str) -> type[nn.Module]:
    """A module whose tensors are left as they come: where there are no data, there are no initial values."""
    of = find_module(name)
    assert of is not None and isinstance(of.function, type)
    return type(of.function.__name__, (of.function,), {"reset_parameters": lambda self: None})
