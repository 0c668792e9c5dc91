"""Matches: what a layer is held against can take its place, and computes the same."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program, spec, weight

from layergen.faults import SpecError
from layergen.lower.behaviours import layer_expression
from layergen.resolve import resolve

pytestmark = pytest.mark.filterwarnings("ignore")  # what torch warns of in a trial


def test_a_module_that_cannot_be_made_is_no_match() -> None:
    finding = fault_of(
        program(
            "y = conv1d(x, weight, groups=groups)",
            arguments={"dim": DIM, "groups": DIM},
            constraints=["dim % groups == 0"],
            parameters=weight("xavier_uniform", "dim", "dim // groups", 1),
            inputs={"x": ["N", "dim", "L"]},
            outputs={"y": ["N", "dim", "L"]},
            matches="nn.Conv1d(dim, dim + 1, 1, groups=groups, bias=False)",
        )
    )
    assert (finding.rule.code, finding.place.path) == ("LG404", ("matches", "module"))
    assert finding.message == "out_channels must be divisible by groups"


@pytest.mark.parametrize("module", ["nn.Relu", "nn.relu", "nn.Parameter", "nn.init", "nn.functional"])
def test_what_is_no_module_is_no_match(module: str) -> None:
    with pytest.raises(SpecError) as refusal:
        resolve(spec("y = relu(x)", matches=f"{module}()"))
    (finding,) = refusal.value.findings
    assert (finding.rule.code, finding.message) == ("LG205", f"`{module}` is not a module of torch.nn")


def test_the_first_value_that_differs_from_the_match_is_told() -> None:
    finding = fault_of(program("y = relu(x)", matches="where(x > 0, x, x / 2)"))
    assert (finding.rule.code, finding.place.path, finding.place.span) == ("LG404", ("matches",), (0, 22))
    assert finding.message.startswith("`y[") and finding.message.endswith("by `where(x > 0, x, x / 2)`")


def test_an_expression_gives_as_many_tensors_as_the_layer() -> None:
    two = {"y": ["N", "C"], "z": ["N", "C"]}
    finding = fault_of(program("y = relu(x)\nz = exp(x)", outputs=two, matches="clamp(x, min=0)"))
    assert finding.message == "what is matched gives 1 tensor, and the layer 2 outputs here"
    finding = fault_of(program("y = relu(x)", matches="(clamp(x, min=0), exp(x))"))
    assert finding.message == "what is matched gives 2 tensors, and the layer 1 output here"
    assert checked(program("y = relu(x)\nz = exp(x)", outputs=two, matches="(clamp(x, min=0), exp(x))")).cases


def test_an_expression_that_torch_refuses_is_told_where_it_fails() -> None:
    finding = fault_of(program("y = relu(x)", matches="clamp(reshape(x, [N, 3 * C]), min=0)"))
    assert finding.place.path == ("matches",)


def test_an_expression_of_one_op_excuses_what_torch_does_itself() -> None:
    """The slope of a root at zero is infinite: torch's own root has it, and what an author writes is the author's."""
    inputs = {"x": {"shape": ["N", "C"], "range": [0, 2]}}
    assert checked(program("y = sqrt(x)", inputs=inputs, matches="sqrt(x)")).cases
    finding = fault_of(program("y = sqrt(x)", inputs=inputs, matches="x / sqrt(x)"))
    assert finding.rule.code == "LG315"


def test_a_layer_that_draws_always_is_not_compared() -> None:
    layer = program("y = x + randn_like(x)", random="always", matches="x")
    assert not any(shown.contract == "matches" for shown in checked(layer).judgement.shown)


@pytest.mark.parametrize(
    ("matched", "message"), [("m + x", "`None` and a tensor have no `+`"), ("x * 2 if m is None else x + m", "`y[")]
)
def test_an_input_that_is_left_out_is_compared_too(matched: str, message: str) -> None:
    inputs = {"x": ["N", "C"], "m": {"shape": ["N", "C"], "optional": True}}
    finding = fault_of(program("y = x if m is None else x + m", inputs=inputs, matches=matched))
    assert message in finding.message and finding.place.path == ("matches",)


def test_an_expression_may_name_tensors_among_the_arguments() -> None:
    weight_of = {"w": {"type": "tensor", "shape": ["C"], "range": [0.5, 2], "doc": "Weights."}}
    laws = ["layer(2 * x) == 2 * w * x"]
    layer = checked(program("y = x * w", arguments=weight_of, matches="w * x", laws=laws))
    assert "expression=lambda layer, x: layer.w * x" in layer_expression(layer)


def test_dtypes_are_compared() -> None:
    finding = fault_of(
        program("y = x > 0", outputs={"y": {"shape": ["N", "C"], "dtype": "bool"}}, matches="relu(sign(x))")
    )
    assert finding.message == "`y` is bool by the forward and float64 by `relu(sign(x))`"


def test_a_module_that_refuses_the_labels_of_a_layer_is_told() -> None:
    inputs = {"z": ["N", "C"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, "C + 40"]}}
    forward = "y = -mean(gather(log_softmax(z, dim=1), 1, clamp(t, max=C - 1)[:, None]))"
    finding = fault_of(program(forward, inputs=inputs, outputs={"y": []}, matches="nn.CrossEntropyLoss()"))
    assert finding.message.startswith("`nn.CrossEntropyLoss` refuses what the layer takes")


def test_values_in_single_precision_may_be_rounded() -> None:
    single = {"shape": ["N", "C"], "dtype": "complex64"}
    parts: dict[str, Any] = {"inputs": {"x": single}, "outputs": {"y": single}}
    assert checked(program("y = x * conj(x) + x", matches="square(abs(x)) + x", **parts)).cases


def test_an_expression_may_call_members() -> None:
    parts: dict[str, Any] = {"arguments": {"C": DIM}, "modules": {"gate": "nn.Linear(C, C)"}}
    layer = checked(program("y = x * sigmoid(gate(x))", matches="x / (1 + exp(-gate(x)))", **parts))
    assert "x / (1 + torch.exp(-layer.gate(x)))" in layer_expression(layer)
    with pytest.raises(SpecError) as refusal:
        resolve(spec("y = x * sigmoid(gaet(x)) + gate(x)", **parts))
    (finding,) = refusal.value.findings
    assert (finding.message, finding.help) == ("`gaet` is no op, and no member", "write `gate`")


def test_a_buffer_that_the_module_does_not_have_is_not_compared() -> None:
    calls = {"calls": {"shape": [], "init": "zeros", "persistent": False}}
    forward = "if training:\n  calls = calls + 1\ny = clamp(x, min=0) + 0 * calls"
    accept = {"lost-state": "It counts for this run alone."}
    assert checked(program(forward, buffers=calls, matches="nn.ReLU()", accept=accept)).cases


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({}, False),
        ({"matches": "x + x"}, True),
        ({"laws": ["layer(-x) == -layer(x)"]}, True),
        ({"definition": "y[n, c] = 2 * x[n, c]"}, True),
    ],
)
def test_values_are_told_by_a_match_a_law_or_a_definition(parts: dict[str, Any], told: bool) -> None:
    assert checked(program("y = 2 * x", **parts)).told == told
