"""Branches and conditional values: which settings take them, and what is said where none does."""

from typing import Any

import pytest
from small import DIM, FLAG, checked, faults_of, program

from layergen.lang import expression as ex
from layergen.settings.branches import branchings, foreseen, is_foreseen, leanings, loops, turned, way
from layergen.settings.choice import settings
from layergen.settings.reaching import reaching

FLOAT = {"type": "float", "default": 0.0, "min": 0, "doc": "Number."}
TEXT = {"type": "str", "default": "plain", "doc": "Mode."}
SIZE = {"type": "size2", "min": 1, "doc": "Window."}
INTS = {"type": "ints", "min": 1, "default": [3], "doc": "Sizes."}


def outcomes(forward: str, **parts: Any) -> dict[str, set[bool]]:
    """What each condition of a layer comes to at the settings that are found for it."""
    layer = program(forward, **parts)
    usual = settings(layer)
    taken = set().union(*(foreseen(layer, setting) for setting in (*usual, *reaching(layer, usual))))
    return {ex.show(part.test): {outcome for key, outcome in taken if key == part.key} for part in branchings(layer)}


@pytest.mark.parametrize(
    ("condition", "arguments"),
    [
        ("mode == 'twice'", {"mode": TEXT}),
        ("dim > 100", {"dim": DIM}),
        ("dim // 4 >= 11", {"dim": DIM}),
        ("dim == 7 and width != 3", {"dim": DIM, "width": DIM}),
        ("size[0] != size[1]", {"size": SIZE}),
        ("size[0] < size[1]", {"size": SIZE}),
        ("len(shape) == 2", {"shape": INTS}),
        ("p > 0", {"p": FLOAT}),
        ("a and not b", {"a": FLAG, "b": FLAG}),
        ("training and p > 0.25", {"p": FLOAT}),
        ("C > 40", {}),
    ],
)
def test_both_ways_of_a_condition_are_taken(condition: str, arguments: dict[str, Any]) -> None:
    found = outcomes(f"y = x\nif {condition}:\n    y = 2 * x", arguments=arguments)
    assert found == {condition.replace('"', "'"): {True, False}}


def test_one_condition_is_foreseen_as_all_are() -> None:
    layer = program(
        "h = x if a else 2 * x\nif training and dim > 9:\n    h = 3 * x\ny = h",
        arguments={"a": FLAG, "dim": DIM},
        derived={"half": "dim // 2 if dim > 20 else dim"},
    )
    usual = settings(layer)
    asked = [
        ((part.key, outcome), setting) for part in branchings(layer) for outcome in (True, False) for setting in usual
    ]
    told = [is_foreseen(layer, setting, decision) for decision, setting in asked]
    assert told == [decision in foreseen(layer, setting) for decision, setting in asked]
    assert {*told} == {True, False}


def test_conditions_are_found_wherever_they_stand() -> None:
    found = outcomes(
        "h = x if a else 2 * x\ny = h if w is None else h * w",
        arguments={"a": FLAG, "dim": DIM},
        derived={"half": "dim // 2 if dim > 9 else dim"},
        parameters={"w": {"shape": ["2 if dim > 20 else 1"], "when": "dim > 30", "init": "zeros"}},
    )
    assert found == {
        "dim > 9": {True, False},
        "dim > 30": {True, False},
        "dim > 20": {True},  # where there is no `w`, it has no shape
        "a": {True, False},
        "w is None": {True, False},
    }


@pytest.mark.parametrize(
    ("value", "sides"),
    [
        ("max(dim // reduction, 2)", {True, False}),
        ("max(8, dim // reduction)", {True, False}),
        ("min(dim, 100)", {True, False}),
        ("max(dim, 1)", {True}),  # which is 1 at the least
    ],
)
def test_each_of_two_numbers_is_the_greater_if_it_can_be(value: str, sides: set[bool]) -> None:
    reduction = {"type": "int", "min": 1, "default": 4, "doc": "Factor."}
    layer = program("y = x * hidden", arguments={"dim": DIM, "reduction": reduction}, derived={"hidden": value})
    usual = settings(layer)
    found = set().union(*(leanings(layer, setting) for setting in (*usual, *reaching(layer, usual))))
    assert {outcome for _, outcome in found} == sides


def test_a_branch_in_a_branch_is_reached_through_it() -> None:
    forward = "y = x\nif dim > 50:\n    if mode == 'b':\n        y = 2 * x"
    found = outcomes(forward, arguments={"dim": DIM, "mode": TEXT})
    assert found == {"dim > 50": {True, False}, "mode == 'b'": {True, False}}


def test_constraints_hold_where_a_branch_is_reached() -> None:
    layer = program(
        "y = x\nif dim > 50:\n    y = 2 * x",
        arguments={"dim": DIM, "heads": DIM},
        constraints=["dim % heads == 0", "heads > 2"],
    )
    (found,) = reaching(layer, settings(layer))
    assert found.values["dim"] > 50 and found.values["dim"] % found.values["heads"] == 0 and found.values["heads"] > 2


def test_a_layer_without_conditions_has_one_way() -> None:
    layer = program()
    assert way(layer, settings(layer)[0]) is None
    assert not list(reaching(layer, settings(layer)))


def test_settings_that_decide_otherwise_go_different_ways() -> None:
    layer = program("y = x if dim > 50 else 2 * x", arguments={"dim": DIM})
    usual = settings(layer)
    (other,) = reaching(layer, usual)
    assert way(layer, usual[0]) != way(layer, other)
    assert other.name.startswith("dim_")


@pytest.mark.parametrize(
    ("forward", "parts", "message", "help"),
    [
        (
            "y = x\nif dim > 5000:\n    y = 2 * x",
            {},
            "no setting takes this branch: `dim > 5000` never holds",
            "a case would: add `- {dim: 5001}` to `cases`",
        ),
        (
            "y = x\nif dim <= 5000:\n    y = 2 * x",
            {},
            "no setting leaves this branch out: `dim <= 5000` always holds",
            "a case would: add `- {dim: 5001}` to `cases`",
        ),
        (
            "if dim <= 5000:\n    y = x\nelse:\n    y = 2 * x",
            {},
            "no setting takes the `else`: `dim <= 5000` always holds",
            "a case would: add `- {dim: 5001}` to `cases`",
        ),
        (
            "y = 2 * x if dim * dim == 1002001 else x",
            {},
            "no setting takes the value before `if`: `dim * dim == 1002001` never holds",
            "give a case under `cases` at which `dim * dim == 1002001` holds, or delete what nothing takes",
        ),
        (
            "y = x\nif w is not None:\n    y = w * x",
            {"parameters": {"w": {"shape": ["1"], "when": "dim > 5000", "init": "ones"}}},
            "no setting has `w`",
            "a case would: add `- {dim: 5001}` to `cases`",
        ),
    ],
)
def test_what_no_setting_takes_is_a_fault(forward: str, parts: dict[str, Any], message: str, help: str) -> None:
    (finding,) = faults_of(program(forward, arguments={"dim": DIM}, **parts))
    assert (finding.rule.name, finding.message, finding.help) == ("untaken-branch", message, help)


def test_a_last_choice_needs_no_else() -> None:
    mode = {"type": "str", "default": "a", "choices": ["a", "b"], "doc": "Mode."}
    found = outcomes(
        "y = x\nif mode == 'a':\n    y = 2 * x\nelif mode == 'b':\n    y = 3 * x", arguments={"mode": mode}
    )
    assert found["mode == 'b'"] == {True}


DEPTH = {"type": "int", "min": 0, "default": 0, "doc": "Number of turns."}


@pytest.mark.parametrize("over", ["range(depth)", "range(2, depth)", "range(1, C // 40)", "range(depth - 4)"])
def test_each_loop_is_entered(over: str) -> None:
    layer = program(f"y = x\nfor k in {over}:\n    y = y + k", arguments={"depth": DEPTH})
    (loop,) = loops(layer)
    usual = settings(layer)
    made = (*usual, *reaching(layer, usual))
    assert any((loop.key, True) in turned(layer, setting) for setting in made)


def test_a_list_without_members_is_a_way_of_its_own() -> None:
    modules = {"maps": "[nn.Linear(4, 4) for _ in range(depth)]"}
    shape = {"inputs": {"x": ["N", 4]}, "outputs": {"y": ["N", 4]}}
    forward = "y = x\nfor m in maps:\n    y = m(y)"
    layer = program(forward, arguments={"depth": DEPTH}, modules=modules, **shape)
    usual = settings(layer)
    made = (*usual, *reaching(layer, usual))
    assert {way(layer, setting) is None for setting in made} == {True, False}
    depths = {setting.values["depth"] > 0: way(layer, setting) for setting in made}
    assert depths.keys() == {True, False}
    assert depths[True] is None


def test_conditions_that_say_the_default_are_none() -> None:
    """No setting takes a way that is never taken: `strict: false` is what holds without it."""
    shape = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
    layer = program("y = cumsum(x, dim=1)", **shape, causal={"dim": "L", "strict": False, "when": True})
    assert layer.causal is not None and not layer.causal.conditions
    assert checked(layer).cases
    strict = program("y = cumsum(x, dim=1)", **shape, causal={"dim": "L", "strict": True})
    assert [finding.rule.name for finding in faults_of(strict)] == ["future-seen"]
