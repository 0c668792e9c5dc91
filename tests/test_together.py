"""What settings decide meets in a few more of them; what fails there is a fault that names the missing constraint."""

from itertools import combinations
from typing import Any

import pytest
from small import DIM, FLAG, checked, faults_of, program

from layergen.run.missing import missing_constraint
from layergen.run.trial import works_at
from layergen.settings.choice import settings
from layergen.settings.pairs import MOST, pairs

MODE = {"type": "str", "default": "a", "choices": ["a", "b", "c"], "doc": "Mode."}
STEP = {"type": "int", "min": 1, "default": 1, "doc": "Step."}
WINDOW = {"type": "size2", "min": 1, "doc": "Window."}
ARGUMENTS: dict[str, Any] = {"flag": FLAG, "other": FLAG, "mode": MODE, "step": STEP}


def test_every_two_levels_meet() -> None:
    layer = program(arguments=ARGUMENTS)
    base = settings(layer)[0]
    found = list(pairs(layer, base))
    assert 0 < len(found) <= MOST
    assert len({setting.name for setting in found}) == len(found)
    for one, other in combinations(("flag", "other", "mode"), 2):
        met = {(setting.values[one], setting.values[other]) for setting in found}
        changed = {(a, b) for a in {False, "b", "c"} for b in {False, "b", "c"}}
        levels = {name: {setting.values[name] for setting in (base, *found)} for name in (one, other)}
        assert {(a, b) for a, b in changed if a in levels[one] and b in levels[other]} <= met


def test_constraints_hold_in_all_of_them() -> None:
    layer = program(arguments=ARGUMENTS, constraints=["flag or other", "mode != 'c' or step == 1"])
    for setting in pairs(layer, settings(layer)[0]):
        values = setting.values
        assert values["flag"] or values["other"]
        assert values["mode"] != "c" or values["step"] == 1


def test_windows_are_not_square_and_bounds_are_tried() -> None:
    layer = program(arguments={"window": WINDOW, "step": {**STEP, "max": 9}})
    found = [setting.values for setting in pairs(layer, settings(layer)[0])]
    windows = {values["window"] for values in found}
    assert any(a < b for a, b in windows) and any(a > b for a, b in windows) and (1, 1) in windows
    assert 9 in {values["step"] for values in found}


def test_inputs_are_left_out_together_with_what_else_moves() -> None:
    layer = program(
        arguments={"flag": FLAG},
        inputs={"x": ["N", "C"], "z": {"shape": ["N", "C"], "optional": True}},
    )
    found = list(pairs(layer, settings(layer)[0]))
    assert any(setting.absent == {"z"} and setting.values["flag"] is False for setting in found)


def test_a_shape_that_is_wrong_for_two_values_together_is_a_fault() -> None:
    parts: dict[str, Any] = {
        "arguments": {"flag": FLAG, "other": FLAG},
        "outputs": {"y": ["N", "C"]},
    }
    assert checked(program("y = 2 * x if flag else x if other else -x", **parts))
    faults = faults_of(program("y = x if flag or other else sum(x, dim=-1)", **parts))
    assert [finding.rule.name for finding in faults] in (["shape-mismatch"], ["untaken-branch"])


def test_the_constraint_that_is_missing_is_named() -> None:
    layer = program("a, b = chunk(x, 2, dim=-1)\ny = cat([a - b, a + b], dim=-1)", cases=[{"C": 7}])
    setting = settings(layer)[0]
    help = missing_constraint(layer, setting, works_at)
    assert help == "where it was tried, it works only if `C % 2 == 0`: add that under `constraints`"
    bound = program("y = x + narrow(w, 0, 0, C)", arguments={"dim": DIM},
                    parameters={"w": {"shape": ["dim"], "init": "zeros"}})  # fmt: skip
    help = missing_constraint(bound, settings(bound)[0], works_at)
    assert help == "where it was tried, it works only if `C <= dim`: add that under `constraints`"


def test_no_constraint_is_named_where_none_helps() -> None:
    layer = program("y = x @ x[:, :, None]")
    assert missing_constraint(layer, settings(layer)[0], works_at) is None


@pytest.mark.parametrize(("forward", "constraints"), [
    ("y = expand(x[:, :1], [-1, k])", ["k <= C"]),  # works where the two are equal
    ("y = x[:, :C - k + 1]", ["k % 2 == 1"]),  # works where one of them is 1
])  # fmt: skip
def test_no_constraint_is_named_that_holds_in_a_degenerate_case_alone(forward: str, constraints: list[str]) -> None:
    layer = program(forward, arguments={"k": DIM}, constraints=constraints, cases=[{"k": 3, "C": 8}])
    assert missing_constraint(layer, settings(layer)[0], works_at) is None
