"""Buffers that are updated: what was read of them keeps its value, in generated code as in the build's own runs."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from small import forward_lines, instance_of, program
from torch import Tensor

import layergen
from layergen.run.instance import Placement

CASES = Path(__file__).parent / "cases"
BUFFERS: dict[str, Any] = {
    "buffers": {"r": {"shape": [], "init": "zeros"}, "v": {"shape": [3], "init": "zeros"}},
    "inputs": {"x": ["N", 3]},
    "outputs": {"y": ["N", 3]},
}


def forward(text: str, **parts: Any) -> list[str]:
    return forward_lines(program(dedent(text), **{**BUFFERS, **parts}))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("y = x * r\nr = mean(x)", "y = x * self.r.clone()"),
        ("r = mean(x)\ny = x * r", "return x * self.r.clone()"),  # a second call writes before the first goes back
        ("y = x * detach(v)\nv = mean(x, 0)", "y = x * self.v.detach().clone()"),
        ("y = x * detach(x * v + x) * v\nv = mean(x, 0)", "y = x * (x * self.v + x).detach() * self.v.clone()"),
        ("y = linear(x, v)\nv = mean(x, 0)", "y = F.linear(x, self.v.clone())"),
        ("y = x * v[None]\nv = mean(x, 0)", "y = x * self.v[None].clone()"),
        ("y = x * (v if training else 1)\nv = mean(x, 0)", "y = x * (self.v.clone() if self.training else 1)"),
        (
            "h = upcast(r)\nr = mean(x)\ny = x + h",
            "h = self.r.to(torch.promote_types(self.r.dtype, torch.float32)).clone()",
        ),
        ("h = v\nv = mean(x, 0)\ny = x - h", "h = self.v.clone()"),
        ("h = v\ny = x * h\nv = mean(x, 0)", "h = self.v.clone()"),
        ("h = v[None]\nk = h\nv = v + 1\ny = x - k", "k = h.clone()"),
        ("h = v\ny = x\nfor _ in range(2):\n    y = y - h\n    v = v + 1", "h = self.v.clone()"),
        ("h = v\ny = x - h\nv = v + mean(h)", "h = self.v.clone()"),
        ("a, b = chunk(v, 2)\nv = v + 1\ny = x + a[0] + b[0]", "a, b = self.v.clone().chunk(2)"),
    ],
)
def test_what_must_keep_its_value_is_copied(text: str, line: str) -> None:
    assert line in forward(text)


@pytest.mark.parametrize("module", ["nn.Linear(3, 3)", "[nn.Linear(3, 3)]"])
def test_what_a_module_is_given_is_copied(module: str) -> None:
    call = "lin[0](v)" if module.startswith("[") else "lin(v)"
    written = forward(f"y = x + {call}\nv = mean(x, 0)", modules={"lin": module})
    assert f"y: Tensor = x + self.{call.replace('(v)', '(self.v.clone())')}" in written


@pytest.mark.parametrize(
    "text",
    [
        "y = x - v\nv = mean(x, 0)",  # what autograd keeps of a difference is not its operands
        "y = x * rsqrt(r + 1)\nr = mean(x)",
        "y = x / (2 * r)\nr = mean(x)",  # of numbers and buffers alone nothing is kept
        "c = 1 / r\nr = r + 1\ny = x * c",
        "y = cat([x, v[None]])\nv = mean(x, 0)",
        "y = type_as(x, v) + zeros_like(v)\nv = mean(x, 0)",
        "if training:\n    r = mean(x)\nelse:\n    x = x * r\ny = x",
        "if training or dim > 3:\n    y = x\nelse:\n    h = v\n    y = x * h\nif training:\n    v = mean(x, 0)",
        "y = x * v",  # nothing writes to it
        "h = v\ny = x - h\nv = mean(x, 0)",  # nothing reads the name behind the update
        "h = upcast(v)\nh = h - mean(h)\ny = x - h\nif training:\n    v = mean(x, 0)",
        "y = x * (x * v > 1)\nv = mean(x, 0)",  # a comparison has no gradient
        "d = x * v\ny = x * one_hot(argmin(d, dim=1), 3)\nv = mean(x, 0)",
        "m = one_hot(argmin(x * v, dim=1), 3)\ny = x + type_as(m, x) * v\nv = mean(x, 0)",
        "d = x * v\ny = x\nif training:\n    r = mean(d)\n    v = d[0]",  # which an update alone reads
        "n = sum(type_as(m, x), dim=1)\ny = x + (n * r)[:, None]\nr = mean(n)",  # of truths there is no gradient
        "s = detach(mean(abs(x), 0))\ny = x * detach(s / v)\nv = s",  # nor of what is detached, or becomes so
        "y = x * detach(mean(x * v))\nv = mean(x, 0)",
    ],
)
def test_nothing_is_copied_without_need(text: str) -> None:
    arguments = {"dim": {"type": "int", "doc": "Size."}}
    inputs = {"x": ["N", 3], "m": {"shape": ["N", "L"], "dtype": "bool"}}
    assert "clone()" not in "\n".join(forward(text, arguments=arguments, inputs=inputs))


def test_what_several_statements_read_is_copied_once() -> None:
    written = forward("a = x * r\nb = x * v * r\ny = a + b\nif training:\n    r = mean(x)")
    assert written[:3] == ["old_r = self.r.clone()", "a = x * old_r", "b = x * self.v * old_r"]
    written = forward("a = x * r\nr = mean(x)\ny = a + x * r")  # which are two values
    assert "\n".join(written).count("self.r.clone()") == 2
    written = forward("a = x * r if training else x\ny = a + x * r\nif training:\n    r = mean(x)")
    assert "\n".join(written).count("self.r.clone()") == 2  # not in evaluation


@pytest.mark.parametrize("text", ["y = v", "y = v[None, :2]", "h = v\ny = h", "y = x[0] if training else detach(v)"])
def test_no_output_lies_in_a_buffer(text: str) -> None:
    assert "".join(forward(text)).count(".clone()") == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("v = v + v[:1]\ny = x", "self.v.copy_(self.v + self.v[:1])"),
        ("v = v[:3]\ny = x", "self.v.copy_(self.v[:3].clone())"),
        ("v = flip(v, [0])\ny = x", "self.v.copy_(self.v.flip(0))"),
        ("v = lerp(v, v * 2, 0.1)\ny = x", "self.v.copy_(torch.lerp(self.v, self.v * 2, 0.1))"),
        ("v = lerp(v, type_as(mean(x, 0), v), 0.1)\ny = x", "self.v.lerp_(x.mean(0).type_as(self.v), 0.1)"),
    ],
)
def test_an_update_that_reads_the_buffer_again_does_not_write_while_it_reads(text: str, line: str) -> None:
    assert forward(text)[:2] == ["with torch.no_grad():", f"    {line}"]


def test_what_updates_alone_read_is_computed_without_gradients_beside_them() -> None:
    text = "m = mean(x, 0)\nc = 2 * N\n# Slowly.\nv = v + m / c\nh = x * 2\nf = mean(h)\nr = r + f\n# Now.\ny = h + m"
    assert forward(text) == [
        "N = x.shape[0]",
        "m = x.mean(0)",
        "with torch.no_grad():",
        "    c = 2 * N",
        "    # Slowly.",
        "    self.v.add_(m / c)",
        "h = x * 2",
        "with torch.no_grad():",
        "    f = h.mean()",
        "    self.r.add_(f)",
        "# Now.",
        "return h + m",
    ]


def test_buffers_among_several_names_are_updated() -> None:
    assert forward("v, m = var_mean(x, 0)\ny = x - m - v") == [
        "new_v, m = torch.var_mean(x, 0)",
        "with torch.no_grad():",
        "    self.v.copy_(new_v)",
        "return x - m - self.v",
    ]


# The build's own runs


def outputs(text: str, **parts: Any) -> dict[str, Tensor]:
    instance = instance_of(program(text, **{**BUFFERS, **parts}), Placement(torch.device("cpu"), gradients=True))
    for tensor in (*instance.inputs.values(), *instance.state.values()):
        if tensor is not None:
            tensor.data.fill_(2)
    return dict(instance.run(training=True).outputs)


def test_later_reads_see_what_was_assigned() -> None:
    found = outputs("y = x * r\nr = r + 5\nz = x * r", outputs={"y": ["N", 3], "z": ["N", 3]})
    assert (found["y"] == 4).all()
    assert (found["z"] == 14).all()


def test_what_is_read_back_has_the_dtype_of_the_buffer_and_no_gradient() -> None:
    buffers = {"v": {"shape": [3], "init": "zeros", "dtype": "float64"}}
    found = outputs("v = mean(x, 0)\ny = v", buffers=buffers, outputs={"y": [3]})
    assert (found["y"].dtype, found["y"].requires_grad) == (torch.float64, False)


# Generated layers


def layer(case: str, name: str) -> Any:
    return layergen.load(CASES / case / f"{name}.yaml")


def test_a_value_read_before_an_update_is_the_old_one() -> None:
    module = layer("buffer_read_before_its_update", "alias_buf")()
    before, after = module(torch.full((2, 3), 8.0))
    assert (before.item(), after.item(), module.running.item()) == (0, 4, 4)
    module(torch.zeros(2, 3))
    assert (before.item(), after.item(), module.running.item()) == (0, 4, 2)


def test_gradients_flow_back_past_an_update_and_another_call() -> None:
    module = layer("buffer_read_before_its_update", "running_scale")()
    x = torch.full((2, 3), 3.0, requires_grad=True)
    (module(x) + module(x)).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.full((2, 3), 1.0 + 1.2))
    torch.testing.assert_close(module.scale, torch.tensor(0.9 * 1.2 + 0.3))


def test_what_a_layer_returns_is_not_its_buffer() -> None:
    module = layer("buffer_read_before_its_update", "positions")(dim=2)
    _, first = module(torch.zeros(3, 9, 2))
    first.zero_()
    assert module.table[:3].sum() > 0
