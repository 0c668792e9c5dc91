"""What one mistake makes of a constraint, and the settings that tell it."""

from typing import Any

from small import DIM, program, setting_of, settings_of

from layergen.lang import expression as ex
from layergen.lang.parser import parse_expression
from layergen.settings.limits import SizeLimit
from layergen.settings.mistakes import mistakes
from layergen.settings.rejections import acceptances, rejections
from layergen.settings.size_relations import SizeRelation

WHOLE = {"type": "int", "min": 0, "default": 1, "doc": "Number."}


def texts(constraint: str, **counts: int) -> list[str]:
    return [ex.show(one) for one in mistakes(parse_expression(constraint), counts)]


def test_a_comparison_is_left_out_or_shifted() -> None:
    assert texts("a < b") == ["True", "a <= b"]
    assert texts("a % b == 0") == ["True"]


def test_parts_are_left_out() -> None:
    assert {"a", "b"} <= {*texts("a or b")}
    assert {"b == 1", "a == 1", "a == b"} <= {*texts("a == b == 1")}
    assert {"a < b", "b < c"} <= {*texts("a < b < c")}
    assert {"a < b", "a < c"} <= {*texts("a < max(b, c)")}


def test_another_entry_stands_in_the_place_of_one() -> None:
    assert "a[0] > 0" in texts("a[1] > 0", a=2)
    assert texts("a[1] > 0") == ["True", "a[1] >= 0"]


def test_equality_is_refused_or_taken_as_a_constraint_says() -> None:
    for sign, equal in (("<", False), ("<=", True)):
        parts: dict[str, Any] = {"arguments": {"low": WHOLE, "high": {**WHOLE, "default": 7}}}
        layer = program(**parts, constraints=[f"low {sign} high"])
        refused = tuple(rejections(layer, setting_of(layer)))
        taken = tuple(acceptances(layer, [setting_of(layer)], refused, lambda given: True))
        values = [one.values for one in refused if one.argument is None]
        assert any(found and found["low"] == found["high"] for found in values) != equal
        assert bool(taken) == equal
        assert not tuple(acceptances(layer, [setting_of(layer)], refused, lambda given: False))


def test_two_arguments_are_changed_where_one_breaks_nothing() -> None:
    mode = {"type": "str", "choices": ["same", "valid"], "default": "valid", "doc": "Mode."}
    parts: dict[str, Any] = {"arguments": {"mode": mode, "step": WHOLE}, "constraints": ["mode != 'same' or step == 1"]}
    layer = program(**parts)
    (found,) = (one for one in rejections(layer, setting_of(layer)) if one.argument is None)
    assert found.given["mode"] == "same" and found.given["step"] != 1


def further(constraint: str) -> list[SizeLimit]:
    layer = program(arguments={"dim": DIM}, constraints=[constraint])
    return list(SizeRelation(layer, 0, settings_of(layer), []).limits(lambda setting: True))


def test_sizes_tell_both_sides_of_a_constraint() -> None:
    for constraint, apart in (("C < dim", 0), ("C <= dim", 1)):
        (limit, *_) = further(constraint)
        assert any(one.broken.sizes["C"] - one.broken.values["dim"] == apart for one in further(constraint))
        assert limit.kept.sizes["C"] < limit.broken.sizes["C"]
