"""Running statistics that an op writes: a forward says it purely, and generated code is the one line of torch's own."""

from textwrap import dedent
from typing import Any

import pytest
import torch
from shipped import layer_class
from small import DIM, faults_of, forward_lines, program, spec
from torch import nn

from layergen import ops
from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.resolve import resolve
from layergen.resolve.program import Program

STATISTICS = {"m": {"shape": ["dim"], "init": "zeros"}, "v": {"shape": ["dim"], "init": "ones"}}
SHAPE = ["N", "dim", "L"]
PARTS: dict[str, Any] = {
    "arguments": {"dim": {**DIM, "min": 2}},
    "buffers": STATISTICS,
    "inputs": {"x": SHAPE},
    "outputs": {"y": SHAPE},
    "mixes": {"N": "training"},
}


def normalized(text: str, **parts: Any) -> Program:
    return program(dedent(text), **{**PARTS, **parts})


UPDATE = "y, m, v = batch_norm(x, m, v, training=training)"
WRITTEN = "F.batch_norm(x, self.m, self.v, training=self.training)"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (UPDATE, [f"return {WRITTEN}"]),
        (f"{UPDATE}\ny = y + m[:, None]", [f"y = {WRITTEN}", "return y + self.m[:, None]"]),
        (
            f"before = m\n{UPDATE}\ny = y + before[:, None]",
            ["before = self.m.clone()", f"y = {WRITTEN}", "return y + before[:, None]"],
        ),
        (
            "y, m, v = batch_norm(x * v[:, None], m, v, training=training)",
            ["return F.batch_norm(", "    x * self.v[:, None].clone(), self.m, self.v, training=self.training", ")"],
        ),
        (
            "if training:\n    y, m, v = batch_norm(x, m, v, training=True)\nelse:\n    y = batch_norm(x, m, v)",
            ["if self.training:", "    y = F.batch_norm(x, self.m, self.v, training=True)",
             "else:", "    y = F.batch_norm(x, self.m, self.v)", "return y"],
        ),
        (
            "y = x\nfor _ in range(2):\n    y, m, v = batch_norm(y, m, v, training=training)",
            ["for _ in range(2):", "    x = F.batch_norm(x, self.m, self.v, training=self.training)", "return x"],
        ),
        (
            "_, m, v = batch_norm(x, m, v, training=training)\ny = x - m[:, None]",
            [f"_ = {WRITTEN}", "return x - self.m[:, None]"],
        ),
    ],
)  # fmt: skip
def test_generated_code_calls_the_op_on_the_buffers(text: str, lines: list[str]) -> None:
    written = "\n".join(forward_lines(normalized(text)))
    expected = "\n".join(lines)
    assert written.split() == expected.split() or "".join(written.split()) == "".join(expected.split())


def test_a_share_in_a_tensor_becomes_a_number() -> None:
    parts = {"buffers": {**STATISTICS, "n": {"shape": [], "init": "zeros", "dtype": "int64"}}}
    text = "y, m, v = batch_norm(x, m, v, training=training, momentum=1 / n if training else 0.5)"
    (line,) = forward_lines(normalized(text, **parts))
    assert "momentum=1 / float(self.n) if self.training else 0.5)" in line


def test_a_name_of_a_share_is_a_number() -> None:
    parts = {"buffers": {**STATISTICS, "n": {"shape": [], "init": "zeros", "dtype": "int64"}}}
    text = """
        share = 0.5
        if training:
            n = n + 1
            share = 1 / double(n)
        y, m, v = batch_norm(x, m, v, training=training, momentum=share)"""
    lines = forward_lines(normalized(text, **parts))
    assert [line.strip() for line in lines if "share =" in line] == ["share = 0.5", "share = 1 / float(self.n)"]


def test_a_share_that_something_else_reads_stays_a_tensor() -> None:
    parts = {"buffers": {**STATISTICS, "n": {"shape": [], "init": "zeros", "dtype": "int64"}}}
    text = """
        share = 1 / double(n + 1)
        y, m, v = batch_norm(x, m, v, training=training, momentum=share)
        y = y * share"""
    lines = "".join(forward_lines(normalized(text, **parts)))
    assert "share = 1 / (self.n + 1).double()" in lines
    assert "momentum=float(share)" in lines


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("training", [True, False])
def test_the_build_computes_what_torch_computes(momentum: float | None, training: bool) -> None:
    layer = layer_class("batch_norm2d")(4, momentum=momentum)
    match = nn.BatchNorm2d(4, momentum=momentum)
    for module in (layer, match):
        module.train(training)
        torch.manual_seed(0)
        for _ in range(3):
            module(torch.randn(5, 4, 3, 2) + 7)
    for name, tensor in match.state_dict().items():
        torch.testing.assert_close(layer.state_dict()[name], tensor)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("momentum", [0.1, torch.tensor(0.25, dtype=torch.float64)])
def test_the_pure_op_gives_what_torch_writes(dtype: torch.dtype, momentum: Any) -> None:
    update = ops.update("batch_norm")
    assert update is not None
    x, mean, var = torch.randn(6, 3, 5, dtype=dtype), torch.randn(3, dtype=dtype), torch.rand(3, dtype=dtype)
    before = mean.clone(), var.clone()
    y, new_mean, new_var = update.function(x, mean, var, training=True, momentum=momentum)
    assert torch.equal(mean, before[0])
    assert torch.equal(var, before[1])
    expected = torch.nn.functional.batch_norm(x, mean, var, training=True, momentum=float(momentum))
    torch.testing.assert_close((y, new_mean.to(dtype), new_var.to(dtype)), (expected, mean, var))


def test_statistics_are_written_in_training_alone() -> None:
    findings = faults_of(normalized("y, m, v = batch_norm(x, m, v, training=True)", mixes={"N": "always"}))
    assert [finding.rule.code for finding in findings] == ["LG324", "LG324"]


def faults_at_once(text: str, buffers: dict[str, Any]) -> tuple[Finding, ...]:
    """What is found before anything is run."""
    with pytest.raises(SpecError) as refusal:
        resolve(spec(text, **{**PARTS, "buffers": buffers}))
    return refusal.value.findings


def test_swapped_arguments_are_not_taken_for_swapped_results() -> None:
    buffers = {"running_mean": STATISTICS["m"], "running_var": STATISTICS["v"]}
    text = "y, running_mean, running_var = batch_norm(x, running_var, running_mean, training=training)"
    (finding,) = faults_at_once(text, buffers)
    assert finding.rule.code == "LG227"
    assert finding.help == (
        "`batch_norm` takes `running_mean` and then `running_var`, and gives them back in this order: hand them over so"
    )


def test_statistics_that_are_never_told_of_training_are_found() -> None:
    (finding,) = faults_at_once("y, m, v = batch_norm(x, m, v)", STATISTICS)
    assert (finding.rule.code, finding.help) == ("LG227", "say `training=training`")
