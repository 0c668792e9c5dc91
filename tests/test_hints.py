"""The numbers that stand in for symbols: distinct, telling, and allowed."""

from typing import Any

import pytest
from small import DIM, program, setting_of

from layergen.lang.interpreter import Interpreter
from layergen.prove.hints import Hints, Search, at_point, numbers
from layergen.resolve.program import Program

CONV: dict[str, Any] = {
    "arguments": {
        "channels": DIM,
        "groups": DIM,
        "kernel_size": {"type": "size2", "min": 1, "doc": "Window."},
        "dilations": {"type": "ints", "min": 1, "doc": "Steps."},
        "scale": {"type": "float", "default": 2.0, "doc": "Factor."},
        "mode": {"type": "int", "choices": [1, 2], "doc": "Mode."},
    },
    "derived": {"width": "channels // groups"},
    "constraints": ["channels % groups == 0"],
    "inputs": {"x": ["...", "N", "channels", "H", "W"]},
    "outputs": {"y": ["...", "N", "channels", "H", "W"]},
}
FREE = {**CONV, "derived": {}, "constraints": []}
CHOICES = ((Search.usual, CONV), (Search.close, FREE))


def found_for(parts: dict[str, Any], choose: Any, concrete: frozenset[str] = frozenset()) -> Hints | None:
    layer = program(**parts)
    result: Hints | None = choose(Search(layer, setting_of(layer)), concrete)
    return result


def is_allowed(layer: Program, found: Hints) -> bool:
    return all(Interpreter(found.setting.values).truth(constraint) for constraint in layer.constraints)


def test_every_integer_that_may_vary_has_a_hint() -> None:
    found = found_for(CONV, Search.usual)
    assert found is not None
    leading, count = ["...[0]", "...[1]"], len(found.setting.values["dilations"])
    assert list(found.names) == [
        *("channels", "groups", "kernel_size[0]", "kernel_size[1]"),
        *(f"dilations[{index}]" for index in range(count)),
        *("N", "H", "W", *leading),
    ]


@pytest.mark.parametrize(("choose", "parts"), CHOICES)
def test_hints_are_allowed_and_agree_with_their_setting(choose: Any, parts: dict[str, Any]) -> None:
    found = found_for(parts, choose)
    assert found is not None and is_allowed(program(**parts), found)
    assert min(found.names.values()) > 1
    assert found.names["kernel_size[1]"] == found.setting.values["kernel_size"][1]
    assert found.names["H"] == found.setting.sizes["H"]
    assert (found.names["...[0]"], found.names["...[1]"]) == found.setting.leading


@pytest.mark.parametrize(("choose", "parts"), CHOICES)
def test_no_two_arguments_or_dimensions_are_equal_by_accident(choose: Any, parts: dict[str, Any]) -> None:
    found = found_for(parts, choose)
    assert found is not None
    telling = [found.setting.values[name] for name in ("channels", "groups", *parts["derived"])]
    telling += found.setting.sizes.values()
    assert len(set(telling)) == len(telling)


def test_dimensions_are_larger_than_arguments_or_the_other_way_round() -> None:
    parts = {"arguments": {"dim": DIM}}
    far, close = found_for(parts, Search.usual), found_for(parts, Search.close)
    assert far is not None and close is not None
    assert far.names["dim"] < min(far.setting.sizes.values())
    assert close.names["dim"] > max(close.setting.sizes.values())


def test_arguments_that_must_be_numbers_have_no_hint() -> None:
    found = found_for(CONV, Search.usual, frozenset({"groups", "kernel_size"}))
    assert found is not None
    assert not {"groups", "kernel_size[0]", "kernel_size[1]"} & set(found.names)
    setting = setting_of(program(**CONV))
    assert found.setting.values["groups"] == setting.values["groups"]


def test_there_are_no_hints_where_bounds_leave_no_room() -> None:
    narrow = {"arguments": {"dim": {"type": "int", "min": 1, "max": 1, "doc": "Size."}}}
    assert found_for(narrow, Search.usual) is None
    equal = {"arguments": {"a": DIM, "b": DIM}, "constraints": ["a == b"]}
    assert found_for(equal, Search.usual) is None


def test_own_hints_leave_out_what_is_0_or_1() -> None:
    parts = {
        "arguments": {"dim": DIM, "padding": {"type": "size2", "min": 0, "doc": "Zeros."}},
        "cases": [{"dim": 9, "padding": [0, 4], "N": 2, "C": 5}],
    }
    found = found_for(parts, Search.own)
    assert found is not None
    assert found.names == {"dim": 9, "N": 2, "C": 5}


def test_own_hints_must_be_distinct() -> None:
    assert found_for({"arguments": {"dim": DIM}, "cases": [{"dim": 9, "N": 9}]}, Search.own) is None


def test_a_point_becomes_a_setting() -> None:
    layer = program(**CONV)
    ground = numbers(layer, setting_of(layer))
    point = {**ground.names, "channels": 12, "groups": 3, "kernel_size[1]": 6, "H": 77, "...[1]": 4}
    setting = at_point(layer, ground, point)
    assert setting is not None
    assert (setting.values["channels"], setting.values["width"]) == (12, 4)
    assert setting.values["kernel_size"] == (ground.names["kernel_size[0]"], 6)
    assert setting.sizes["H"] == 77
    assert setting.leading == (ground.names["...[0]"], 4)


def test_a_point_that_a_constraint_refuses_is_none() -> None:
    layer = program(**CONV)
    ground = numbers(layer, setting_of(layer))
    assert at_point(layer, ground, {**ground.names, "channels": 12, "groups": 5}) is None
    assert at_point(layer, ground, {**ground.names, "kernel_size[0]": 0}) is None
