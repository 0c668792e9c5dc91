"""Bounds have one telling: what the checks of a build allow, the generated constructor takes, and nothing else."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import layergen
from layergen.lang.bounds import allows, expected, normalize, requirement
from layergen.lang.model import Argument

ARGUMENTS: dict[str, dict[str, Any]] = {
    "any_int": {"type": "int"},
    "any_float": {"type": "float"},
    "flag": {"type": "bool"},
    "text": {"type": "str"},
    "positive": {"type": "int", "min": 1},
    "natural": {"type": "int", "min": 0},
    "above_zero": {"type": "int", "min": 0, "exclusive": True},
    "at_least": {"type": "int", "min": 3},
    "above": {"type": "int", "min": 3, "exclusive": "min"},
    "at_most": {"type": "int", "max": 5},
    "below": {"type": "int", "max": 5, "exclusive": True},
    "within": {"type": "int", "min": -2, "max": 2},
    "half_open": {"type": "int", "min": 0, "max": 4, "exclusive": "max"},
    "eps": {"type": "float", "min": 0},
    "scale": {"type": "float", "min": 0, "exclusive": True},
    "rate": {"type": "float", "min": 0, "max": 1},
    "rate_below_one": {"type": "float", "min": 0, "max": 1, "exclusive": "max"},
    "open_rate": {"type": "float", "min": 0.25, "max": 1, "exclusive": True},
    "cold": {"type": "float", "max": -1.5, "exclusive": "max"},
    "level": {"type": "int", "choices": [1, 2, 4]},
    "only": {"type": "int", "choices": [3]},
    "mode": {"type": "str", "choices": ["sum", "mean", "it's", 'a "b"', "{c}"]},
    "single": {"type": "size1", "min": 1},
    "pair": {"type": "size2", "min": 0, "max": 3},
    "triple": {"type": "size3", "max": 4, "exclusive": True},
    "any_pair": {"type": "size2"},
    "ints": {"type": "ints", "min": 1},
    "bounded_ints": {"type": "ints", "min": 0, "max": 3, "exclusive": "min"},
    "five": {"type": "size5", "min": 1},
    "quadruple": {"type": "size4", "max": 4},
    "betas": {"type": "float2", "min": 0, "max": 1, "exclusive": "max"},
    "scales": {"type": "floats", "min": 0},
    "sixfold": {"type": "float6"},
    "gaps": {"type": "size2", "min": 2, "optional_entries": True},
    "any_gaps": {"type": "ints", "max": 3, "optional_entries": True, "optional": True},
    "padding": {"type": "str | size2", "min": 0, "choices": ["same", "sum"]},
    "maybe_padding": {"type": "str | ints", "choices": ["same"], "optional": True},
    "mean_or_rate": {"type": "float | str", "max": 1, "choices": ["mean"]},
    "maybe_int": {"type": "int", "min": 2, "max": 4, "optional": True},
    "maybe_rate": {"type": "float", "min": 0, "optional": True},
    "maybe_mode": {"type": "str", "choices": ["a", "b"], "optional": True},
    "maybe_pair": {"type": "size2", "min": 2, "optional": True},
    "maybe_ints": {"type": "ints", "max": 4, "optional": True},
}
VALUES: list[Any] = [
    *range(-4, 8),
    *(-math.inf, -1.5, -0.0, 0.0, 1e-300, 0.25, 0.5, 0.99, 1.0, 1.5, 3.0, math.inf),
    *([], [2], [0], [1, 2], [3, 4], [2, 2], [0, 3], [2, 1], [1, 2, 3], [4, 4, 5], [-1, 3, 3], [1, 2, 3, 4], (3, 3)),
    *(
        [None, 2],
        [None, None],
        [0.5, 1],
        [-0.5, 0.25],
        [0.25, 0.5],
        [1.5],
        [0.25, 0.5, 0.75, 1, 2, 3],
        [1, 2, 3, 4, 5],
        "same",
    ),
    *("sum", "mean", "it's", 'a "b"', "{c}", "a", "c", "", None, True, False),
]


OPTIONAL = [name for name, part in ARGUMENTS.items() if part.get("optional")]
REQUIRED = [name for name in ARGUMENTS if name not in OPTIONAL]


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, type[nn.Module]]:
    """By the name of each argument, a layer that has it.

    One with all of them would take half a minute to check, so that there is one for each that may be None.
    """
    count = len(OPTIONAL)
    found: dict[str, type[nn.Module]] = {}
    for turn in range(count):
        names = [*OPTIONAL[turn::count], *REQUIRED[turn::count]]
        found |= dict.fromkeys(names, bounded(tmp_path_factory.mktemp("specs"), names))
    return found


def bounded(folder: Path, names: list[str]) -> type[nn.Module]:
    """A layer that has some of the arguments, each of them with a default that is allowed."""
    arguments = {
        name: {**ARGUMENTS[name], "default": default(ARGUMENTS[name]), "doc": f"The argument {name}."} for name in names
    }
    spec = {
        "layer": "Bounded",
        "summary": "Return the input.",
        "arguments": arguments,
        "inputs": {"x": ["N"]},
        "outputs": {"y": ["N"]},
        "forward": "y = x if " + " or ".join(f"{name} is None" for name in names) + " else -x",
    }
    path = folder / "bounded.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return layergen.load(path)


def argument(name: str) -> Argument:
    return Argument.model_validate({**ARGUMENTS[name], "doc": "An argument."})


def default(part: dict[str, Any]) -> Any:
    """Some value that an argument allows."""
    checked = Argument.model_validate({**part, "doc": "An argument."})
    return next(
        value for value in VALUES if fits(checked, value) and value != () and allows(checked, normalize(checked, value))
    )


def fits(checked: Argument, value: Any) -> bool:
    """Whether a value is of an argument's type."""
    try:
        normalize(checked, value)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_constructor_refuses_what_the_checks_refuse(name: str, layers: dict[str, type[nn.Module]]) -> None:
    checked, layer = argument(name), layers[name]
    values = [value for value in VALUES if fits(checked, value)]
    assert values
    for value in values:
        if allows(checked, normalize(checked, value)):
            assert getattr(layer(**{name: value}), name) == normalize(checked, value)
        else:
            with pytest.raises(ValueError, match=f"^{name} must be ") as caught:
                layer(**{name: value})
            assert str(caught.value).startswith(f"{name} must be {requirement(checked)}, got ")


class Array:
    """What can be read as a list is and is none, as the arrays of other libraries."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def __getitem__(self, index: int) -> Any:
        return self.parts[index]


@pytest.mark.parametrize("name", [name for name in ARGUMENTS if argument(name).type.listed])
def test_an_array_is_taken_as_a_list(name: str, layers: dict[str, type[nn.Module]]) -> None:
    checked = argument(name)
    values = [value for value in VALUES if isinstance(value, list) and fits(checked, value)]
    taken = [value for value in values if allows(checked, normalize(checked, value))]
    assert taken
    for value in taken:
        assert getattr(layers[name](**{name: Array(value)}), name) == normalize(checked, value)
    for value in values:
        if value not in taken:
            with pytest.raises(ValueError, match=f"^{name} must be "):
                layers[name](**{name: Array(value)})


@pytest.mark.parametrize("name", ["single", "pair", "triple", "any_pair", "maybe_pair", "five", "quadruple"])
def test_sizes_of_another_length_are_refused(name: str, layers: dict[str, type[nn.Module]]) -> None:
    layer = layers[name]
    for value in VALUES:
        if isinstance(value, list) and not fits(argument(name), value):
            if any(not isinstance(part, int) for part in value):
                continue
            with pytest.raises(ValueError, match=f"^{name} must be an int or (one|two|three|four|five) ints?, got "):
                layer(**{name: value})


def test_some_argument_refuses_and_some_takes_each_edge() -> None:
    """The values of this table reach both sides of every bound."""
    for name, part in ARGUMENTS.items():
        answers = {
            allows(argument(name), normalize(argument(name), value)) for value in VALUES if fits(argument(name), value)
        }
        bounded = {"min", "max", "choices"} & set(part)
        assert answers == ({True, False} if bounded else {True}), name


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_is_required_is_said_where_something_is_refused(name: str) -> None:
    assert bool(requirement(argument(name))) is bool({"min", "max", "choices"} & set(ARGUMENTS[name]))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *(("positive", "positive"), ("above_zero", "positive"), ("scale", "positive"), ("natural", "non-negative")),
        *(("at_least", "at least 3"), ("above", "greater than 3"), ("at_most", "at most 5"), ("below", "less than 5")),
        *(("rate", "in [0, 1]"), ("rate_below_one", "in [0, 1)"), ("open_rate", "in (0.25, 1)"), ("only", "3")),
        *(("padding", "'same', 'sum' or non-negative"), ("maybe_padding", "'same', an int or a list of ints")),
        *(("mean_or_rate", "'mean' or at most 1"), ("betas", "in [0, 1)"), ("gaps", "at least 2")),
        *(("level", "1, 2 or 4"), ("maybe_mode", "'a' or 'b'")),
    ],
)
def test_requirements_in_words(name: str, words: str) -> None:
    assert requirement(argument(name)) == words


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        *(("single", 2, (2,)), ("pair", 2, (2, 2)), ("pair", [1, 2], (1, 2)), ("triple", (1, 2, 3), (1, 2, 3))),
        *(("five", 2, (2,) * 5), ("betas", 0.5, (0.5, 0.5)), ("scales", [1, 0.5], (1, 0.5)), ("gaps", 3, (3, 3))),
        *(("gaps", [None, 3], (None, 3)), ("padding", "same", "same"), ("padding", 1, (1, 1))),
        *(("ints", 4, (4,)), ("ints", [], ()), ("ints", [4, 5], (4, 5)), ("eps", 1, 1), ("maybe_pair", None, None)),
    ],
)
def test_values_are_brought_into_one_form(name: str, value: Any, kept: Any) -> None:
    assert normalize(argument(name), value) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("any_int", 1.0), ("any_int", True), ("any_int", None), ("any_int", "1"), ("any_int", [1])),
        *(("any_float", True), ("any_float", "1"), ("flag", 1), ("flag", "yes"), ("text", 1), ("mode", None)),
        *(("pair", [1]), ("pair", [1, 2, 3]), ("pair", [1, 2.0]), ("pair", [True, 1]), ("pair", 1.5), ("ints", [None])),
    ],
)
def test_values_of_another_type_are_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^expected {expected(argument(name))}$"):
        normalize(argument(name), value)


def test_what_is_no_number_is_within_no_bound() -> None:
    assert allows(argument("any_float"), math.nan)
    assert not any(allows(argument(name), math.nan) for name in ("eps", "rate", "cold", "maybe_rate", "mean_or_rate"))


@pytest.mark.parametrize("name", ["betas", "scales"])
def test_no_entry_of_a_list_with_bounds_is_no_number(name: str, layers: dict[str, type[nn.Module]]) -> None:
    for entries in ([math.nan, 0.5], [0.5, math.nan]):
        with pytest.raises(ValueError, match=f"^{name} must be {re.escape(requirement(argument(name)))}, got "):
            layers[name](**{name: entries})
