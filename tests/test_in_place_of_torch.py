"""Generated classes in the places of torch's: on all inputs with which torch tests its modules, they do the same."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from left_out import CHECKS, LEFT, left_out
from module_examples import CLASSES, Example, Info, info
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

pytestmark = pytest.mark.slow

DTYPES = (torch.float32, torch.float64)
every_class = pytest.mark.parametrize("name", CLASSES)


def hold(name: str, check: str, run: Callable[[Example], None], examples: list[Example]) -> None:
    """Run a check on some examples; it fails on those alone that are left out of it."""
    for example in examples:
        left = left_out(name, check, example.text)
        if left is not None and left.check != check:
            continue
        try:
            run(example)
        except (Exception, pytest.fail.Exception) as error:
            if left is None:
                raise AssertionError(f"{name} differs on {example.text}: {error}") from error
        else:
            assert left is None, f"{name} is left out for nothing on {example.text}: {left.reason}"


def all_examples(known: Info) -> list[tuple[Example, torch.dtype, bool]]:
    return [(part, dtype, mode) for dtype in DTYPES for mode in known.modes for part in known.examples(dtype, mode)]


def make(module: type[nn.Module], example: Example, dtype: torch.dtype = torch.float64, training: bool = True) -> Any:
    """A module whose random numbers are the same each time."""
    torch.manual_seed(1)
    return module(*example.made.args, **example.made.kwargs).to(dtype).train(training)


def both(name: str, example: Example, dtype: torch.dtype = torch.float64, training: bool = True) -> tuple[Any, Any]:
    """torch's module, and ours with the same state."""
    theirs, own = (make(module, example, dtype, training) for module in CLASSES[name])
    own.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, own


def call(module: nn.Module, example: Example, change: Callable[[Tensor], Tensor] = Tensor.clone) -> Any:
    return run(module, example, change)[0]


def run(module: nn.Module, example: Example, change: Callable[[Tensor], Tensor] = Tensor.clone) -> tuple[Any, Any]:
    """What a module gives, and the gradients of its inputs and parameters."""
    given = example.fresh(change)
    torch.manual_seed(2)
    result = module(*given.args, **given.kwargs)
    inputs = [part for part in tree_leaves((given.args, dict(given.kwargs))) if isinstance(part, Tensor)]
    learned = [part for part in (*inputs, *module.parameters()) if part.requires_grad]
    outputs = [part for part in tree_leaves(result) if isinstance(part, Tensor) and part.requires_grad]
    if not outputs or not learned:
        return result, ()
    weights = [torch.linspace(1, 2, part.numel(), dtype=part.dtype).view_as(part) for part in outputs]
    return result, torch.autograd.grad(outputs, learned, weights, allow_unused=True)


def tried(compute: Callable[[], Any]) -> Any | None:
    """What torch computes; None where it refuses, which leaves open what ours does."""
    try:
        return compute()
    except (RuntimeError, ValueError, IndexError):
        return None


def agree(own: Any, theirs: Any) -> None:
    """Whether two results have the same form and the same numbers."""
    assert type(own) is type(theirs)
    ours, others = tree_leaves(own), tree_leaves(theirs)
    assert [part is None for part in ours] == [part is None for part in others]
    torch.testing.assert_close(
        [part for part in ours if part is not None], [part for part in others if part is not None], equal_nan=True
    )


@every_class
def test_is_made_as_torch_makes_it(name: str) -> None:
    """The same arguments give the same state, which either loads from the other, in the same order."""

    def check(example: Example) -> None:
        theirs, own = both(name, example)
        assert list(own.state_dict()) == list(theirs.state_dict())
        theirs.load_state_dict(own.state_dict(), strict=True)
        torch.testing.assert_close(make(CLASSES[name][1], example).state_dict(), theirs.state_dict(), rtol=0, atol=0)
        learned = [[(key, part.requires_grad) for key, part in layer.named_parameters()] for layer in (own, theirs)]
        assert learned[0] == learned[1]

    known = info(name)
    hold(name, "made", check, known.examples(torch.float32, True))


@every_class
def test_gives_what_torch_gives(name: str) -> None:
    """Outputs, gradients and buffers are the same, in single and in double precision, and in either mode."""
    for example, dtype, training in all_examples(info(name)):

        def check(example: Example, dtype: torch.dtype = dtype, training: bool = training) -> None:
            theirs, own = both(name, example, dtype, training)
            if example.given is not None:
                agree(run(own, example), run(theirs, example))
                agree(dict(own.named_buffers()), dict(theirs.named_buffers()))

        hold(name, "called", check, [example])


@every_class
def test_looks_as_torch_does(name: str) -> None:
    """`repr` and the public attributes are the same."""

    def check(example: Example) -> None:
        theirs, own = both(name, example)
        assert repr(own) == repr(theirs)
        for key, value in vars(theirs).items():
            if not key.startswith("_"):
                assert type(getattr(own, key)) is type(value) and getattr(own, key) == value, key

    hold(name, "looks", check, info(name).examples(torch.float32, True))


@every_class
def test_second_gradients_are_those_of_torch(name: str) -> None:
    known = info(name)

    def check(example: Example) -> None:
        if example.given is None:
            return
        theirs, own = both(name, example)
        expected = tried(lambda: _twice(theirs, example))
        if expected is not None:
            agree(_twice(own, example), expected)

    if known.twice:
        hold(name, "twice", check, known.examples(torch.float64, True))


def _twice(module: nn.Module, example: Example) -> Any:
    """Gradients of a function of the gradients."""
    given = example.fresh()
    torch.manual_seed(2)
    result = module(*given.args, **given.kwargs)
    inputs = [part for part in tree_leaves((given.args, dict(given.kwargs))) if isinstance(part, Tensor)]
    learned = [part for part in (*inputs, *module.parameters()) if part.requires_grad]
    outputs = [part for part in tree_leaves(result) if isinstance(part, Tensor) and part.requires_grad]
    if not outputs or not learned:
        return ()
    total = torch.stack([part.square().sum() for part in outputs]).sum()
    first = torch.autograd.grad(total, learned, create_graph=True, allow_unused=True)
    moving = [part.square().sum() for part in first if part is not None and part.requires_grad]
    return torch.autograd.grad(torch.stack(moving).sum(), learned, allow_unused=True) if moving else ()


def test_what_is_left_out_is_there() -> None:
    """The table speaks of classes and checks that there are, and says why."""
    for name, parts in LEFT.items():
        assert name in CLASSES
        for left in parts:
            assert left.check in CHECKS and left.reason.endswith(".")
