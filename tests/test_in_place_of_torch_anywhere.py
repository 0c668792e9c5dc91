"""Generated classes in the places of torch's: strides, formats, empty batches, copies, devices, and what is refused."""

import pickle
from copy import deepcopy
from typing import Any

import pytest
import torch
from module_examples import CLASSES, Example, Refused, info
from test_in_place_of_torch import agree, both, call, every_class, hold, run, tried
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

pytestmark = pytest.mark.slow


def spread(tensor: Tensor) -> Tensor:
    """The same numbers, every second one in memory."""
    return tensor.repeat_interleave(2, dim=-1)[..., ::2] if tensor.dim() else tensor.clone()


def last(tensor: Tensor) -> Tensor:
    """The same numbers, channels last in memory."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return tensor.clone(memory_format=formats.get(tensor.dim(), torch.contiguous_format))


@every_class
def test_strides_do_not_matter(name: str) -> None:
    def check(example: Example) -> None:
        theirs, own = both(name, example)
        expected = tried(lambda: run(theirs, example, spread)) if example.given is not None else None
        if expected is not None:
            agree(run(own, example, spread), expected)

    hold(name, "strides", check, info(name).examples(torch.float64, True))


@every_class
def test_channels_may_be_last(name: str) -> None:
    """Of images and volumes, the results have the numbers and the strides that those of torch have."""

    def check(example: Example) -> None:
        theirs, own = both(name, example)
        if example.given is not None:
            others = tried(lambda: call(theirs, example, last))
            ours = call(own, example, last) if others is not None else None
            agree(ours, others)
            assert strides(ours) == strides(others)

    images = [part for part in info(name).examples(torch.float64, True) if part.given is not None and has_image(part)]
    hold(name, "channels_last", check, images)


def strides(result: Any) -> list[tuple[int, ...]]:
    return [part.stride() for part in tree_leaves(result) if isinstance(part, Tensor)]


def has_image(example: Example) -> bool:
    assert example.given is not None
    tensors = tree_leaves((example.given.args, dict(example.given.kwargs)))
    return any(isinstance(part, Tensor) and part.dim() in (4, 5) for part in tensors)


UNSET = frozenset({"MultiLabelMarginLoss"})  # of which torch does not write what it gives for no samples: shapes count


@every_class
def test_takes_an_empty_batch_where_torch_does(name: str) -> None:
    def check(example: Example) -> None:
        theirs, own = both(name, example)
        if example.given is None:
            return
        sizes = {part.shape[0] for part in tree_leaves(example.given.args) if isinstance(part, Tensor) and part.dim()}
        batch = max(sizes, default=0)

        def emptied(tensor: Tensor) -> Tensor:
            return tensor[:0].clone() if tensor.dim() > 1 and tensor.shape[0] == batch else tensor.clone()

        expected = tried(lambda: run(theirs, example, emptied))
        if expected is not None:
            agree(*(settled(result) for result in (run(own, example, emptied), expected)))

    def settled(result: Any) -> Any:
        return tree_map_only(Tensor, torch.zeros_like, result) if name in UNSET else result

    batches = [part for part in info(name).examples(torch.float64, True) if "no_batch_dim" not in part.text]
    hold(name, "empty", check, batches)


@every_class
def test_copies_do_the_same(name: str) -> None:
    def check(example: Example) -> None:
        _, own = both(name, example)
        if example.given is not None:
            expected = call(deepcopy(own), example)
            agree(call(pickle.loads(pickle.dumps(own)), example), expected)  # noqa: S301
            agree(call(own, example), expected)

    hold(name, "copies", check, info(name).examples(torch.float64, True)[:2])


@every_class
def test_is_made_where_torch_is_told_to(name: str) -> None:
    """`device` and `dtype` are taken, or refused, as torch does, and a layer without data is given some."""
    options: list[dict[str, Any]] = [
        {"device": "meta"}, {"dtype": torch.float64}, {"device": "cpu", "dtype": torch.float16},
    ]  # fmt: skip

    def check(example: Example) -> None:
        for option in options:
            own, theirs = (placed(module, example, option) for module in reversed(CLASSES[name]))
            assert (own is None) == (theirs is None)
            if own is None or theirs is None:
                continue
            assert kinds_of(own) == kinds_of(theirs)
            own.to_empty(device="cpu").load_state_dict(theirs.to_empty(device="cpu").state_dict())

    hold(name, "places", check, info(name).examples(torch.float32, True)[:3])


def kinds_of(module: nn.Module) -> dict[str, tuple[torch.device, torch.dtype]]:
    """Where each tensor is, and of which dtype."""
    return {name: (tensor.device, tensor.dtype) for name, tensor in module.state_dict().items()}


def placed(module: type[nn.Module], example: Example, option: dict[str, Any]) -> nn.Module | None:
    try:
        return module(*example.made.args, **{**example.made.kwargs, **option})
    except TypeError:
        return None


@every_class
def test_refuses_what_torch_refuses(name: str) -> None:
    """By the same error, or by a ValueError, which says what is wrong."""
    parts = {part.example.text: part for part in info(name).refused()}

    def check(example: Example) -> None:
        part = parts[example.text]
        with pytest.raises((part.error, ValueError)):
            refusing(part, CLASSES[name][1])

    hold(name, "refused", check, [part.example for part in parts.values()])


def refusing(part: Refused, module: type[nn.Module]) -> None:
    made = module(*part.example.made.args, **part.example.made.kwargs)
    if part.called and part.example.given is not None:
        made(*part.example.given.args, **part.example.given.kwargs)
