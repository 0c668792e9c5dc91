"""What a caller gives a generated layer, beside what its own tests give it."""

import copy
import pickle
from typing import Any

import pytest
import torch
from shipped import layer_class
from torch import Tensor, nn


def double(x: Tensor) -> Tensor:
    return 2 * x


@pytest.fixture(scope="module")
def feed_forward() -> Any:
    return layer_class("feed_forward")


@pytest.mark.parametrize("activation", [torch.tanh, double, nn.GELU(), torch.nn.functional.relu])
def test_a_function_may_be_the_callers_own(feed_forward: Any, activation: Any) -> None:
    layer, x = feed_forward(3, activation=activation), torch.randn(2, 3)
    hidden = torch.nn.functional.linear(x, layer.in_weight, layer.in_bias)
    expected = torch.nn.functional.linear(activation(hidden), layer.out_weight, layer.out_bias)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(copy.deepcopy(layer)(x), expected)


def test_a_function_is_shown_by_its_name(feed_forward: Any) -> None:
    assert "activation=tanh" in repr(feed_forward(3, activation=torch.tanh))
    assert "activation=double" in repr(feed_forward(3, activation=double))
    assert "activation=GELU" in repr(feed_forward(3, activation=nn.GELU()))


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_functions_that_go_by_their_names_can_be_pickled(feed_forward: Any, activation: str) -> None:
    function = feed_forward(3, activation=activation).activation
    assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301 (made one line above)


def test_a_function_of_another_name_is_refused(feed_forward: Any) -> None:
    with pytest.raises(ValueError, match=r"^activation must be 'relu', 'gelu', 'silu' or a function, got 'tanh'$"):
        feed_forward(3, activation="tanh")
