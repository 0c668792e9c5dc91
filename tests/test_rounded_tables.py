"""Constants that a definition tells by their formula: compared as the formula has them, whatever rounds them."""

from typing import Any

import pytest
from small import checked, fault_of, program

STEPS = {"type": "int", "min": 2, "default": 10, "doc": "Number of steps."}
FORWARD = "y = (1 - type_as(kept[t], x)) * x"
DEFINITION = "beta[k < steps] = 0.0001 + 0.0199 * k / (steps - 1)\ny[n] = beta[t[n]] * x[n]"


def layer(init: str = "1 - linspace(0.0001, 0.02, steps)", definition: str = DEFINITION, **buffer: Any) -> Any:
    return program(
        FORWARD,
        definition=definition,
        arguments={"steps": STEPS},
        buffers={"kept": {"shape": ["steps"], "persistent": False, "init": init, **buffer}},
        inputs={"x": ["N"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, "steps"]}},
        outputs={"y": ["N"]},
    )


@pytest.mark.parametrize("own", [{}, {"dtype": "float64"}])
def test_a_constant_has_the_digits_of_its_dtype(own: dict[str, str]) -> None:
    found = checked(layer(**own)).defined
    assert found.exact and not found.rounded


def test_one_that_is_rounded_is_compared_as_its_formula_and_tests_know_that_it_is() -> None:
    found = checked(layer(dtype="float32")).defined
    assert found.exact and found.rounded


def test_one_that_float32_holds_is_compared_to_the_last_digit() -> None:
    definition = "y[n] = (0.5 - t[n]) * x[n]"
    assert not checked(layer("0.5 + arange(steps)", definition, dtype="float32")).defined.rounded


def test_one_that_the_definition_reads_is_what_it_reads() -> None:
    assert not checked(layer(definition="y[n] = (1 - kept[t[n]]) * x[n]", dtype="float32")).defined.rounded


@pytest.mark.parametrize("own", [{}, {"dtype": "float64"}, {"dtype": "float32"}])
def test_another_formula_is_found_where_rounding_is_larger(own: dict[str, str]) -> None:
    found = fault_of(layer(definition=DEFINITION.replace("0.0199", "0.0199 * (1 + 1e-6)"), **own))
    assert found.rule.code == "LG408"


def test_a_table_that_loses_more_than_its_dtype_explains_is_found() -> None:
    definition = "y[n] = -(98.8 + 0.5 * t[n] / (steps - 1)) * x[n]"
    assert checked(layer("99.8 + linspace(0, 0.5, steps)", definition, dtype="float32")).defined.exact
    found = fault_of(layer("99.8 + linspace(0, 0.5, steps)", definition, dtype="bfloat16"))
    assert found.rule.code == "LG408" and "`kept` in the dtype of the spec" in found.notes
