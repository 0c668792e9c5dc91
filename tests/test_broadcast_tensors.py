"""Tensors, among inputs and arguments, that are whatever broadcasts to their shape."""

from typing import Any

import pytest
import torch
from shipped import layer_class
from small import checked, faults_of, forward_lines, program
from torch import nn

from layergen.resolve.program import Program

SHAPE = ["...", "C"]


def scaled(text: str = "y = x * s", kept: bool = True, shape: list[str] = SHAPE, **parts: Any) -> Program:
    factor = {"shape": shape, "broadcast": True}
    given = {"arguments": {"s": {**factor, "type": "tensor", "doc": "Factors."}}} if kept else {}
    inputs = {"x": shape} if kept else {"x": shape, "s": factor}
    return program(text, inputs=inputs, outputs={"y": shape}, **given, **parts)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("shape", [SHAPE, ["N", "C"], ["..."], ["S...", "C"]])
def test_shapes_are_proven_and_smaller_ones_tried(kept: bool, shape: list[str]) -> None:
    layer = checked(scaled(kept=kept, shape=shape))
    assert layer.proven
    assert {"s_last", "s_ones"} <= {case.setting.name for case in layer.cases}


def test_the_check_knows_the_dimensions_that_lead() -> None:
    lines = forward_lines(scaled(shape=["..."]), with_checks=True)
    some = "any(size not in (1, whole) for size, whole in zip(s.shape[::-1], x.shape[::-1], strict=False))"
    assert f"if s.shape != x.shape and (s.dim() > x.dim() or {some}):" in lines


def test_what_indexes_the_tensor_as_if_it_were_whole_is_found() -> None:
    assert faults_of(scaled("y = x * s[:, :]", shape=["N", "C"]))


@pytest.mark.parametrize("kept", [True, False])
def test_a_definition_reads_it_at_its_whole_shape(kept: bool) -> None:
    assert checked(scaled(kept=kept, shape=["N", "C"], definition="y[n, c] = x[n, c] * s[n, c]"))
    assert checked(scaled(kept=kept, definition="y[..., c] = x[..., c] * s[..., c]"))
    (finding,) = faults_of(scaled(kept=kept, shape=["N", "C"], definition="y[n, c] = x[n, c] * s[n, 0]"))
    assert finding.rule.code == "LG408"


@pytest.fixture(scope="module")
def loss() -> type[nn.Module]:
    return layer_class("bce_loss")


@pytest.mark.parametrize("shape", [(), (5,), (3, 1), (4, 1, 5), (4, 3, 5)])
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_weights_of_a_loss_are_those_of_torch(shape: tuple[int, ...], reduction: str, loss: type[nn.Module]) -> None:
    weight, x, target = torch.rand(shape) + 0.5, torch.rand(4, 3, 5), torch.rand(4, 3, 5)
    layer = loss(weight, reduction=reduction)
    torch.testing.assert_close(layer(x, target), nn.BCELoss(weight, reduction=reduction)(x, target))
