"""What is made from nothing inside an ``upcast`` is made in a wide dtype, in which nothing was rounded before."""

import pytest
import torch
from small import DIM, forward_lines, instance_of, program

from layergen.lower.initial import reset_lines
from layergen.resolve.program import Program
from layergen.run.environment import TensorCalls
from layergen.run.initial import evaluated

WIDE = "torch.promote_types(self.b.dtype, torch.float32)"


def started(init: str, dtype: str | None = None) -> Program:
    buffer = {"shape": ["dim"], "init": init, "doc": "It.", **({} if dtype is None else {"dtype": dtype})}
    return program(arguments={"dim": DIM}, buffers={"b": buffer})


@pytest.mark.parametrize(
    ("init", "value"),
    [
        ("upcast(linspace(0, 9, dim))", f"torch.linspace(0, 9, self.dim, device=self.b.device, dtype={WIDE})"),
        ("sin(upcast(2 * rand(dim + 1)[1:]))", f"torch.rand(self.dim + 1, device=self.b.device, dtype={WIDE})[1:]"),
        ("upcast(arange(dim))", f"torch.arange(self.dim, dtype={WIDE}, device=self.b.device)"),
        ("upcast(arange(dim) / 3)", f"torch.arange(self.dim, dtype={WIDE}, device=self.b.device) / 3"),
        ("upcast(arange(dim, dtype=float32))", "torch.arange(self.dim, dtype=torch.float32, device=self.b.device)"),
        ("upcast(randn(dim))", f"torch.randn_like(self.b, dtype={WIDE})"),
        ("linspace(0, 9, dim)", "torch.linspace(0, 9, self.dim, device=self.b.device, dtype=self.b.dtype)"),
    ],
)
def test_an_initial_value_is_made_wide(init: str, value: str) -> None:
    assert value in "\n".join(reset_lines(started(init)))


def test_what_is_made_wide_is_not_converted() -> None:
    assert ".to(" not in "\n".join(reset_lines(started("cos(upcast(linspace(0, 9, dim) * 2))")))


@pytest.mark.parametrize("init", ["upcast(linspace(0, 1, dim))", "upcast(arange(dim)) / 3"])
@pytest.mark.parametrize(("dtype", "wide"), [("bfloat16", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_an_initial_value_is_computed_wide(init: str, dtype: str, wide: str) -> None:
    instance = instance_of(started(init))
    calls = TensorCalls(torch.device("cpu"), getattr(torch, dtype))
    value = evaluated(instance, instance.program.tensors["b"], calls, {})
    assert value.dtype == getattr(torch, wide)


def test_whole_numbers_beside_a_buffer_of_such() -> None:
    buffers = {
        "b": {"shape": ["dim"], "init": "sin(upcast(order + 1))", "doc": "It."},
        "order": {"shape": ["dim"], "dtype": "int64", "init": "arange(dim)", "doc": "It."},
    }
    lines = "\n".join(reset_lines(program(arguments={"dim": DIM}, buffers=buffers)))
    assert f"(self.order + 1).to({WIDE})" in lines


@pytest.mark.parametrize(
    ("forward", "value"),
    [
        ("y = type_as(x * upcast(linspace(0, 1, C)), x)", "dtype=torch.promote_types(x.dtype, torch.float32)"),
        ("y = type_as(upcast(x * linspace(0, 1, C)), x)", "dtype=x.dtype)"),  # which may be no product of two dtypes
    ],
)
def test_a_forward_makes_it_wide_where_it_reads_no_tensor(forward: str, value: str) -> None:
    assert value in "\n".join(forward_lines(program(forward)))
