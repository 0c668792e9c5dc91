"""Values at the limits of a layer: at its bounds, and where inputs are equal to what it compares them with."""

from typing import Any

import pytest
from small import DIM, FLAG, checked, fault_of, program, setting_of, settings_of

from layergen.domains.joined import joined_limits
from layergen.probe.switches import tellings
from layergen.settings.beside import beside

LOW: dict[str, Any] = {"arguments": {"low": {"type": "float", "default": 0.3, "doc": "Number."}}}
RUN: dict[str, Any] = {"inputs": {"x": ["...", "C"]}, "outputs": {"y": ["...", "C"]}}
WINDOW: dict[str, Any] = {
    "arguments": {"window": {"type": "int", "min": 0, "default": 2, "doc": "How far."}},
    "inputs": {"x": ["N", "L"]},
    "outputs": {"y": ["N", "L"]},
    "forward": "i = arange(L)\nnear = type_as(abs(i[:, None] - i) <= window, x)\ny = x @ near",
}


def edges_of(forward: str, definition: str, **parts: Any) -> list[dict[str, Any]]:
    """What the inputs of a sound layer are taken from, at each setting where something is."""
    layer = checked(program(forward, definition=definition, **parts))
    return [dict(at.edges.taken) for at in layer.measured.at_edges if at.edges is not None]


# Edges


@pytest.mark.parametrize(
    ("forward", "definition"),
    [
        ("y = where(x > low, x, 0)", "y[n, c] = x[n, c] if x[n, c] >= low else 0"),
        ("y = where(low < x, x, 0)", "y[n, c] = 0 if x[n, c] < low else x[n, c]"),
        ("h = -x[:, :]\ny = where(h <= -low, x, 0)", "y[n, c] = x[n, c] if x[n, c] > low else 0"),
        ("y = where(abs(x) > low, x, 0)", "h[n, c] = abs(x[n, c])\ny[n, c] = x[n, c] if low <= h[n, c] else 0"),
    ],
)
def test_one_takes_the_edge_in_and_the_other_does_not(forward: str, definition: str) -> None:
    finding = fault_of(program(forward, definition=definition, **LOW))
    assert finding.rule.code == "LG408"
    assert finding.notes[-1] == "the inputs have values that are told apart: 0, 0.3, -0.3"


def test_what_is_matched_takes_the_edge_in_and_the_layer_does_not() -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["..."]}, "outputs": {"y": ["..."]}, "matches": "nn.Threshold(low, 0)"}
    finding = fault_of(program("y = where(x >= low, x, 0)", **parts, **LOW, repr=[]))
    assert finding.rule.code == "LG404"
    assert "told apart" in finding.notes[-1]
    assert checked(program("y = where(x > low, x, 0)", **parts, **LOW, repr=[])).measured.at_edges


@pytest.mark.parametrize(
    ("forward", "definition", "taken"),
    [
        ("y = where(x >= low, x, 0)", "y[n, c] = x[n, c] if x[n, c] >= low else 0", [{"x": (0.0, 0.3, -0.3)}]),
        ("y = relu(x)", "y[n, c] = max(x[n, c], 0)", [{"x": (0.0,)}]),
        ("y = tanh(x)", "y[n, c] = tanh(x[n, c])", []),
    ],
)
def test_inputs_are_equal_to_what_they_are_compared_with(forward: str, definition: str, taken: list[Any]) -> None:
    parts = LOW if "low" in forward else {}
    assert edges_of(forward, definition, **parts) == taken


@pytest.mark.parametrize(
    ("forward", "definition"),
    [
        ("y = where(x / 3 >= low / 3, x, 0)", "y[n, c] = x[n, c] if x[n, c] >= low else 0"),
        ("y = where(x >= low, x, 0)", "y[n, c] = x[n, c] if x[n, c] * 3 >= low * 3 else 0"),
        ("y = where(sum(x, dim=1, keepdim=True) >= low, x, 0)", "y[n, c] = x[n, c] if sum[k](x[n, k]) >= low else 0"),
        ("h = softmax(x, dim=1)\ny = where(h >= low, x, 0)",
         "y[n, c] = x[n, c] if exp(x[n, c]) / sum[k](exp(x[n, k])) >= low else 0"),
    ],
)  # fmt: skip
def test_nothing_is_said_of_edges_that_rounding_may_pass(forward: str, definition: str) -> None:
    assert edges_of(forward, definition, **LOW) == []


def test_what_orders_entries_is_not_asked_about_equal_ones() -> None:
    assert tellings(program("y = sort(x, dim=1)[0]"))[0].orders()
    assert tellings(program("y = max(x, dim=1)[0]", outputs={"y": ["N"]}))[0].orders()
    assert not tellings(program("y = amax(x, dim=1)", outputs={"y": ["N"]}))[0].orders()


def test_entries_are_those_of_buffers_that_inputs_are_compared_with() -> None:
    parts: dict[str, Any] = {
        "inputs": {"x": {"shape": ["N"], "gradient": False}},
        "outputs": {"y": ["N", 3]},
        "buffers": {"grid": {"shape": [4], "init": "arange(4) / 3", "persistent": False}},
    }
    forward = "u = x[:, None]\ny = type_as((u >= grid[:-1]) & (u {} grid[1:]), x)"
    definition = "y[n, k < 3] = 1 if grid[k] <= x[n] and x[n] < grid[k + 1] else 0"
    assert edges_of(forward.format("<"), definition, **parts) == [{"x": (0.0, "grid")}]
    assert fault_of(program(forward.format("<="), definition=definition, **parts)).rule.code == "LG408"


def test_all_labels_are_ignored() -> None:
    parts: dict[str, Any] = {
        "arguments": {"ignored": {"type": "int", "default": 0, "doc": "Label that counts for nothing."}},
        "inputs": {"x": ["N"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, 3]}},
        "outputs": {"y": []},
        "constraints": ["N >= 2"],
    }
    forward = "kept = type_as(t != ignored, x)\ny = sum(x * kept) / clamp(sum(kept), min=1)"
    counted = "sum[n](1 if t[n] != ignored else 0)"
    definition = "y = sum[n](x[n] if t[n] != ignored else 0) / max({}, {})"
    assert {"t": (0,)} in edges_of(forward, definition.format(1, counted), **parts)
    finding = fault_of(
        program(f"{forward} + type_as(sum(kept) == 0, x)", definition=definition.format(1, counted), **parts)
    )
    assert finding.rule.code == "LG408"
    assert finding.notes[-1] == "the inputs have values that are told apart: labels are all 0"


# Bounds


def test_a_definition_is_wrong_at_a_bound() -> None:
    definition = "y[n, i] = sum[j < L](x[n, j] if abs(i - j) <= {} else 0)"
    finding = fault_of(program(**WINDOW, definition=definition.format("max(window, 1)")))
    assert finding.rule.code == "LG408"
    assert any("window=0" in note for note in finding.notes)
    layer = checked(program(**WINDOW, definition=definition.format("window")))
    ones = ["of_ones", "of_ones_at_other_values"]
    assert [case.setting.name for case in layer.bounds] == ["at_lower_bounds", *ones, "of_large_whole_numbers", *EACH]
    assert layer.bounds[0].setting.given == {"window": 0}
    assert all(at.plain for at in layer.measured.at_bounds)


HEADS: dict[str, Any] = {
    "arguments": {"heads": {**DIM, "default": 8}},
    "derived": {"near": "int(2 ** floor(log2(heads)))"},
    "inputs": {"x": ["N", "heads"]},
    "outputs": {"y": ["N", "heads"]},
}


def test_a_definition_is_wrong_at_a_number_that_is_no_power_of_two() -> None:
    forward = "y = where(arange(heads) < near, x, 2 * x)"
    definition = "y[n, h] = x[n, h] if h < near else {} * x[n, h]"
    finding = fault_of(program(forward, definition=definition.format(5), **HEADS))
    assert finding.rule.code == "LG408"
    assert any("heads=9" in note for note in finding.notes)
    layer = checked(program(forward, definition=definition.format(2), **HEADS))
    assert "of_other_numbers" in [case.setting.name for case in layer.bounds]


def test_a_tensor_starts_otherwise_at_a_number_that_is_no_power_of_two() -> None:
    slopes = {"slopes": {"shape": ["heads"], "init": "2.0 ** (-8.0 / {} * arange(heads))", "persistent": False}}
    definition = "initial(slopes)[h] = 2 ** (-8 * h / near)\ny[n, h] = slopes[h] * x[n, h]"

    def layer(of: str) -> Any:
        buffers = {"slopes": {**slopes["slopes"], "init": str(slopes["slopes"]["init"]).format(of)}}
        return program("y = type_as(slopes, x) * x", buffers=buffers, definition=definition, **HEADS)

    finding = fault_of(layer("heads"))
    assert (finding.rule.code, finding.labels[0].text) == ("LG408", "this starts otherwise")
    assert checked(layer("near")).measured.at_bounds


def test_a_law_is_broken_at_a_bound() -> None:
    scale = {"scale": {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Scale."}}
    finding = fault_of(program("y = scale * x", arguments=scale, laws=[{"law": "abs(layer(x)) < abs(x)"}]))
    assert finding.rule.code == "LG420"
    assert any("scale=1" in note for note in finding.notes)


EACH = ("of_ones_at_even_places", "of_ones_at_odd_places")


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ({"arguments": {"dim": DIM}, "forward": "y = x * dim"},
         ["of_least_numbers", "of_ones", "of_large_whole_numbers", *EACH]),
        (
            {"arguments": {"p": {"type": "float", "min": 0, "max": 1, "default": 0.1, "doc": "P."}},
             "forward": "y = x * p"},
            ["at_lower_bounds", "at_upper_bounds", "of_ones", "of_ones_at_other_values", "of_large_numbers", *EACH],
        ),
        (
            {
                "arguments": {
                    "least": {"type": "float", "default": 0.1, "doc": "Least."},
                    "most": {"type": "float", "default": 0.7, "doc": "Most."},
                },
                "constraints": ["least <= most"],
                "forward": "y = clamp(x, least, most)",
            },
            ["at_equality", "of_ones", "of_ones_at_other_values", "of_small_numbers", "of_unit_numbers",
             "of_large_numbers", *EACH],
        ),
        (RUN, ["of_ones", "of_large_numbers", "of_one_dimension"]),
        ({"forward": "y = x * max(N - C, 0)"}, ["of_ones", "of_reversed_sizes", *EACH]),
        ({"forward": "y = x[:, :C // 2]", "outputs": {"y": ["N", "C // 2"]}}, ["of_ones", "of_other_rests", *EACH]),
        (
            {"arguments": {"group": DIM}, "forward": "y = x[:, :C // group]", "outputs": {"y": ["N", "C // group"]}},
            ["of_least_numbers", "of_ones", "of_large_whole_numbers", "of_other_numbers", "of_other_rests",
             *EACH],
        ),
    ],
)  # fmt: skip
def test_limits_are_joined_in_few_settings(parts: dict[str, Any], names: list[str]) -> None:
    layer = program(**parts)
    assert [setting.name for setting in joined_limits(layer, settings_of(layer))] == names


def test_numbers_are_far_from_usual_where_no_bound_keeps_them() -> None:
    free, scale = ({"type": "float", "default": 1.0, "doc": "Number."} for _ in range(2))
    scale |= {"min": 0, "exclusive": True}
    layer = program("y = x * free + scale", arguments={"free": free, "scale": scale}, **RUN)
    found = {setting.name: setting for setting in joined_limits(layer, settings_of(layer))}
    small, large = found["of_small_numbers"], found["of_large_numbers"]
    assert small.values["free"] < 0 < small.values["scale"] < 0.01
    assert 1 < large.values["free"] < large.values["scale"]
    assert len(large.leading) > 2


def joined(layer: Any, batch: str | None = None) -> dict[str, Any]:
    """The settings at limits by name."""
    return {setting.name: setting for setting in joined_limits(layer, settings_of(layer), batch=batch)}


def test_a_number_between_two_bounds_is_near_to_the_upper_one() -> None:
    share = {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Share."}
    assert joined(program("y = x * p", arguments={"p": share}))["of_large_numbers"].values["p"] == 0.9


def test_whole_numbers_are_large_but_for_sizes_and_turns() -> None:
    arguments = {"dim": DIM, "turns": {**DIM, "default": 2}, "k": {**DIM, "default": 2}}
    forward = "y = x\nfor _ in range(turns):\n    y = y * k"
    parts: dict[str, Any] = {"arguments": arguments, "inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    layer = program(forward, **parts)
    base = settings_of(layer)[0]
    assert joined(layer)["of_large_whole_numbers"].values == {**base.values, "k": 9}


def test_sizes_grow_with_large_whole_numbers() -> None:
    layer = program("y = x[:, k:]", arguments={"k": {**DIM, "default": 1}}, outputs={"y": ["N", "C - k"]})
    found = next(case.setting for case in checked(layer).bounds if case.setting.name == "of_large_whole_numbers")
    assert found.values["k"] == 9 < found.sizes["C"]


def test_numbers_that_may_be_none_are_zero_once() -> None:
    bounds = {"p": {"min": 0}, "q": {"min": 1}, "r": {"min": 0, "exclusive": True}, "s": {"default": 0}, "t": {}}
    may = {"type": "float", "optional": True, "default": None, "doc": "What is added."}
    arguments: dict[str, Any] = {name: {**may, **more} for name, more in bounds.items()}
    arguments["u"] = {"type": "float", "default": 1.0, "doc": "What is not."}
    forward = "y = x * u\n" + "".join(f"if {name} is not None:\n    y = cos(y + {name})\n" for name in bounds)
    zeros = joined(program(forward, arguments=arguments))["of_zeros"]
    assert zeros.values == {"p": 0.0, "q": None, "r": None, "s": 0.0, "t": 0.0, "u": 1.0}


def test_a_dimension_is_1_where_its_neighbours_are_not() -> None:
    shape = ["N", "H", "W"]
    made = joined(program("y = x * 2", inputs={"x": shape}, outputs={"y": shape}))
    even, odd = (made[f"of_ones_at_{which}_places"].sizes for which in ("even", "odd"))
    assert even["N"] == even["W"] == odd["H"] == 1 < min(even["H"], odd["N"], odd["W"])


def test_a_batch_has_one_sample_where_samples_meet() -> None:
    alone = joined(program("y = x * mean(x, 0)", mixes=["N"]), "N")["of_one_sample"]
    assert alone.sizes["N"] == 1 < alone.sizes["C"]
    assert "of_one_sample" not in joined(program("y = x * 2"), "N")


def test_an_axis_is_another_one_among_more_dimensions() -> None:
    axis = {"axis": {"type": "int", "default": -1, "doc": "Axis."}}
    found = joined(program("y = softmax(x, axis)", arguments=axis, **RUN))["of_more_dimensions"]
    assert found.values["axis"] != -1
    assert len(found.leading) == 4


def test_sizes_are_one_where_an_operand_decides() -> None:
    step = {"type": "int", "min": 1, "default": 1, "doc": "Step."}
    forward = "y = x if step == 1 and flag else 2 * x"
    layer = program(forward, arguments={"step": step, "flag": FLAG})
    made = [*settings_of(layer), *beside(layer, settings_of(layer))]
    names = [setting.name for setting in joined_limits(layer, made)]
    assert f"of_ones_at_{made[-1].name}" in names


def test_what_is_given_at_equality_keeps_the_constraint() -> None:
    least, most = ({"type": "float", "default": number, "doc": "Number."} for number in (0.1, 0.7))
    layer = program(
        "y = clamp(x, least, most)", arguments={"least": least, "most": most}, constraints=["least <= most"]
    )
    equal, *_ = joined_limits(layer, [setting_of(layer)])
    assert equal.values["least"] == equal.values["most"]


# Where a loop first differs


def test_the_first_value_that_differs_in_a_loop_is_shown() -> None:
    forward = """
h = zeros(N, C)
states = []
for x_t in unbind(x, 1):
    gate = sigmoid(x_t - h)
    fresh = tanh({} * gate)
    h = h + gate * fresh
    append(states, h)
y = stack(states, dim=1)
"""
    definition = """
h[n, -1, c < C] = 0
gate[n, t < L, c < C] = 1 / (1 + exp(h[n, t - 1, c] - x[n, t, c]))
fresh[n, t < L, c < C] = tanh(x[n, t, c] * gate[n, t, c])
h[n, t < L, c < C] = h[n, t - 1, c] + gate[n, t, c] * fresh[n, t, c]
y[n, t, c] = h[n, t, c]
"""
    parts: dict[str, Any] = {"inputs": {"x": ["N", "L", "C"]}, "outputs": {"y": ["N", "L", "C"]}}
    finding = fault_of(program(forward.format("2 * x_t"), definition=definition, **parts))
    assert [label.text for label in finding.labels] == ["`fresh` differs already"]
    finding = fault_of(program(forward.format("(x_t + h)"), definition=definition, **parts))
    assert "`fresh[0, 1, 0]`" in finding.notes[0]


def test_a_name_that_means_something_else_in_the_definition_is_not_blamed() -> None:
    definition = "h[n, c] = x[n, c] + 1\ny[n, c] = {} * tanh(h[n, c])"
    finding = fault_of(program("h = tanh(x + 1)\ny = 3 * h", definition=definition.format(2)))
    assert not finding.labels
    finding = fault_of(program("h = tanh(x + 2)\ny = 3 * tanh(h)", definition=definition.format(3)))
    assert [label.text for label in finding.labels] == ["`h` differs already"]


def test_a_name_that_is_given_to_something_else_later_is_not_blamed_for_that() -> None:
    definition = "h[n, c] = x[n, c] + 1\ny[n, c] = 2 * tanh(h[n, c])"
    finding = fault_of(program("h = x + 1\nz = tanh(h)\nh = relu(z)\ny = 2 * h", definition=definition))
    assert not finding.labels and not any(note.startswith("values:") for note in finding.notes)
    finding = fault_of(program("h = x + 2\nh = h * 1\ny = 2 * tanh(h)", definition=definition))
    assert [label.text for label in finding.labels] == ["`h` differs already"]
