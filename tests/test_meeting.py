"""Settings at which values of two options meet that do so nowhere else: which pairs they cover."""

from typing import Any

from small import FLAG, program

from layergen.resolve.program import Program
from layergen.settings.beside import beside
from layergen.settings.choice import Setting, settings
from layergen.settings.meeting import LEFT_OUT, MOST, Level, meeting, otherwise, pairs_met

MODE = {"type": "str", "choices": ["none", "mean", "sum"], "default": "mean", "doc": "Mode."}
NUMBER = {"type": "float", "min": 0, "default": 1.0, "doc": "Number."}
OFF = {**FLAG, "default": False}
INPUTS = {"x": {"shape": ["N", "C"]}, "mask": {"shape": ["N", "C"], "optional": True}}


def made_for(layer: Program) -> list[Setting]:
    usual = settings(layer)
    return [*usual, *beside(layer, usual)]


def meet(layer: Program, made: list[Setting], *pair: tuple[str, str]) -> bool:
    """Whether two values meet at one of some settings."""
    wanted = frozenset(Level(option, told) for option, told in pair)
    return any(wanted in pairs_met(layer, setting) for setting in made)


def test_flags_and_choices_meet_that_do_so_nowhere_else() -> None:
    layer = program(arguments={"full": OFF, "mode": MODE})
    made = made_for(layer)
    found = list(meeting(layer, made))
    met = {(setting.values["full"], setting.values["mode"]) for setting in (*made, *found)}
    assert met == {(full, mode) for full in (True, False) for mode in ("none", "mean", "sum")}
    assert len(found) == 1


def test_a_number_meets_the_last_choice() -> None:
    layer = program(arguments={"delta": NUMBER, "mode": MODE})
    made, pair = made_for(layer), (("delta", "other"), ("mode", "'sum'"))
    assert not meet(layer, made, *pair)
    (found,) = meeting(layer, made)
    assert meet(layer, [found], *pair)
    assert found.sizes == made[0].sizes


def test_what_is_left_out_meets_numbers_and_flags() -> None:
    forward = "y = x if mask is None else x * mask"
    layer = program(forward, arguments={"delta": NUMBER, "full": OFF}, inputs=INPUTS)
    made, left_out = made_for(layer), ("input mask", LEFT_OUT)
    pairs = [(left_out, ("delta", "other")), (left_out, ("full", "True"))]
    assert not any(meet(layer, made, *pair) for pair in pairs)
    (found,) = meeting(layer, made)
    assert all(meet(layer, [found], *pair) for pair in pairs)
    assert "mask" in found.absent


def test_what_constraints_refuse_does_not_meet() -> None:
    rule = "delta == 1.0 or mode != 'sum'"
    layer = program(arguments={"delta": NUMBER, "mode": MODE}, constraints=[rule])
    found = list(meeting(layer, made_for(layer)))
    assert not meet(layer, found, ("delta", "other"), ("mode", "'sum'"))


def test_lists_of_several_entries_meet_flags() -> None:
    sizes = {"type": "ints", "min": 1, "doc": "Sizes."}
    inputs, outputs = {"x": ["...", "sizes..."]}, {"y": ["...", "sizes..."]}
    layer = program(arguments={"sizes": sizes, "full": OFF}, inputs=inputs, outputs=outputs)
    made = [*made_for(layer), *meeting(layer, made_for(layer))]
    met = {(len(setting.values["sizes"]) > 1, setting.values["full"]) for setting in made}
    assert len(met) == 4


def test_runs_without_dimensions_meet_flags() -> None:
    layer = program(arguments={"full": OFF}, inputs={"x": ["N", "..."]}, outputs={"y": ["N", "..."]})
    made = [*made_for(layer), *meeting(layer, made_for(layer))]
    assert {(bool(setting.leading), setting.values["full"]) for setting in made} == {
        (long, full) for long in (True, False) for full in (True, False)
    }


def test_a_pair_that_is_not_finite_meets_with_another_flag() -> None:
    forward = "y = x * delta if safe else x * delta + inf"
    layer = program(forward, arguments={"delta": NUMBER, "mode": MODE, "safe": OFF})
    setting = settings(layer)[0]
    pair = setting.__class__(**{**vars(setting), "name": "pair_0"})
    assert [other.values["safe"] for other in otherwise(layer, pair)] == [True]
    assert not list(otherwise(layer, setting))


def test_numbers_need_not_meet_the_defaults_of_others() -> None:
    layer = program(arguments={"delta": NUMBER, "scale": NUMBER})
    assert not list(meeting(layer, made_for(layer)))


def test_a_flag_that_is_off_stays_without_a_third_that_may_hide_it() -> None:
    momentum = {**NUMBER, "optional": True}
    layer = program(arguments={"momentum": momentum, "affine": FLAG, "tracked": FLAG})
    found = list(meeting(layer, made_for(layer)[:1] + _one_by_one(layer)))
    off = [[setting.values[name] for name in layer.arguments].count(False) for setting in found]
    assert found
    assert all(count + (setting.values["momentum"] is None) <= 2 for count, setting in zip(off, found, strict=True))


def _one_by_one(layer: Program) -> list[Setting]:
    return [setting for setting in settings(layer) if setting.name != "default"]


def test_few_settings_are_made() -> None:
    parts: dict[str, Any] = {f"mode_{index}": MODE for index in range(6)}
    layer = program(arguments=parts)
    made = made_for(layer)
    found = list(meeting(layer, made))
    assert len(found) == MOST
    assert [setting.name for setting in found] == [f"pair_{index}" for index in range(MOST)]
    gains = []
    for index, setting in enumerate(found):
        before = set().union(*(pairs_met(layer, other) for other in (*made, *found[:index])))
        gains.append(len(pairs_met(layer, setting) - before))
    assert gains[0] == max(gains)
    assert min(gains) > 1
