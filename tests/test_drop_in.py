"""Shipped layers that restate a class of torch.nn can take its place: same arguments, same start, same numbers."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest
import torch

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


@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("BatchNorm2d", torch.nn.BatchNorm2d),
        ("Bilinear", torch.nn.Bilinear),
        ("CustomAdaptivePool2d", torch.nn.AdaptiveAvgPool2d),
        ("CustomConv2d", torch.nn.Conv2d),
        ("Embedding", torch.nn.Embedding),
        ("GRUCell", torch.nn.GRUCell),
        ("LSTMCell", torch.nn.LSTMCell),
        ("Linear", torch.nn.Linear),
    ],
)
def test_arguments_stand_where_torch_has_them(name: str, torchs: type[torch.nn.Module]) -> None:
    """Whatever is passed by position means the same to both."""
    own = list(inspect.signature(getattr(generated, name)).parameters.values())
    theirs = [part for part in inspect.signature(torchs).parameters.values() if part.kind is not part.KEYWORD_ONLY]
    positional = [parameter for parameter in own if parameter.kind is not parameter.KEYWORD_ONLY]
    assert positional
    if own[-1].name == "dtype":
        assert (own[-1] in positional) == (len(own) == len(theirs))
    for mine, other in zip(positional, theirs, strict=False):
        assert (mine.name, mine.default) == (other.name, other.default)
