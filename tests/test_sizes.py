"""Constraints that name dimensions: kept by every setting and symbol, checked in the forward, told from both sides."""

from typing import Any

import pytest
from small import DIM, checked, faults_of, forward_lines, program, sized

from layergen.lower.cases import case_fields
from layergen.lower.sizes import size_message
from layergen.lower.testing import wrong_shapes
from layergen.prove.demands import SolutionDemand
from layergen.prove.hints import Search, at_point, numbers
from layergen.resolve.program import Program
from layergen.settings.choice import settings
from layergen.settings.limits import size_limits
from layergen.settings.sizes import keeps

BOUNDED: dict[str, Any] = {"arguments": {"longest": DIM, "dim": DIM}, "constraints": ["C <= longest", "dim % 2 == 0"]}
SPREAD: dict[str, Any] = {
    "arguments": {"r": DIM},
    "constraints": ["C % r ** 2 == 0"],
    "outputs": {"y": ["N", "C // r ** 2", "r", "r"]},
}
EQUAL: dict[str, Any] = {"arguments": {"part": DIM}, "constraints": ["C == 2 * part"]}
ALL = [BOUNDED, SPREAD, EQUAL, {"constraints": ["C % 2 == 0"]}, {"constraints": ["N < C", "C < 5"]}]


@pytest.mark.parametrize("parts", ALL)
def test_every_setting_keeps_them(parts: dict[str, Any]) -> None:
    layer = program(**parts)
    assert all(keeps(layer, setting.values, setting.sizes) for setting in settings(layer))


@pytest.mark.parametrize("parts", ALL[:4])
def test_symbols_keep_them(parts: dict[str, Any]) -> None:
    layer = program(**parts)
    setting = settings(layer)[0]
    search = Search(layer, setting)
    found = search.usual() or search.close()
    assert found is not None and keeps(layer, found.setting.values, found.setting.sizes)
    assert len({*found.names.values()}) == len(found.names)


def test_those_on_arguments_are_kept_apart() -> None:
    layer = program(**BOUNDED)
    assert [len(found) for found in (layer.constraints, layer.argument_constraints, layer.size_constraints)] == [
        2,
        1,
        1,
    ]


def test_a_point_that_breaks_one_is_none() -> None:
    layer = program(**BOUNDED)
    ground = numbers(layer, settings(layer)[0])
    assert at_point(layer, ground, {**ground.names, "C": ground.names["longest"]}) is not None
    assert at_point(layer, ground, {**ground.names, "C": ground.names["longest"] + 1}) is None


def only_limit(layer: Program) -> tuple[dict[str, int], dict[str, int]]:
    (limit,) = size_limits(layer, settings(layer)[0])
    names = {*layer.arguments, *layer.dimensions} - {"N", "dim"}
    kept, broken = ({**part.values, **part.sizes} for part in (limit.kept, limit.broken))
    return {name: kept[name] for name in sorted(names)}, {name: broken[name] for name in sorted(names)}


def test_limits_lie_on_both_sides() -> None:
    kept, broken = only_limit(program(**BOUNDED))
    assert kept["C"] == kept["longest"] and broken["C"] == broken["longest"] + 1
    kept, broken = only_limit(program(**SPREAD))
    assert kept["C"] % kept["r"] ** 2 == 0 != broken["C"] % broken["r"] ** 2
    kept, broken = only_limit(program(**EQUAL))
    assert kept["C"] == 2 * kept["part"] == broken["C"] - 1


def test_a_size_of_nothing_breaks_what_all_others_keep() -> None:
    parts = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}, "constraints": ["L >= 1"]}
    layer = program("y = relu(x)", **parts)
    (limit,) = size_limits(layer, settings(layer)[0])
    assert (limit.kept.sizes["L"], limit.broken.sizes["L"]) == (1, 0)


@pytest.mark.parametrize("entry", ["2 * L - 1", "L - 1"])
def test_a_size_that_an_input_cannot_have_is_no_limit(entry: str) -> None:
    """None but 0 breaks the constraint, and there the input would have less than none of its entries."""
    parts: dict[str, Any] = {"inputs": {"x": ["N", "L", entry]}, "outputs": {"y": ["N", "L", entry]}}
    layer = program("y = relu(x)", **parts, constraints=["L >= 1"])
    assert not checked(layer).size_limits
    layer = program("y = relu(x)", **parts, constraints=["L >= 3"])
    (limit,) = size_limits(layer, settings(layer)[0])
    assert (limit.kept.sizes["L"], limit.broken.sizes["L"]) == (3, 2)


def test_limits_are_found_that_no_size_breaks_alone() -> None:
    parts = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}, "constraints": ["N * L >= 2"]}
    layer = program("y = relu(x)", **parts)
    (limit,) = size_limits(layer, settings(layer)[0])
    assert (limit.kept.sizes, limit.broken.sizes) == ({"N": 2, "L": 1}, {"N": 1, "L": 1})


def test_the_forward_checks_them_after_the_sizes_are_known() -> None:
    lines = forward_lines(program(**EQUAL))
    assert lines[:3] == [
        "C = x.shape[1]",
        "if C != 2 * self.part:",
        '    raise ValueError(f"expected C == 2 * part, got C={C}, part={self.part}")',
    ]


def test_those_of_an_optional_input_are_checked_where_it_is_there() -> None:
    inputs = {"x": ["N", "C"], "z": {"shape": ["N", "L"], "optional": True}}
    lines = forward_lines(program(inputs=inputs, constraints=["L % 2 == 0"]))
    assert lines[:2] == [
        "if z is not None and z.shape[1] % 2 != 0:",
        '    raise ValueError(f"L must be even, got {z.shape[1]}")',
    ]


def test_a_message_has_the_size_of_an_optional_input_that_is_asked_for() -> None:
    inputs = {"x": ["N", "C"], "z": {"shape": ["N", "L"], "optional": True}}
    layer = program(inputs=inputs, constraints=["(L if z is not None else 0) + C <= 9"])
    (constraint,) = layer.size_constraints
    assert "got C={C}, L={z.shape[1] if z is not None else None}" in "\n".join(forward_lines(layer))
    assert size_message(layer, constraint, {"C": 9, "L": 3}).endswith("got C=9, L=3")
    assert size_message(layer, constraint, {"C": 10}).endswith("got C=10, L=None")


def test_messages_have_the_values() -> None:
    layer = program(**SPREAD)
    (constraint,) = layer.size_constraints
    assert size_message(layer, constraint, {"C": 9, "r": 2}) == "C must be divisible by r ** 2, got C=9, r=2"


def test_a_case_that_breaks_one_is_a_fault() -> None:
    (finding,) = faults_of(program(**BOUNDED, cases=[{"longest": 4, "dim": 2, "C": 5}]))
    assert finding.message == "the case does not satisfy `C <= longest`"


@pytest.mark.parametrize(
    ("forward", "parts", "condition"),
    [
        (
            "y = x + w[:C]",
            {"arguments": {"longest": DIM}, "parameters": {"w": {"shape": ["longest"], "init": "normal"}}},
            "C <= longest",
        ),
        (
            "a, b = unbind(reshape(x, [N, 2, C // 2]), 1)\ny = a + b",
            {"outputs": {"y": ["N", "C // 2"]}},
            "C % 2 == 0",
        ),
        (
            "h = reshape(x, [N // groups, groups, C])\ny = reshape(h - mean(h, dim=1, keepdim=True), [N, C])",
            {"arguments": {"groups": DIM}, "mixes": ["N"]},
            "N % groups == 0",
        ),
    ],
)
def test_what_is_not_declared_is_a_precondition(forward: str, parts: dict[str, Any], condition: str) -> None:
    assert condition in {found.text for found in sized(program(forward, **parts)).preconditions}
    declared = program(forward, **parts, constraints=[condition])
    assert condition not in {found.text for found in sized(declared).preconditions}


@pytest.mark.parametrize(
    ("entry", "value", "refused"),
    [
        ("C * r ** 2", "x.shape[1] // self.r ** 2", " or x.shape[1] % self.r ** 2 != 0"),
        ("r * C", "x.shape[1] // self.r", " or x.shape[1] % self.r != 0"),
        ("2 * C * r", "x.shape[1] // (2 * self.r)", " or x.shape[1] % (2 * self.r) != 0"),
        ("C + r", "x.shape[1] - self.r", " or x.shape[1] < self.r"),
        ("C - r", "x.shape[1] + self.r", ""),
    ],
)
def test_an_entry_determines_a_dimension(entry: str, value: str, refused: str) -> None:
    layer = program("y = mean(x, dim=1) * C", arguments={"r": DIM}, inputs={"x": ["N", entry]}, outputs={"y": ["N"]})
    lines = forward_lines(layer, with_checks=True)
    assert lines[0] == f"if x.dim() != 2{refused}:"
    assert lines[2] == f"C = {value}"


def test_leading_dimensions_may_stand_before_such_an_entry() -> None:
    forward, inputs, outputs = "a, b = split(x, D, dim=-1)\ny = a * b", {"x": ["...", "2 * D"]}, {"y": ["...", "D"]}
    assert forward_lines(program(forward, inputs=inputs, outputs=outputs), with_checks=True)[:3] == [
        "if x.dim() < 1 or x.shape[-1] % 2 != 0:",
        '    raise ValueError(f"expected x of shape (*, 2 * D), got {tuple(x.shape)}")',
        "D = x.shape[-1] // 2",
    ]


def test_sizes_that_stand_alone_are_read_beside_it() -> None:
    inputs = {"x": ["N", "2 * C", "H"]}
    layer = program("y = reshape(x, [N, 2, C, H])", inputs=inputs, outputs={"y": ["N", "2", "C", "H"]})
    assert forward_lines(layer)[:2] == ["N, _, H = x.shape", "C = x.shape[1] // 2"]


def test_other_entries_must_be_as_large_as_it_says() -> None:
    inputs = {"x": ["N", "2 * C"], "z": ["N", "2 * C"], "m": {"shape": ["N", "C"], "optional": True}}
    forward = "y = mean(x, dim=1) + mean(z, dim=1)\nif m is not None:\n  y = y + mean(m, dim=1)"
    lines = forward_lines(program(forward, inputs=inputs, outputs={"y": ["N"]}), with_checks=True)
    conditions = [line for line in lines if line.startswith("if")]
    assert conditions[1:3] == [
        "if z.shape != (N, 2 * C):",
        "if m is not None and m.shape != (N, C):",
    ]


@pytest.mark.parametrize("entry", ["C * M", "C * N", "2 - C", "C // 2", "2 * (C + 1)"])
def test_other_expressions_determine_none(entry: str) -> None:
    assert set(program(inputs={"x": ["N", entry]}, outputs={"y": ["N", "4"]}).dimensions) == {"N"}


def test_a_remainder_is_refused_in_the_generated_tests() -> None:
    layer = checked(
        program(
            "y = mean(reshape(x, [N, C, r]), dim=-1)",
            arguments={"r": DIM},
            inputs={"x": ["N", "C * r"]},
            outputs={"y": ["N", "C"]},
        )
    )
    (check,) = [check for check in layer.input_checks if isinstance(check.demand, SolutionDemand)]
    ((samples, size),) = check.wrong
    assert size % check.setting.values["r"] != 0
    rows = wrong_shapes(layer, case_fields(layer.program, layer.cases[0], []))
    (row,) = [row for row in rows if f"got ({samples}, {size})" in row.value]
    assert f"with r={check.setting.values['r']}, got ({samples}, {size})" in row.value
