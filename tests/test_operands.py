"""Operands of conditions: each decides alone at some setting, as far as constraints allow."""

from typing import Any

import pytest
from small import DIM, FLAG, program

from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.settings.beside import beside
from layergen.settings.choice import settings
from layergen.settings.operands import operands, weighed
from layergen.settings.reaching import reaching

SIZES: dict[str, Any] = {"stride": {**DIM, "default": 1}, "dim": DIM, "out": DIM}
NUMBER = {"type": "float", "default": 0.0, "min": 0, "doc": "Number."}
COUNT = {"type": "int", "optional": True, "default": None, "min": 1, "doc": "Number."}
BOTH = {True, False}


def deciding(layer: Program) -> dict[str, set[bool]]:
    """By what each operand decides alone, at the settings that are found for a layer."""
    usual = settings(layer)
    made = [*usual, *reaching(layer, usual)]
    alone = set().union(*(weighed(layer, setting) for setting in (*made, *beside(layer, made))))
    found = list(operands(layer))
    return {
        ex.show(part.test): {outcome for outcome in (True, False) if part.decides(outcome) in alone} for part in found
    }


@pytest.mark.parametrize(
    ("condition", "arguments", "expected"),
    [
        ("stride == 1 and dim == out", SIZES, ["stride == 1", "dim == out"]),
        ("stride != 1 or dim != out", SIZES, ["stride != 1", "dim != out"]),
        ("not (stride == 1 and (dim == out or p > 0))", {**SIZES, "p": NUMBER}, ["stride == 1", "dim == out", "p > 0"]),
        ("a and not b", {"a": FLAG, "b": FLAG}, ["a", "b"]),
        ("training and p > 0.25", {"p": NUMBER}, ["training", "p > 0.25"]),
    ],
)
def test_each_operand_of_a_condition_decides_alone(
    condition: str, arguments: dict[str, Any], expected: list[str]
) -> None:
    for forward in (f"y = x\nif {condition}:\n    y = 2 * x", f"y = 2 * x if {condition} else x"):
        assert deciding(program(forward, arguments=arguments)) == dict.fromkeys(expected, BOTH)


def test_so_it_does_outside_the_forward() -> None:
    condition = "stride == 1 and dim == out"
    expected = {"stride == 1": BOTH, "dim == out": BOTH}
    bias: dict[str, Any] = {"shape": ["C"], "init": "zeros", "when": condition}
    assert (
        deciding(program("y = x if bias is None else x + bias", arguments=SIZES, parameters={"bias": bias})) == expected
    )
    derived = program("y = x if skips else -x", arguments=SIZES, derived={"skips": condition})
    assert deciding(derived) == expected
    shaped = program(
        "y = x if stride == 1 and dim == out else x[:1]",
        arguments=SIZES,
        outputs={"y": [f"N if {condition} else 1", "C"]},
    )
    assert deciding(shaped) == expected


def test_constraints_may_keep_an_operand_from_deciding() -> None:
    layer = program(
        "y = 2 * x if stride == 1 and dim == out else x", arguments=SIZES, constraints=["stride == 1 or dim != out"]
    )
    assert deciding(layer) == {"stride == 1": {True}, "dim == out": BOTH}


def test_what_cannot_be_asked_alone_decides_nothing() -> None:
    layer = program("y = 2 * x if count is not None and count > 3 else x", arguments={"count": COUNT})
    assert deciding(layer) == {"count is not None": {True}, "count > 3": BOTH}


def test_what_is_known_with_tensors_alone_is_left_to_them() -> None:
    layer = program("y = 2 * x if flag and any(x > 0) else x", arguments={"flag": FLAG})
    assert deciding(layer) == {"flag": set(), "any(x > 0)": set()}


def test_a_condition_that_the_settings_cover_needs_no_further_one() -> None:
    layer = program("y = 2 * x if a and b else x", arguments={"a": FLAG, "b": {**FLAG, "default": False}})
    usual = settings(layer)
    made = [*usual, *reaching(layer, usual)]
    assert not [setting for setting in beside(layer, made) if setting.name != "together"]


def test_a_further_setting_is_beside_one_at_which_the_operand_decides_the_other_way() -> None:
    layer = program("y = 2 * x if stride == 1 and dim == out else x", arguments=SIZES)
    usual = settings(layer)
    made = [*usual, *reaching(layer, usual)]
    (further,) = (setting for setting in beside(layer, made) if setting.name != "together")
    assert further.name == "stride_2"
    assert further.values["dim"] == further.values["out"]
