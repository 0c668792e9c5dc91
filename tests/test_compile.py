"""Generated layers compile into one graph: no check of an input breaks it."""

import importlib
import warnings
from collections.abc import Callable

import pytest
import torch

import generated

LAYERS = generated.__all__


@pytest.mark.parametrize("name", LAYERS)
def test_layer_compiles_into_one_graph(name: str) -> None:
    package, _, stem = getattr(generated, name).__module__.removeprefix("generated.").rpartition(".")
    tests = importlib.import_module(f"generated.tests.{package}.test_{stem}")
    for case in list(tests.CASES.values())[:2]:
        layer, inputs = tests.LAYER.make(case).eval(), tests.LAYER.packed(tests.LAYER.draw(case))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled: Callable[..., object] = torch.compile(layer, fullgraph=True, backend="eager")
            torch.manual_seed(1)
            result = compiled(*inputs)
        torch.manual_seed(1)
        torch.testing.assert_close(result, layer(*inputs))
        torch.compiler.reset()
