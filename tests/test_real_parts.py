"""Complex initial values: what is made from nothing to be their real and imaginary parts is real."""

from typing import Any

import pytest
import torch
from small import DIM, checked, fault_of, program

from layergen.lower.initial import reset_lines
from layergen.resolve.program import Program
from layergen.run.instance import Instance
from layergen.run.started import start
from layergen.settings.choice import settings


def started_by(init: str, dtype: str = "complex64") -> Program:
    weight: dict[str, Any] = {"shape": ["dim"], "dtype": dtype, "init": init, "doc": "Factors."}
    tensors = {
        "inputs": {"x": {"shape": ["N", "dim"], "dtype": dtype}},
        "outputs": {"y": {"shape": ["N", "dim"], "dtype": dtype}},
    }
    return program("y = weight * x", arguments={"dim": DIM}, parameters={"weight": weight}, **tensors)


@pytest.mark.parametrize(
    "init", ["complex(randn(dim), randn(dim)) / sqrt(dim)", "polar(rand(dim), angle=full([dim], 1))", "ones"]
)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_parts_are_made_in_the_real_dtype_of_the_tensor(init: str, dtype: str) -> None:
    layer = started_by(init, dtype)
    assert checked(layer).cases
    instance = Instance(layer, settings(layer)[0])
    start(instance)
    weight = instance.state["weight"]
    assert weight is not None and weight.dtype is getattr(torch, dtype)


def test_generated_code_says_so() -> None:
    line = "".join(reset_lines(started_by("complex(randn(dim), rand(dim, dtype=float64))", "complex128")))
    assert "torch.randn(self.dim, dtype=torch.float64, device=device)" in line
    assert line.count("dtype=torch.float64") == 2


def test_a_complex_tensor_is_no_part() -> None:
    finding = fault_of(started_by("a = randn(dim)\nweight = complex(a, a)"))
    assert finding.rule.code == "LG307"
    assert finding.help is not None and finding.help.endswith("make its parts real, as by `randn(…, dtype=float32)`")
