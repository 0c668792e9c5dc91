"""What torch's fused recurrences take unchecked: beyond the end of too few parameters or states, they read on.

Some of it torch refuses of tensors without data alone: the kernel that computes `lstm` in single precision on a CPU
takes features and states of any width.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from layergen.ops.model import Op

FUSED = frozenset({"lstm", "gru", "rnn_relu", "rnn_tanh"})


def unchecked(op: Op, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> str | None:
    """What is wrong with a call on which torch might crash; None if nothing is."""
    if op.name not in FUSED:
        return None
    given = arguments_of(op, arguments, keywords)
    state = given["hx"] if isinstance(given["hx"], list | tuple) else [given["hx"]]
    layers = given["num_layers"] * (2 if given["bidirectional"] else 1)
    tensors = layers * (4 if given["has_biases"] else 2)
    projected = tensors + layers if op.name == "lstm" else tensors  # of states that are smaller than the cells'
    if len(given["params"]) not in (tensors, projected):
        return f"`{op.name}` takes {tensors} parameters here, but is given {len(given['params'])}"
    if op.name == "lstm" and len(state) != 2:
        return f"`lstm` takes two tensors as `hx`, but is given {len(state)}"
    for part in state:
        if isinstance(part, Tensor) and (part.dim() < 2 or bool(part.shape[0] != layers)):
            found = f"{part.shape[0]}" if part.dim() > 1 else "none"
            return f"`{op.name}` takes a state of {layers} layers here, but is given one of {found}"
        batch = given["input"].shape[0 if given["batch_first"] else 1] if given["input"].dim() == 3 else None
        # Without data, torch refuses that itself, or something else that is wrong with it.
        if isinstance(part, Tensor) and not part.is_meta and batch is not None and bool(part.shape[1] != batch):
            return f"`{op.name}` takes a state of {batch} sequences here, but is given one of {part.shape[1]}"
    return _width(given["input"], state, given["params"]) if op.name == "lstm" else None


def arguments_of(op: Op, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a call of a fused recurrence by their names; none of them has a default."""
    names = [parameter.name for parameter in op.signatures[0].parameters]
    return {**dict(zip(names, arguments, strict=False)), **keywords}


def _width(value: Tensor, state: Sequence[Tensor], parameters: Sequence[Tensor]) -> str | None:
    """What has another width than the parameters of an `lstm` say."""
    below, before = parameters[:2]
    if below.dim() != 2 or before.dim() != 2:
        return None
    expected = (below.shape[1], before.shape[1], before.shape[0] // 4)
    for what, part, width in zip(("features", "a state", "a cell state"), (value, *state), expected, strict=True):
        if part.dim() and bool(part.shape[-1] != width):
            return f"`lstm` takes {what} of width {width} here, but is given {part.shape[-1]}"
    return None
