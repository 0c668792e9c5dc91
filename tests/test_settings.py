"""The settings at which a layer is tried: allowed, telling, and as many as the ways through it."""

from typing import Any

import pytest
from small import DIM, FLAG, checked, program, spec

from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.lang.bounds import allows, normalize
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Argument
from layergen.resolve.defaults import check_defaults
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, settings
from layergen.settings.search import candidates, consistent, search, values_of


def chosen(**parts: Any) -> tuple[Setting, ...]:
    return settings(program(**parts))


def named(**parts: Any) -> dict[str, Setting]:
    return {setting.name: setting for setting in chosen(**parts)}


def refused(**parts: Any) -> Finding:
    with pytest.raises(SpecError) as refusal:
        settings(program(**parts))
    (finding,) = refusal.value.findings
    return finding


def argument(**parts: Any) -> dict[str, Any]:
    return {"doc": "An argument.", **parts}


def is_allowed(layer: Program, setting: Setting) -> bool:
    inside = all(allows(part, setting.values[name]) for name, part in layer.arguments.items())
    return inside and all(Interpreter(setting.values).truth(constraint) for constraint in layer.constraints)


@pytest.mark.parametrize(
    "parts",
    [
        {"arguments": {"dim": argument(type="int", min=1000, max=1002)}},
        {"arguments": {"p": argument(type="float", min=0.3, max=0.4, exclusive=True)}},
        {"arguments": {"p": argument(type="float", max=-7.5)}},
        {"arguments": {"size": argument(type="size3", min=20)}},
        {"arguments": {"sizes": argument(type="ints", min=3)}},
        {"arguments": {"mode": argument(type="str", choices=["sum", "mean"])}},
        {"arguments": {"dim": DIM, "heads": DIM}, "constraints": ["dim % heads == 0", "heads > 2"]},
        {"arguments": {"dim": DIM, "half": DIM}, "constraints": ["dim == 2 * half", "half % 2 == 1"]},
        {"arguments": {"a": DIM, "b": DIM, "c": DIM}, "constraints": ["a < b", "b < c", "c < 7"]},
        {"arguments": {"dim": DIM}, "derived": {"half": "dim // 2"}, "constraints": ["half == 3"]},
        {"arguments": {"dim": DIM, "wide": argument(type="int", default="4 * dim", min=30)}},
    ],
)
def test_every_setting_is_allowed(parts: dict[str, Any]) -> None:
    layer = program(**parts)
    found = chosen(**parts)
    assert found and all(is_allowed(layer, setting) for setting in found)


def test_sizes_and_ints_are_distinct() -> None:
    (setting,) = chosen(
        arguments={"a": DIM, "b": DIM, "c": DIM}, inputs={"x": ["N", "H", "W", "a", "b", "c"], "z": ["L", "N"]}
    )
    numbers = [setting.values[name] for name in "abc"] + list(setting.sizes.values())
    assert len(set(numbers)) == len(numbers) == 7
    assert min(numbers) > 1


def test_a_size_is_that_of_the_case_where_it_gives_one() -> None:
    first, second = chosen(arguments={"dim": DIM}, cases=[{"dim": 4, "N": 9}, {"dim": 4, "C": 4}])[:2]
    assert (first.values["dim"], first.sizes["N"]) == (4, 9)
    assert second.sizes["C"] == 4
    assert (first.name, second.name) == ("default", "case_1")
    assert (first.path, second.path) == (("cases", 0), ("cases", 1))


def test_a_case_is_completed_by_what_it_leaves_out() -> None:
    (setting, *_) = chosen(
        arguments={"dim": DIM, "heads": DIM, "p": argument(type="float", default=0.5)},
        constraints=["dim % heads == 0"],
        cases=[{"heads": 5}],
    )
    assert setting.values["dim"] % 5 == 0
    assert setting.values["p"] == 0.5
    assert list(setting.given) == ["dim", "heads"]


@pytest.mark.parametrize(
    ("case", "place", "message"),
    [
        ({"dim": 0}, "cases[0].dim", "`dim` must be positive, got `0`"),
        ({"dim": 2.5}, "cases[0].dim", "`dim` takes an int, got `2.5`"),
        ({"dim": True}, "cases[0].dim", "`dim` takes an int, got `true`"),
        ({"dim": None}, "cases[0].dim", "`dim` takes an int, got nothing"),
        ({"N": 0}, "cases[0].N", "the size of dimension `N` is an int from 1 to 4096, got `0`"),
        ({"N": True}, "cases[0].N", "the size of dimension `N` is an int from 1 to 4096, got `true`"),
        ({"dim": 3}, "cases[0]", "the case does not satisfy `dim % 2 == 0`"),
    ],
)
def test_a_case_that_the_layer_refuses_is_a_fault(case: dict[str, Any], place: str, message: str) -> None:
    finding = refused(arguments={"dim": DIM}, constraints=["dim % 2 == 0"], cases=[case])
    assert (finding.rule.code, finding.place.pointer(), finding.message) == ("LG402", place, message)


def test_constraints_that_exclude_each_other_are_a_fault() -> None:
    finding = refused(arguments={"dim": DIM}, constraints=["dim > 8", "dim < 8"])
    assert (finding.rule.code, finding.place.pointer()) == ("LG401", "constraints[0]")


def test_each_way_through_a_layer_has_a_setting() -> None:
    found = named(
        arguments={
            "dim": DIM,
            "eps": argument(type="float", default=1e-6, min=0),
            "bias": FLAG,
            "mode": argument(type="str", default="mean", choices=["sum", "mean", "a-b"]),
            "limit": argument(type="int", default=None, optional=True),
        },
        inputs={"x": ["...", "dim"], "mask": {"shape": ["dim"], "optional": True}},
        outputs={"y": ["...", "dim"]},
    )
    assert set(found) == {
        *("default", "other_values", "bias_false", "mode_sum", "mode_choice_2"),
        *("without_mask", "no_leading_dimensions"),
    }
    base = found["default"]
    assert base.values["bias"] is True and found["bias_false"].values["bias"] is False
    assert found["other_values"].values["eps"] >= 0.1
    assert isinstance(found["other_values"].values["limit"], int)
    assert found["without_mask"].absent == {"mask"}
    assert base.leading and not found["no_leading_dimensions"].leading


def test_an_optional_value_is_tried_absent_too() -> None:
    found = named(arguments={"limit": argument(type="int", min=1, optional=True)})
    assert isinstance(found["default"].values["limit"], int)
    assert found["limit_none"].values["limit"] is None


def test_a_variation_that_a_constraint_forbids_is_left_out() -> None:
    found = named(arguments={"a": FLAG, "b": FLAG}, constraints=["a or b", "a == b or b"])
    assert set(found) == {"default", "a_false"}


def test_values_that_do_not_go_together_are_tried_one_by_one() -> None:
    count = argument(type="int", default=2)
    found = named(arguments={"a": count, "b": count}, constraints=["a == 2 or b == 2"])
    assert {name: setting.given for name, setting in found.items() if name.startswith("other")} == {
        "other_a": {"a": 3},
        "other_b": {"b": 3},
    }


def test_other_values_take_those_of_the_required_arguments_along() -> None:
    arguments = {"dim": DIM, "width": argument(type="int", min=1, default=4)}
    found = named(arguments=arguments, constraints=["dim == width"])["other_values"]
    assert found.given["dim"] == found.given["width"] != 4


def test_any_text_is_tried_where_a_text_is_wanted() -> None:
    (setting,) = chosen(arguments={"mode": argument(type="str")})
    assert setting.given == {"mode": "text"}


def test_a_default_of_another_type_satisfies_no_setting() -> None:
    arguments = {"rate": argument(type="float"), "count": argument(type="int", default="rate")}
    assert refused(arguments=arguments).rule.code == "LG401"


def test_settings_do_not_repeat() -> None:
    found = chosen(arguments={"dim": DIM}, cases=[{"dim": 4, "N": 3}, {"dim": 4, "N": 3}, {"dim": 5, "N": 3}])
    assert [setting.values["dim"] for setting in found] == [4, 5]
    assert len({setting.name for setting in found}) == len(found)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (argument(type="int", min=1, default=0), "`dim` must be positive, got `0`"),
        (argument(type="size2", default=[1, 2, 3]), "`dim` takes an int or a list of two, got a list"),
        (argument(type="str", choices=["a", "b"], default="c"), "`dim` must be 'a' or 'b', got `c`"),
        (argument(type="float", default="1 / 0"), "division by zero"),
    ],
)
def test_a_default_must_fit_its_own_argument(part: dict[str, Any], message: str) -> None:
    (finding,) = check_defaults(spec(arguments={"dim": part}))
    assert (finding.rule.code, finding.message) == ("LG403", message)


def test_a_search_ends_where_there_is_nothing_to_find() -> None:
    layer = program(arguments=dict.fromkeys("abcdefgh", DIM), constraints=["a + b + c + d + e + f + g + h == 1000000"])
    assert search(layer, {}, {}) is None


def test_a_search_keeps_what_is_fixed_and_tries_a_pool_in_its_order() -> None:
    layer = program(arguments={"a": DIM, "b": DIM}, constraints=["a > b"])
    assert search(layer, {"b": 6}, {}) == {"b": 6, "a": 8}
    assert search(layer, {}, {"a": [3, 9], "b": [5, 4]}) == {"a": 9, "b": 5}
    assert search(layer, {}, {"a": [3, 9], "b": [5, 4]}, lambda given: given["b"] == 4) == {"a": 9, "b": 4}


def test_values_are_normalized_and_completed() -> None:
    layer = program(
        arguments={"size": argument(type="size2"), "width": argument(type="int", default="4 * size[1]")},
        derived={"area": "size[0] * size[1]"},
    )
    assert values_of(layer, {"size": [2, 3]}) == {"size": (2, 3), "width": 12, "area": 6}
    assert values_of(layer, {"size": 5, "width": 1}) == {"size": (5, 5), "width": 1, "area": 25}


def test_a_constraint_is_told_as_soon_as_its_names_are_known() -> None:
    layer = program(arguments={"a": DIM, "b": DIM}, derived={"c": "2 * a"}, constraints=["c < 10", "a < b"])
    assert consistent(layer, {"a": 4}, {"b"})
    assert not consistent(layer, {"a": 5}, {"b"})
    assert not consistent(layer, {"a": 4, "b": 4}, set())


def test_a_constraint_that_names_nothing_is_told() -> None:
    layer = program("y = x", arguments={"dim": DIM}, constraints=["1 > 2"])
    assert not consistent(layer, {"dim": 4}, set()) and search(layer, {}, {}) is None


@pytest.mark.parametrize("kind", ["int", "float", "bool", "size1", "size2", "size3", "ints"])
@pytest.mark.parametrize("defaulted", [False, True])
def test_candidates_are_of_their_type(kind: str, defaulted: bool) -> None:
    part = Argument.model_validate(argument(type=kind))
    found = candidates(part, defaulted)
    assert found
    for value in found:
        normalize(part, value)


@pytest.mark.parametrize(
    ("constraints", "runs"),
    [
        (["len(S) <= 1"], [(3,), ()]),
        (["len(S) >= 1", "len(S) <= 2"], [(3, 2), (3,)]),
        (["len(S) == 0"], [()]),
    ],
)
def test_runs_are_as_long_as_the_constraints_allow(constraints: list[str], runs: list[tuple[int, ...]]) -> None:
    layer = program(inputs={"x": ["S...", "C"]}, outputs={"y": ["S...", "C"]}, constraints=constraints)
    assert [setting.leading for setting in settings(layer)] == runs


def test_no_size_is_one_of_those_that_lead() -> None:
    layer = program("y = x + 1", inputs={"x": ["N", "..."]}, outputs={"y": ["N", "..."]})
    for setting in settings(layer):
        assert setting.sizes["N"] not in setting.leading


@pytest.mark.parametrize("type", ["size2", "ints", "float2", "floats"])
@pytest.mark.parametrize("default", [{}, {"default": [1, 2]}])
def test_entries_that_may_be_none_are_none_at_some_setting(type: str, default: dict[str, Any]) -> None:
    gaps = {"doc": "Gaps.", "type": type, "min": 0, "exclusive": True, "optional_entries": True, **default}
    forward = "y = x if gaps[0] is None else gaps[0] * x\nz = x if gaps[-1] is None else gaps[-1] * x"
    inputs = {"x": ["N", "C"]}
    layer = checked(
        program(forward, arguments={"gaps": gaps}, inputs=inputs, outputs={"y": ["N", "C"], "z": ["N", "C"]})
    )
    tried = [case.setting.values["gaps"] for case in layer.cases]
    assert all(any(parts[end] is None for parts in tried) for end in (0, -1))


LISTS: dict[str, dict[str, Any]] = {
    "rates": {"type": "floats", "doc": "Rates."},
    "sizes": {"type": "ints", "min": 1, "doc": "Sizes."},
}


def lengths(found: dict[str, Setting]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(len(setting.values[part]) for part in LISTS) for name, setting in found.items()}


def test_lists_of_any_length_have_unequal_entries_and_beside_these_one() -> None:
    found = named(arguments=LISTS)
    assert lengths(found)["default"] == (2, 2)
    assert lengths(found)["other_lengths"] == (1, 1)
    assert all(one != other for one, other in (found["default"].values[name] for name in LISTS))


def test_lists_of_one_entry_have_several_beside_it() -> None:
    found = named(arguments=LISTS, cases=[{"rates": [0.5], "sizes": [3]}])
    assert lengths(found)["default"] == (1, 1)
    assert lengths(found)["other_lengths"] == (2, 2)


def test_lists_whose_lengths_exclude_each_other_are_moved_one_by_one() -> None:
    both = named(arguments=LISTS, constraints=["len(rates) + len(sizes) >= 3"])
    assert lengths(both)["other_length_of_rates"] == (1, 2)
    assert lengths(both)["other_length_of_sizes"] == (2, 1)


def test_no_two_lists_are_alike() -> None:
    lists = dict.fromkeys(("sizes", "others"), LISTS["sizes"])
    first = named(arguments=lists)["default"].values
    assert first["sizes"] != first["others"]


def test_lists_may_move_a_number_that_says_how_many_they_are() -> None:
    counted = {**LISTS, "count": {"type": "int", "min": 1, "doc": "How many."}}
    found = named(arguments=counted, constraints=["len(rates) == count", "len(sizes) == count"])
    assert {setting.values["count"] for setting in found.values()} == {1, 2}
