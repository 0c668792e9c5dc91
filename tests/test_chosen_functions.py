"""Functions among the arguments, as a definition calls them: what each choice is, held against torch."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from small import spec

from layergen import ops
from layergen.definition.evaluate import Evaluation
from layergen.definition.loops import definition_lines
from layergen.definition.numbers import Entries, IndexFault
from layergen.definition.reading import check_definition, definition_of
from layergen.definition.scene import Definition

NUMBERS = (-4.5, -0.75, -0.25, 0.25, 0.75, 1.5, 7.0)
KNOWN = (
    "celu", "elu", "expm1", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log1p",
    "logsigmoid", "mish", "neg", "reciprocal", "relu", "relu6", "rsqrt", "selu", "silu", "softplus", "softshrink",
    "softsign", "square", "tanhshrink", "abs", "atan", "ceil", "cos", "cosh", "erf", "exp", "floor", "log", "log2",
    "log10", "round", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh",
)  # fmt: skip


def defined(text: str, *choices: str, **parts: Any) -> Definition:
    act = {"type": "function", "choices": list(choices), "doc": "Function.", **parts}
    made = spec(definition=text, arguments={"act": act})
    assert list(check_definition(made)) == []
    found = definition_of(made)
    assert found is not None
    return found


def told(definition: Definition, choice: str | None, number: float) -> Any:
    return Evaluation(definition, {"N": 1, "C": 1, "act": choice}, {"x": Entries((1, 1), [number])}).entry("y", (0, 0))


def printed(definition: Definition, choice: str, number: float) -> Any:
    """What the function of a generated test gives."""
    body = "\n".join(f"    {line}" for line in definition_lines(definition))
    scope: dict[str, Any] = {"math": math, "cache": cache, "Any": Any, "Callable": Callable}
    exec(f"def definition(given):\n{body}", scope)  # noqa: S102 (what layergen itself has written)
    return scope["definition"]({"x": {(0, 0): number}, "act": choice})["y"](0, 0)


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_what_torch_computes(name: str) -> None:
    definition, op = defined("y[n, i] = act(x[n, i])", name), ops.find(name)
    assert op is not None
    for number in NUMBERS:
        expected = float(op.function(torch.tensor(number, dtype=torch.float64)))
        assert told(definition, name, number) == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
        if math.isfinite(expected):
            assert printed(definition, name, number) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_its_argument_may_be_any_formula() -> None:
    definition = defined("y[n, i] = act(act(x[n, i]) - 2 * x[n, i]) + 1", "relu", "square")
    assert told(definition, "relu", -3.0) == printed(definition, "relu", -3.0) == 7.0
    assert told(definition, "square", 4.0) == printed(definition, "square", 4.0) == 65.0


def test_one_that_is_left_out_is_asked_for() -> None:
    definition = defined("y[n, i] = act(x[n, i])", "relu", optional=True, default=None)
    with pytest.raises(IndexFault, match="`act` is None here"):
        told(definition, None, 1.0)
    asked = defined("y[n, i] = act(x[n, i]) if act is not None else 5", "relu", optional=True, default=None)
    assert told(asked, None, 1.0) == 5


def test_a_choice_without_a_formula_may_be_written_out() -> None:
    definition = defined("y[n, i] = 3 if act == 'digamma' else act(x[n, i])", "relu", "digamma")
    assert told(definition, "digamma", 1.0) == printed(definition, "digamma", 1.0) == 3
    assert told(definition, "relu", 1.0) == 1
