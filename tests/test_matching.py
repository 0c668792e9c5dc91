"""Matches: what a layer is held against can take its place, and computes the same."""

import pytest
from small import DIM, checked, fault_of, program, spec, weight

from layergen.faults import SpecError
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
    assert finding.message == "`clamp(x, min=0)` gives no `z`"
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
