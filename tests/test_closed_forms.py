"""Exponentials that run over are told with the op that gives the same without them."""

import pytest
from small import faults_of, program

from layergen.contracts.closed_forms import closed_form


@pytest.mark.parametrize(
    ("forward", "op"),
    [
        ("y = log(1 + exp(x))", "softplus(x)"),
        ("y = log1p(exp(-x))", "softplus(-x)"),
        ("y = 1 / (1 + exp(-x))", "sigmoid(x)"),
        ("y = exp(x) / (exp(x) + 1)", "sigmoid(x)"),
        ("y = log(1 - sigmoid(x))", "logsigmoid(-x)"),
        ("y = exp(x) / sum(exp(x), dim=1, keepdim=True)", "softmax(x, dim=1)"),
        ("y = x - log(sum(exp(x), dim=1, keepdim=True))", "logsumexp(x, dim=1, keepdim=True)"),
        ("y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)"),
    ],
)
def test_a_formula_that_runs_over_is_told_with_its_op(forward: str, op: str) -> None:
    (finding,) = faults_of(program(forward))
    assert finding.help is not None and finding.help.startswith(f"write `{op}`, which is `")


@pytest.mark.parametrize(
    "forward",
    [
        "y = log(2 + exp(x))",
        "y = exp(x) / (1 + exp(2 * x))",
        "y = (exp(x) - exp(-x)) / (exp(x) + exp(-2 * x))",
        "y = exp(x) / sum(exp(-x), dim=1, keepdim=True)",
        "y = exp(x) / sum(exp(x))",
        "y = x - log(sum(exp(x)))",
        "y = softplus(x)",
    ],
)
def test_other_formulas_have_no_such_op(forward: str) -> None:
    assert closed_form(program(forward)) is None
