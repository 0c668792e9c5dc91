"""The settings that a layer must refuse: each breaks one bound or one constraint, and no other."""

import math
from typing import Any

import pytest
from small import DIM, FLAG, program, setting_of

from layergen.lang.bounds import allows
from layergen.lang.interpreter import Interpreter
from layergen.settings.rejections import Rejection, rejections

COUNT = {"type": "int", "default": 2, "doc": "Count."}
MODE = {"type": "str", "choices": ["a", "b"], "default": "a", "doc": "Mode."}


def refused(**parts: Any) -> dict[str, Rejection]:
    """The settings to refuse by their names; each is seen to break what it says."""
    layer = program(**parts)
    found = {rejection.name: rejection for rejection in rejections(layer, setting_of(layer))}
    for rejection in found.values():
        assert rejection.values is not None
        if rejection.argument is None:
            assert not Interpreter(rejection.values).truth(layer.constraints[rejection.constraint])
        else:
            assert not allows(layer.arguments[rejection.argument], rejection.values[rejection.argument])
    return found


def test_a_bound_is_broken_at_its_edge() -> None:
    assert refused(arguments={"dim": DIM})["dim_0"].given == {"dim": 0}


@pytest.mark.parametrize(("type", "given"), [("size3", [2, 2, 0]), ("ints", [2, 0]), ("size1", 0)])
def test_the_bound_of_a_list_is_broken_by_its_last_entry_alone(type: str, given: Any) -> None:
    part = {"type": type, "min": 1, "default": 2, "doc": "Sizes."}
    assert refused(arguments={"sizes": part})["sizes_0"].given == {"sizes": given}


def test_bounds_of_a_float_refuse_what_is_no_number() -> None:
    rate = {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Rate."}
    given = refused(arguments={"rate": rate})["rate_nan"].given["rate"]
    assert isinstance(given, float) and math.isnan(given)
    assert "rate_nan" not in refused(arguments={"rate": {"type": "float", "doc": "Rate."}})


def test_a_choice_is_broken_by_an_unknown_one() -> None:
    assert refused(arguments={"mode": MODE})["mode_unknown"].given == {"mode": "unknown"}


def test_a_list_for_which_no_number_stands_is_broken_as_a_list() -> None:
    ends = {"type": "float2", "min": 0, "doc": "Ends."}
    found = refused(arguments={"ends": ends}, constraints=["ends[0] < ends[1]"])
    assert found["ends_minus_0_5"].given == {"ends": [0.25, -0.5]}
    assert found["constraint_0"].given == {"ends": [0.0, 0.0]}


def test_a_constraint_on_a_flag_is_broken_by_its_other_value() -> None:
    assert refused(arguments={"flag": FLAG}, constraints=["flag"])["constraint_0"].given == {"flag": False}


def test_a_constraint_on_a_choice_is_broken_by_another_choice() -> None:
    parts = {"arguments": {"mode": MODE, "count": COUNT}, "constraints": ["mode == 'a' or count > 3"]}
    assert refused(**parts)["constraint_0"].given == {"mode": "b"}


def test_a_constraint_on_any_text_is_broken_by_another_text() -> None:
    text = {"type": "str", "default": "text", "doc": "Mode."}
    found = refused(arguments={"mode": text}, constraints=["mode == 'text'"])
    assert found["constraint_0"].given == {"mode": "unknown"}


def test_a_constraint_on_a_float_is_broken_by_one_that_is_no_int() -> None:
    found = refused(arguments={"rate": {"type": "float", "doc": "Rate."}}, constraints=["rate > 2"])
    assert isinstance(found["constraint_0"].given["rate"], float)


def test_a_derived_value_that_cannot_be_computed_stands_in_no_ones_way() -> None:
    assert refused(arguments={"dim": DIM}, derived={"parts": "8 // dim"})["dim_0"].values == {"dim": 0}


def test_a_default_that_cannot_be_computed_leaves_nothing_to_refuse() -> None:
    assert refused(arguments={"dim": DIM, "parts": {**COUNT, "default": "8 // dim"}}) == {}


def test_a_bound_that_falls_with_an_earlier_one_is_broken_by_itself() -> None:
    found = refused(arguments={"dim": DIM, "width": {**COUNT, "min": 1, "default": "dim"}})
    assert found["dim_0"].argument == "dim"
    assert found["width_0"].argument == "width" and found["width_0"].given["width"] == 0


def test_each_entry_of_a_list_breaks_a_constraint_alone() -> None:
    sides = {"type": "size2", "min": 1, "doc": "Sides."}
    constraints = ["image[0] % patch[0] == 0", "image[1] % patch[1] == 0"]
    found = refused(arguments={"image": sides, "patch": sides}, constraints=constraints)
    alone: list[Any] = [one.values for name, one in found.items() if name.startswith("constraint_1_alone")]
    assert alone and all(values["image"][1] % values["patch"][1] != 0 for values in alone if values)
    assert any(values["image"][1] % values["patch"][0] == 0 for values in alone if values)
    assert any(values["image"][0] % values["patch"][1] == 0 for values in alone if values)


def test_entries_of_one_list_alone_need_no_further_refusal() -> None:
    found = refused(arguments={"dim": DIM, "parts": COUNT}, constraints=["dim % parts == 0"])
    assert not any("alone" in name for name in found)
