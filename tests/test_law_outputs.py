"""Laws of layers with several outputs, each of which has its name."""

from typing import Any

import pytest
from small import checked, fault_of, program, spec

from layergen.resolve.refused import check_refused

PAIR: dict[str, Any] = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"], "z": ["N"]}}
FORWARD = "y = 2 * x\nz = sum(x, dim=1)"


@pytest.mark.parametrize("law", ["layer(-x).y == -layer(x).y", "layer(layer(x).y).z == 2 * layer(x).z"])
def test_an_output_goes_by_its_name(law: str) -> None:
    assert checked(program(FORWARD, laws=[law], **PAIR)).cases


def test_the_only_output_has_a_name_too() -> None:
    assert checked(program("y = 2 * x", laws=["layer(-x).y == -layer(x).y"])).cases


def test_a_law_is_about_the_output_that_it_names() -> None:
    finding = fault_of(
        program(FORWARD, laws=["layer(-x).y == -layer(x).y", "layer(x).z == sum(layer(x).y, dim=1)"], **PAIR)
    )
    assert finding.rule.code == "LG420" and finding.place.path == ("laws", 1, "law")
    assert finding.message.startswith("`layer(x).z == sum(layer(x).y, dim=1)` does not hold: at [0], ")


def test_an_index_of_the_only_output_is_one_of_its_entries() -> None:
    finding = fault_of(program("y = 2 * x", laws=["layer(x)[0] == 3 * x[0]"]))
    assert finding.message.startswith("`layer(x)[0] == 3 * x[0]` does not hold: ")


def test_another_name_is_told() -> None:
    (finding,) = check_refused(spec(FORWARD, laws=["layer(x).zz == x"], **PAIR))
    assert (finding.rule.code, finding.message) == ("LG201", "the layer has no output `zz`")
    assert finding.help == "write `z`"


BACK: dict[str, Any] = {
    "inputs": {"x": ["N", "C"], "inverse": {"type": "bool", "default": False}},
    "outputs": {"y": ["N", "C"]},
}
THERE_AND_BACK = "if inverse:\n    y = x / 2\nelse:\n    y = {} * x"


def test_a_value_that_a_call_leaves_out_is_its_default_at_every_way() -> None:
    laws = ["layer(layer(x), inverse=True) == x"]
    assert checked(program(THERE_AND_BACK.format(2), laws=laws, **BACK)).cases
    finding = fault_of(program(THERE_AND_BACK.format(3), laws=laws, **BACK))
    assert finding.rule.code == "LG420" and "does not hold" in finding.message


KEPT: dict[str, Any] = {
    "inputs": {"x": ["N", "C"], "state": {"tuple": {"h": ["N", "C"], "c": ["N", "C"]}}},
    "outputs": {"state": {"tuple": {"h": ["N", "C"], "c": ["N", "C"]}}, "y": ["N", "C"]},
    "forward": "h, c = state\nc = c + x\nh = h + 2 * c\ny = tanh(h)\nstate = (h, c)",
}


@pytest.mark.parametrize(
    "law",
    [
        "layer(x, state).y == tanh(layer(x, state).state.h)",
        "layer(x, layer(x, state).state).state.c == layer(2 * x, state).state.c",
        "layer(x, layer(-x, state).state).state[1] == state[1]",
    ],
)
def test_a_law_may_name_a_tuple_or_one_of_it(law: str) -> None:
    assert checked(program(**KEPT, laws=[law])).cases


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ("layer(x, state).y == layer(x, state).state.c", "does not hold"),
        ("layer(x, state).state == x", "is several tensors"),
        ("layer(x, state) == x", "is several tensors"),
    ],
)
def test_a_law_of_a_tuple_may_be_broken(law: str, message: str) -> None:
    assert message in fault_of(program(**KEPT, laws=[law])).message


def test_what_a_tuple_does_not_have_is_told() -> None:
    (finding,) = check_refused(spec(**KEPT, laws=["layer(x, state).state.hh == x"]))
    assert (finding.message, finding.help) == ("the output `state` has no tensor `hh`", "write `h`")
