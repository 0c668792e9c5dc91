"""Laws that hold from some size on: their `when` reads dimensions, in the build and in the generated tests."""

from typing import Any

import pytest
from small import checked, fault_of, program, spec

from layergen.lower.laws import law_rows
from layergen.resolve import resolve

HALVES: dict[str, Any] = {
    "inputs": {"x": ["N", "L"]},
    "outputs": {"y": ["N", "L"]},
    "cases": [{"L": 6}, {"L": 1}],
}
FORWARD = "y = 2 * x"
LAW = "layer(x[:, :L // 2]) == layer(x)[:, :L // 2]"
LEAST = "where it holds from some size on, say so: `{law: …, when: L >= 2}`"


@pytest.mark.parametrize(
    ("forward", "parts", "reason"),
    [
        (FORWARD, {"constraints": ["L >= 1"]}, "`Small` demands `L >= 1`"),
        ("y = 2 * x - x[:, 0][:, None]", {}, "index 0 is out of bounds"),
    ],
)
def test_a_law_that_calls_the_layer_as_it_cannot_be_called_is_told_from_which_size_on(
    forward: str, parts: dict[str, Any], reason: str
) -> None:
    finding = fault_of(program(forward, laws=[LAW], **HALVES, **parts))
    assert (finding.rule.code, finding.help) == ("LG420", LEAST)
    assert finding.message.startswith(f"`{LAW}` calls the layer where it cannot be called: {reason}")


def test_a_law_is_tried_where_its_sizes_are() -> None:
    law = {"law": LAW, "when": "L >= 2"}
    assert checked(program(FORWARD, laws=[law], constraints=["L >= 1"], **HALVES)).cases
    finding = fault_of(program("y = x * L", laws=[law], constraints=["L >= 1"], **HALVES))
    assert finding.rule.code == "LG420" and "does not hold" in finding.message


def test_a_law_of_sizes_that_no_setting_has_is_tried_nowhere() -> None:
    finding = fault_of(program(FORWARD, laws=[{"law": LAW, "when": "L >= 4000"}], **HALVES))
    assert (finding.rule.code, finding.message) == ("LG422", f"`{LAW}` is tried at no setting")


def test_generated_tests_ask_for_the_sizes() -> None:
    layer = resolve(spec(FORWARD, laws=[{"law": LAW, "when": "L >= 2"}], constraints=["L >= 1"], **HALVES))
    (row,) = law_rows(layer)
    assert row.value.endswith("holds=lambda layer, x: x.shape[1] >= 2)")
