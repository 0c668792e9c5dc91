"""Laws that hold of every function tell nothing of a layer; those that one function breaks do."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program, weight

from layergen.resolve.program import Program

INVERTIBLE: dict[str, Any] = {"inputs": {"x": ["N", "C"], "inverse": {"type": "bool", "default": False}}}
PAIR: dict[str, Any] = {"outputs": {"y": ["N", "C"], "z": ["N", "C"]}}
BEST: dict[str, Any] = {"outputs": {"y": {"shape": ["N"], "dtype": "int64"}}}
RATE = {"type": "float", "min": 0, "default": 0.5, "doc": "Rate."}

HOLD_OF_ALL = {
    "itself": program("y = tanh(x)", laws=["layer(x) == layer(x)"]),
    "the same input": program("y = tanh(x)", laws=["layer(x) == layer(1 * x + 0)"]),
    "the same input but for rounding": program("y = tanh(x)", laws=["layer(x) == layer(x + 1 - 1)"]),
    "a default that is given": program(
        "y = -tanh(x) if inverse else tanh(x)", laws=["layer(x, inverse=False) == layer(x)"], **INVERTIBLE
    ),
    "no bound": program("y = tanh(x)", laws=["layer(x) >= -inf"]),
    "a square": program("y = tanh(x)", laws=["layer(x) ** 2 >= 0"]),
    "shapes": program("y = tanh(x)", laws=["ones_like(layer(x)) == 1"]),
    "an order": program("y = tanh(x)", laws=["amax(layer(x), [0, 1]) >= mean(layer(x), [0, 1])"]),
    "parameters": program(
        "y = linear(x, weight)",
        laws=["sum(square(weight)) + 0 * sum(layer(x)) >= 0"],
        arguments={"dim": DIM},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
        parameters=weight("normal", "dim", "dim"),
    ),
    "one of two outputs": program("y = tanh(x)\nz = -y", laws=["layer(x)[0] == layer(x)[0]"], **PAIR),
    "integers": program("y = argmax(x, dim=1)", laws=["layer(x) == layer(x)"], **BEST),
    "at no setting": program(
        "y = tanh(p * x)", laws=[{"law": "layer(x) <= 1", "when": "p > 50"}], arguments={"p": RATE}
    ),
}
TELLING = {
    "a sign": program("y = square(x)", laws=["layer(x) >= 0"]),
    "a wide bound": program("y = 100 * tanh(x)", laws=["layer(x) <= 100"]),
    "an odd function": program("y = tanh(x)", laws=["layer(-x) == -layer(x)"]),
    "an inverse": program(
        "y = x / 2 if inverse else 2 * x", laws=["layer(layer(x, inverse=False), inverse=True) == x"], **INVERTIBLE
    ),
    "a second time": program("y = relu(x)", laws=["layer(layer(x)) == layer(x)"]),
    "an order of inputs": program("y = tanh(x)", laws=["layer(flip(x, [0])) == flip(layer(x), [0])"]),
    "two outputs": program("y = tanh(x)\nz = -y", laws=["layer(x)[0] == -layer(x)[1]"], **PAIR),
    "one number": program("y = mean(square(x))", laws=["layer(x) >= 0"], outputs={"y": []}),
    "one number of another": program("y = mean(x)", laws=["layer(x + 1) >= layer(x)"], outputs={"y": []}),
    "a bound of integers": program("y = argmax(x, dim=1)", laws=["layer(x) <= 4096"], **BEST),
    "an index": program("y = argmax(x, dim=1)", laws=["layer(x) >= 0"], **BEST),
    "what is found at an index": program(
        "y = argmax(x, dim=1)", laws=["gather(x, 1, layer(x)[:, None])[:, 0] == amax(x, [1])"], **BEST
    ),
    "a random choice": program("y = x * (rand_like(x) > 0.5)", random="always", laws=["abs(layer(x)) <= abs(x)"]),
    "one setting": program(
        "y = tanh(p * x)", laws=[{"law": "layer(x) <= 1", "when": "p > 0.4"}], arguments={"p": RATE}
    ),
}


@pytest.mark.parametrize("layer", HOLD_OF_ALL.values(), ids=HOLD_OF_ALL)
def test_a_law_that_holds_of_all_functions_is_found(layer: Program) -> None:
    assert fault_of(layer).rule.name == "vacuous-law"


@pytest.mark.parametrize("layer", TELLING.values(), ids=TELLING)
def test_a_law_that_some_function_breaks_is_kept(layer: Program) -> None:
    assert checked(layer).told
