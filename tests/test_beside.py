"""Settings for the generated tests alone: flags, numbers and sizes together, and single samples."""

from typing import Any

from small import DIM, FLAG, checked, fault_of, program

from layergen.settings.beside import beside
from layergen.settings.choice import Setting, settings

NUMBER = {"type": "float", "min": 0, "default": 1e-5, "doc": "Number."}
SIDES = {"type": "size2", "min": 1, "default": 1, "doc": "Sides."}
MODE = {"type": "str", "choices": ["none", "mean"], "default": "mean", "doc": "Mode."}


def found(**parts: Any) -> dict[str, Setting]:
    layer = program(**parts)
    return {setting.name: setting for setting in beside(layer, settings(layer))}


def test_flags_and_numbers_move_together() -> None:
    together = found(arguments={"scaled": FLAG, "eps": NUMBER})["together"]
    assert together.given == {
        "scaled": not settings(program(arguments={"scaled": FLAG}))[0].values["scaled"],
        "eps": 0.1,
    }


def test_what_moves_alone_in_another_setting_needs_no_further_one() -> None:
    assert found(arguments={"eps": NUMBER}) == {}
    assert found(arguments={"scaled": FLAG}) == {}


def test_what_constraints_refuse_stays_as_it_is() -> None:
    arguments = {"scaled": FLAG, "eps": NUMBER, "mode": MODE}
    base = settings(program(arguments=arguments))[0]
    stays = f"scaled == {base.values['scaled']} or mode == 'mean'"
    together = found(arguments=arguments, constraints=[stays])["together"]
    assert together.given["eps"] == 0.1
    assert ("scaled" in together.given) != ("mode" in together.given)


def test_sizes_that_are_lists_everywhere_are_one_number() -> None:
    required = {key: value for key, value in SIDES.items() if key != "default"}
    cases = [{"sides": [2, 3]}]
    assert found(arguments={"sides": required}, cases=cases)["together"].given == {"sides": 2}


def test_sizes_that_are_one_number_everywhere_have_unequal_entries() -> None:
    required = {key: value for key, value in SIDES.items() if key != "default"}
    assert found(arguments={"sides": required})["together"].given == {"sides": [2, 3]}


def test_a_list_of_members_and_a_loop_are_longer() -> None:
    count = {"type": "int", "min": 1, "default": 2, "doc": "How many."}
    modules = {"steps": "[nn.Identity() for _ in range(depth)]"}
    together = found(arguments={"depth": count}, modules=modules, forward="y = x\nfor step in steps:\n    y = step(y)")
    assert together["together"].values["depth"] == 6
    loop = "y = x\nfor _ in range(times):\n    y = 2 * y"
    assert found(forward=loop, arguments={"times": {**count, "default": 10}})["together"].values["times"] == 11


def test_whole_numbers_are_larger_where_they_were_smaller() -> None:
    rank = {"type": "int", "min": 1, "default": 4, "doc": "Rank."}
    layer = program(arguments={"scaled": FLAG, "rank": rank})
    others = [setting.values["rank"] for setting in settings(layer)]
    assert max(others) == 4
    assert found(arguments={"scaled": FLAG, "rank": rank})["together"].values["rank"] == 5


def test_integers_come_in_another_dtype() -> None:
    inputs = {"x": ["N", "C"], "index": {"shape": ["N"], "dtype": ["int64", "int32"], "range": [0, 3]}}
    together = found(arguments={"scaled": FLAG, "mode": MODE}, inputs=inputs)["together"]
    assert together.dtypes == {"index": "int32"}


def test_sizes_are_such_that_a_flag_makes_a_difference_to_the_shape() -> None:
    arguments = {"up": FLAG, "step": {"type": "int", "min": 1, "default": 1, "doc": "Step."}}
    base = settings(program(arguments=arguments))[0]
    shape = ["N", "-(-C // step) if up else C // step"]
    together = found(arguments=arguments, outputs={"y": shape}, cases=[{"N": 2}])["together"]
    assert together.values["up"] != base.values["up"]
    assert together.sizes["C"] % together.values["step"]


def test_sizes_that_another_case_gives_may_grow() -> None:
    arguments = {"up": FLAG, "step": {"type": "int", "min": 1, "default": 1, "doc": "Step."}}
    shape = ["N", "-(-(C + 1) // step) if up else (C + 1) // step"]
    layer: dict[str, Any] = {"arguments": arguments, "outputs": {"y": shape}}
    free = found(**layer, cases=[{"N": 2}, {"C": 7, "step": 2}])["together"]
    assert (free.sizes["C"] + 1) % free.values["step"]
    held = found(**layer, cases=[{"N": 2, "C": 7}, {"step": 4}])["together"]
    assert held.sizes["C"] == 7


def test_single_samples_are_tried_wherever_shapes_differ() -> None:
    parts: dict[str, Any] = {
        "arguments": {"mode": MODE},
        "dimensions": {"N": {"optional": True, "doc": "Left out for one sample."}},
        "inputs": {"x": ["N", "C", "..."]},
        "outputs": {"y": "[N, C, ...] if mode == 'none' else []"},
    }
    assert found(**parts)["mode_none_of_a_single_sample"].leading == ()


def test_a_fault_where_two_flags_meet_is_found() -> None:
    off = {**FLAG, "default": False}
    part = {"shape": ["dim"], "init": "normal(0, scale)"}
    layer: dict[str, Any] = {
        "arguments": {"dim": DIM, "narrow": off, "small": off},
        "derived": {"scale": "(0.02 if narrow else 0.03) * (1 if small else 2)"},
        "parameters": {"weight": {**part, "shape": ["dim", "dim"]}, "bias": part},
        "inputs": {"x": ["N", "dim"]},
        "outputs": {"y": ["N", "dim"]},
    }
    forward = "y = linear(x, weight, bias)"
    assert checked(program(forward, matches="nn.Linear(dim, dim)", **layer)).beside
    wrong = program(forward, matches="nn.Linear(dim, dim, bias=not (narrow and small))", **layer)
    assert fault_of(wrong).rule.name == "match-mismatch"


def test_the_tests_of_a_layer_take_them() -> None:
    layer = checked(program("y = x + eps\nif scaled:\n  y = y / 2\n", arguments={"scaled": FLAG, "eps": NUMBER}))
    assert [case.setting.name for case in layer.beside] == ["together"]
    assert layer.tested == (*layer.cases, *layer.beside)
