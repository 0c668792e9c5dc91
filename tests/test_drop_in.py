"""Shipped layers that restate a class of torch.nn can take its place: same arguments, same start, same numbers."""

import copy
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest
import torch
from shipped import layer_class
from torch import nn

import generated.tests


def modules_with_reference() -> list[ModuleType]:
    """The generated test modules that hold a layer against one of torch.nn."""
    found = pkgutil.walk_packages(generated.tests.__path__, "generated.tests.")
    modules = [importlib.import_module(module.name) for module in found if ".test_" in module.name]
    return [module for module in modules if hasattr(module, "reference")]


@pytest.mark.parametrize("module", modules_with_reference(), ids=lambda module: module.__name__.rpartition(".")[2])
def test_same_seed_gives_the_state_of_torch(module: ModuleType) -> None:
    for case in module.CASES.values():
        given = {**case.arguments, **module.LAYER.given(case)}
        torch.manual_seed(0)
        reference = module.reference(**given)
        torch.manual_seed(0)
        layer = module.LAYER.constructor(**given)
        torch.testing.assert_close(layer.state_dict(), reference.state_dict(), rtol=0, atol=0)


# Those whose inputs have other names than torch's, or which take a part of torch's arguments.
OTHERWISE = """
    Embedding EmbeddingBag GRU LSTM LogSoftmax PixelShuffle RNN Softmax Softmin
"""
ALIKE = [name for name in generated.__all__ if hasattr(torch.nn, name) and name not in OTHERWISE.split()]
RESTATED: dict[str, type[torch.nn.Module]] = {
    "CustomAdaptivePool2d": torch.nn.AdaptiveAvgPool2d,
    "CustomConv2d": torch.nn.Conv2d,
    "Embedding": torch.nn.Embedding,
    **{name: getattr(torch.nn, name) for name in ALIKE},
}
DEPRECATED = ("size_average", "reduce")  # what stands behind these has no place of its own, and is passed by keyword


def parameters_of(function: object) -> list[inspect.Parameter]:
    """What may be passed by position."""
    assert callable(function)
    parameters = inspect.signature(function).parameters.values()
    return [part for part in parameters if part.kind is part.POSITIONAL_OR_KEYWORD]


@pytest.mark.parametrize("name", RESTATED)
def test_arguments_stand_where_torch_has_them(name: str) -> None:
    """Whatever is passed by position means the same to both."""
    own = list(inspect.signature(getattr(generated, name)).parameters.values())
    theirs = parameters_of(RESTATED[name])
    positional = parameters_of(getattr(generated, name))
    assert positional or not theirs or theirs[0].name in DEPRECATED
    if own and own[-1].name == "dtype":
        assert (own[-1] in positional) == (len(own) == len(theirs))
    for mine, other in zip(positional, theirs, strict=False):
        assert (mine.name, mine.default) == (other.name, other.default)


@pytest.mark.parametrize("name", ALIKE)
def test_inputs_are_called_as_torch_calls_them(name: str) -> None:
    """Whatever is passed by keyword means the same to both."""
    own, theirs = (parameters_of(layer.forward) for layer in (getattr(generated, name), RESTATED[name]))
    names = [part.name for part in own]
    assert names == [part.name for part in theirs if part.default is part.empty or part.name in names]


def test_batch_norm_without_its_buffers_takes_the_statistics_of_the_batch() -> None:
    """As torch's does, and those it has stay as they are in evaluation, whatever its flag is set to."""
    for name, twin in (("batch_norm1d", nn.BatchNorm1d), ("batch_norm2d", nn.BatchNorm2d)):
        shape = (4, 3, 5, 5)[: 2 + 2 * (name == "batch_norm2d")]
        layer, match = layer_class(name)(3).eval(), twin(3).eval()
        x = torch.randn(shape)
        for module in (layer, match):
            setattr(module, "track_running_stats", False)  # noqa: B010 (mypy knows of no such attribute)
        before = copy.deepcopy(layer.state_dict())
        torch.testing.assert_close(layer(x), match(x))
        torch.testing.assert_close(layer.state_dict(), before)
        for module in (layer, match):
            module.register_buffer("running_mean", None)
            module.register_buffer("running_var", None)
        torch.testing.assert_close(layer(x), match(x))


@pytest.mark.parametrize(
    "name", ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AvgPool2d", "MaxPool2d"]
)
def test_a_size_that_is_set_later_is_that_of_the_result(name: str) -> None:
    """As that of torch's is, where a model is taken over for images of another size."""
    x = torch.rand(2, 3, *[7] * int(name[-2]))
    layer, match = getattr(generated, name)(2), getattr(nn, name)(2)
    size = "output_size" if name.startswith("Adaptive") else "kernel_size"
    for module in (layer, match):
        setattr(module, size, 3)
    torch.testing.assert_close(layer(x), match(x))


@pytest.mark.parametrize("width", [1, 4])
def test_an_lstm_refuses_features_of_another_width(width: int) -> None:
    """As torch's does; the op alone would read beyond them in single precision."""
    x = torch.randn(5, 2, width)
    with pytest.raises(RuntimeError, match="Expected 3"):
        nn.LSTM(3, 4)(x)
    with pytest.raises(ValueError, match="with input_size=3"):
        layer_class("lstm")(3, 4)(x)
