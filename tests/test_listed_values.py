"""Lists of numbers that a caller of the forward gives."""

from typing import Any

import pytest
import torch
from shipped import layer_class
from small import checked, fault_of, forward_lines, program
from torch import nn

from layergen.resolve.program import Program

SIZE = {"type": "size2", "min": 1, "optional": True, "default": None}
SHAPE = ["N", "C", "size[0] if size is not None else H", "size[1] if size is not None else W"]


def pooled(text: str = "y = adaptive_avg_pool2d(x, size) if size is not None else x", **parts: Any) -> Program:
    given = {"inputs": {"x": ["N", "C", "H", "W"], "size": SIZE}, "outputs": {"y": SHAPE}}
    return program(text, **{**given, **parts})


def test_shapes_are_proven_for_all_numbers_of_a_list() -> None:
    layer = checked(pooled())
    assert layer.proven
    assert {case.setting.values["size"] is None for case in layer.cases} == {True, False}


def test_a_list_is_brought_into_one_form_first() -> None:
    assert forward_lines(pooled())[:3] == [
        "if size is not None:",
        '    size = _pair("size", size)',
        "if size is not None and min(size) <= 0:",
    ]


def test_a_size_that_is_not_what_the_list_says_is_found() -> None:
    finding = fault_of(pooled("y = adaptive_avg_pool2d(x, [size[1], size[0]]) if size is not None else x"))
    assert finding.rule.code == "LG302"


@pytest.mark.parametrize("given", [None, 8, [7], (6,)])
def test_a_transposed_convolution_takes_the_length_of_its_output(given: Any) -> None:
    layer = layer_class("conv_transpose1d")(2, 3, 3, stride=3)
    match = nn.ConvTranspose1d(2, 3, 3, stride=3)
    match.load_state_dict(layer.state_dict())
    x = torch.randn(4, 2, 2)
    listed = [given] if isinstance(given, int) else given and list(given)
    torch.testing.assert_close(layer(x, given), match(x, listed))


@pytest.mark.parametrize("given", [5, 9, (6, 6)])
def test_a_length_that_the_stride_does_not_leave_open_is_refused(given: Any) -> None:
    layer = layer_class("conv_transpose1d")(2, 3, 3, stride=3)
    with pytest.raises(ValueError, match="output_size"):
        layer(torch.randn(4, 2, 2), given)
