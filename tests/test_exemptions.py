"""What a spec takes out of a check needs it, at one setting at least."""

from typing import Any

import pytest
from small import DIM, FLAG, checked, fault_of, program, weight

from layergen.resolve.program import Program

SILENT = {"x": {"shape": ["N", "C"], "gradient": "surrogate"}}
SOME = {"x": {"shape": ["N", "L", "C"], "partial": True}}
RATE = {"type": "float", "min": 0, "max": 1, "exclusive": "max", "default": 0.5, "doc": "Share."}
DRAWN: dict[str, Any] = {"random": "always", "arguments": {"p": RATE}}
NOISE = {"noisy": {**FLAG, "default": False}}
MAP: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


def frozen(init: str, *shape: str, **more: Any) -> dict[str, Any]:
    """A parameter whose gradient is said not to be the derivative."""
    return {name: {**part, "gradient": False, **more} for name, part in weight(init, *shape).items()}


NEEDLESS = {
    "gradient of an input": program("y = x * sigmoid(x)", inputs=SILENT),
    "gradient of an input that is there at some settings": program(
        "y = x + other if other is not None else x",
        inputs={"x": ["N", "C"], "other": {"shape": ["N", "C"], "optional": True, "gradient": "surrogate"}},
    ),
    "gradient of a parameter": program("y = linear(x, weight)", parameters=frozen("normal", "dim", "dim"), **MAP),
    "gradient of a family": program(
        "y = linear(linear(x, weight[0]), weight[1])",
        parameters=frozen("normal", "dim", "dim", each={"k": "2"}),
        **MAP,
    ),
    "gradient of a member": program(
        "y = inner(x)", modules={"inner": {"module": "nn.Linear(dim, dim)", "gradient": False}}, **MAP
    ),
    "gradient of a list of members": program(
        "y = blocks[1](blocks[0](x))",
        modules={"blocks": {"module": "[nn.Linear(dim, dim) for k in range(2)]", "gradient": False}},
        **MAP,
    ),
    "gradient of integers": program(
        "y = weight[x]",
        parameters=weight("normal", "4", "3"),
        inputs={"x": {"shape": ["N"], "dtype": "int64", "range": [0, 4], "gradient": False}},
        outputs={"y": ["N", 3]},
    ),
    "random numbers": program("y = x * 2", random="always"),
    "random numbers in training": program("y = dropout(x, p, training=training)", **DRAWN),
    "random numbers under a condition": program("y = x\nif training:\n    y = x + randn_like(x)", random="always"),
    "parts": program("y = mean(x, dim=1)", inputs=SOME),
}
NEEDED = {
    "an estimate": program("y = x + detach(round(x) - x)", inputs=SILENT),
    "complex numbers, whose gradient is not measured": program(
        "z = w * 2",
        inputs={"w": {"shape": ["N", "C"], "dtype": "complex64", "gradient": False}},
        outputs={"z": {"shape": ["N", "C"], "dtype": "complex64"}},
    ),
    "a flat op at one setting": program("y = round(x) if noisy else x", inputs=SILENT, arguments=NOISE),
    "a detach at one setting": program("y = detach(x) if noisy else x", inputs=SILENT, arguments=NOISE),
    "a slope at an edge": program(
        "y = sqrt(x)", inputs={"x": {"shape": ["N", "C"], "range": [0, 1], "gradient": "surrogate"}}
    ),
    "a padding row": program(
        "y = embedding(x, weight, padding_idx=0)",
        parameters=frozen("normal", "4", "3"),
        inputs={"x": {"shape": ["N"], "dtype": "int64", "range": [0, 4]}},
        outputs={"y": ["N", 3]},
    ),
    "a loss without a derivative": program(
        "y = soft_margin_loss(x, t)",
        inputs={"x": ["N", "C"], "t": {"shape": ["N", "C"], "gradient": False}},
        outputs={"y": []},
    ),
    "dropout": program("y = dropout(x, p)", **DRAWN),
    "noise at one setting": program("y = x + randn_like(x) if noisy else x", random="always", arguments=NOISE),
    "the first step": program("y = x[:, 0]", inputs=SOME),
    "the first step at one setting": program("y = x[:, 0] if noisy else mean(x, dim=1)", inputs=SOME, arguments=NOISE),
    "every other step": program(
        "y = x[:, ::2]", inputs=SOME, outputs={"y": ["N", "(L + 1) // 2", "C"]}, constraints=["L > 2"]
    ),
    "statistics in evaluation": program("y = x - mean(x, dim=0, keepdim=True)", mixes={"N": "always"}),
}


@pytest.mark.parametrize("layer", NEEDLESS.values(), ids=NEEDLESS)
def test_what_nothing_needs_is_found(layer: Program) -> None:
    assert fault_of(layer).rule.name == "needless-exemption"


@pytest.mark.parametrize("layer", NEEDED.values(), ids=NEEDED)
def test_what_some_setting_needs_is_accepted(layer: Program) -> None:
    assert checked(layer)


def test_samples_that_meet_in_training_alone_say_so() -> None:
    forward = "y = x - mean(x, dim=0, keepdim=True) if training else x"
    assert fault_of(program(forward, mixes={"N": "always"})).help == "write `mixes: {N: training}`"
    assert checked(program(forward, mixes={"N": "training"}))


def test_what_torch_lets_flow_may_flow_where_it_is_matched() -> None:
    parts: dict[str, Any] = {
        "inputs": {"x": ["N", "C"], "t": {"shape": ["N", "C"], "gradient": False}},
        "outputs": {"y": []},
    }
    forward = "y = poisson_nll_loss(x, t)"
    assert fault_of(program(forward, **parts)).rule.code == "LG349"
    assert checked(program(forward, matches="nn.PoissonNLLLoss()", **parts))


TEACHER: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "buffers": {"center": {"shape": ["dim"], "init": "zeros", "doc": "Running mean."}},
    "inputs": {"x": ["N", "dim"], "teacher": {"shape": ["N", "dim"], "gradient": False}},
    "outputs": {"y": ["N", "dim"]},
    "constraints": ["N >= 1"],
}
FOLLOWED = "if training:\n    center = lerp(center, type_as(mean(detach(teacher), dim=0), center), 0.1)"


def test_a_gradient_flows_back_although_another_use_is_detached() -> None:
    forgotten = program(f"y = x * softmax(teacher - center, dim=-1)\n{FOLLOWED}", **TEACHER)
    assert fault_of(forgotten).help == "cut it off by `detach(teacher)`, or delete `gradient: false`"
    assert checked(program(f"y = x * softmax(detach(teacher) - center, dim=-1)\n{FOLLOWED}", **TEACHER))


@pytest.mark.parametrize(
    "forward",
    [
        "y = x * (teacher + detach(round(teacher) - teacher))",
        "y = x * (teacher + detach(clamp(teacher, -50, 50) - teacher))",
        "y = x * exp(teacher - detach(amax(teacher, dim=-1, keepdim=True)))",
        "y = x * teacher + detach(teacher)",
    ],
)
def test_what_a_detach_leaves_of_a_gradient_is_meant(forward: str) -> None:
    assert checked(program(f"{forward} + center\n{FOLLOWED}", **TEACHER))


def test_a_gradient_that_only_a_draw_lets_flow_is_no_derivative() -> None:
    noisy = "y = where(bernoulli(full([N, 1], 0.5)) > 0, x, round(x)) if training else round(x)"
    assert checked(program(noisy, inputs=SILENT))
    assert checked(program(noisy, inputs={"x": {"shape": ["N", "C"], "gradient": False}}))
