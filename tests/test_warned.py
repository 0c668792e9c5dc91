"""What torch warns of at each call is passed on, and what it warns of at some is not."""

import warnings
from textwrap import dedent
from typing import Any

import pytest
import torch
from small import program, settings_of

from layergen.advice.warned import warned_of

SEQUENCES: dict[str, Any] = {"inputs": {"x": ["N", "C", "L"]}, "outputs": {"y": ["N", "C", "L"]}}


def told(forward: str, **parts: Any) -> list[str]:
    layer = program(dedent(forward), **{**SEQUENCES, **parts})
    return [finding.message for finding in warned_of(layer, settings_of(layer))]


@pytest.mark.parametrize("forward", ["y = dropout2d(x, 0.5, training)", "h = 2 * x\ny = drop(h) * 2"])
def test_what_torch_warns_of_is_passed_on(forward: str) -> None:
    modules = {"modules": {"drop": "nn.Dropout2d()"}} if "drop(" in forward else {}
    (message,) = told(forward, **modules)
    assert message.startswith(f"torch warns of `{'drop' if modules else 'dropout2d'}` at each call: ")
    assert "Received a 3D input" in message


def test_what_torch_says_nothing_of_passes() -> None:
    assert told("y = dropout1d(x, 0.5, training)") == []


def test_what_torch_warns_of_in_one_call_of_two_is_not_told() -> None:
    forward = "y = x\nfor i in range(2):\n    y = dropout(y, 0.5, training) + mean(std(x, 0, correction=i * 7))"
    assert told(forward) == []


def test_the_warnings_of_others_are_left_as_they_are() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told("y = dropout2d(x, 0.5, training)")
        assert not torch.is_warn_always_enabled()
