"""Preconditions: what torch demands of sizes beside the constraints, and what only seems to be met."""

from collections.abc import Mapping
from typing import Any

import pytest
import sympy
from small import DIM, LEFT_OUT, checked, fault_of, program, setting_of, sized

from layergen.lang import expression as ex
from layergen.prove.formula import symbol
from layergen.prove.preconditions import told
from layergen.prove.proven import Proof
from layergen.prove.small_sizes import SmallSizes

HEADS: dict[str, Any] = {
    "arguments": {"dim": DIM, "heads": DIM},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "heads", "dim // heads"]},
    "cases": [{"dim": 6, "heads": 2}],
}
MATRIX: dict[str, Any] = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
SPLIT = "y = reshape(x, [N, heads, dim // heads])"


def texts(forward: str, **parts: Any) -> list[str]:
    return [condition.text for condition in sized(program(forward, **parts)).preconditions]


def test_arguments_that_fit_in_the_cases_alone_are_coupled() -> None:
    finding = fault_of(program(SPLIT, **HEADS))
    assert finding.rule.code == "LG303"
    assert finding.help == "if `heads` is to divide `dim`, add the constraint `dim % heads == 0`"
    assert finding.place.span == (4, len(SPLIT))


def test_arguments_that_a_constraint_couples_are_free_of_faults() -> None:
    assert texts(SPLIT, **HEADS, constraints=["dim % heads == 0"]) == []


def test_a_shape_that_is_as_declared_for_large_sizes_alone_is_a_fault() -> None:
    forward = "third = x[:, 2]\ny = x[:, :4] - third[:, None]"
    finding = fault_of(program(forward, inputs=LEFT_OUT, outputs={"y": ["N", 4]}))
    assert finding.rule.code == "LG302"
    assert finding.message == "dimension 1 of output `y` is declared as `4`, but is `C`, unless C >= 4"


def test_a_size_that_torch_refuses_is_a_precondition() -> None:
    assert texts("y = narrow(x, 1, 0, 4)", inputs=LEFT_OUT, outputs={"y": ["N", 4]}) == ["C >= 4"]


def test_a_dimension_that_has_to_be_a_multiple_is_a_precondition() -> None:
    parts = {"outputs": {"y": ["N", "C // 4", 4]}, "cases": [{"C": 8}]}
    assert texts("y = reshape(x, [N, C // 4, 4])", **parts) == ["C % 4 == 0"]


def test_preconditions_have_a_setting_on_either_side() -> None:
    layer = sized(program("y = narrow(x, 1, 0, 4)", inputs=LEFT_OUT, outputs={"y": ["N", 4]}))
    (condition,) = layer.preconditions
    kept, (broken, _) = condition.kept.setting, condition.broken
    assert (kept.sizes["C"], broken.sizes["C"]) == (4, 3)


@pytest.mark.parametrize("forward", ["y = relu(x)", "y = x + x", "y = flip(x, [1])"])
def test_what_torch_asks_for_its_own_sake_is_no_precondition(forward: str) -> None:
    assert texts(forward) == []


# Arguments that torch takes as numbers, and indices that it looks at with data alone

COUNT: dict[str, Any] = {"k": {"type": "int", "min": 1, "doc": "How many."}}
IMAGE: dict[str, Any] = {"inputs": {"x": ["N", "C", "H", "W"]}}
WINDOWS: dict[str, Any] = {**IMAGE, "outputs": {"y": ["N", "C", "H - k + 1", "W - k + 1"]}}
SERIES: dict[str, Any] = {"inputs": {"x": ["N", "C", "L"]}, "outputs": {"y": ["N", "C", "L // k"]}}
FIRST: dict[str, Any] = {"inputs": LEFT_OUT, "outputs": {"y": ["N", "k"]}}
ONE: dict[str, Any] = {"inputs": LEFT_OUT, "outputs": {"y": ["N"]}}
POSITIONS: dict[str, Any] = {
    "arguments": {"dim": DIM, "max_len": DIM},
    "parameters": {"table": {"shape": ["max_len", "dim"], "init": "normal"}},
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "L", "dim"]},
}


@pytest.mark.parametrize(
    ("forward", "parts", "expected"),
    [
        ("y = max_pool2d(x, k, 1)", WINDOWS, ["H >= k", "W >= k"]),
        ("y = avg_pool2d(x, k, 1)", WINDOWS, ["H >= k", "W >= k"]),
        ("y = max_pool1d(x, k)", SERIES, ["L >= k"]),
        ("y = lp_pool1d(exp(x), 2.0, k)", SERIES, ["L >= k"]),
        ("y = x[:, k]", ONE, ["C >= k + 1"]),
        ("y = x[..., -k]", ONE, ["C >= k"]),
        ("y = index_select(x, 1, arange(k))", FIRST, ["C >= k"]),
        ("y = gather(x, 1, expand(arange(k), N, k))", FIRST, ["C >= k"]),
    ],
)
def test_what_torch_takes_as_a_number_leads_to_a_precondition(
    forward: str, parts: dict[str, Any], expected: list[str]
) -> None:
    assert texts(forward, arguments=COUNT, **parts) == expected


def test_a_least_size_follows_products_of_arguments() -> None:
    arguments = {"k": {**DIM, "min": 2}, "d": DIM}
    outputs = {"y": ["N", "C", "H - d * (k - 1)", "W - d * (k - 1)"]}
    found = texts("y = max_pool2d(x, k, 1, 0, d)", arguments=arguments, **IMAGE, outputs=outputs)
    assert found == ["H + d >= d * k + 1", "W + d >= d * k + 1"]


def test_a_least_size_is_held_against_all_numbers_at_once() -> None:
    """Near the default stride alone a product of length and stride looks like a sum."""
    numbers = {"k": {"min": 1, "default": 4}, "s": {"min": 1, "default": 2}, "p": {"min": 0, "default": 1}}
    arguments = {"c": DIM} | {name: {"type": "int", "doc": "A number.", **keys} for name, keys in numbers.items()}
    parts = {
        "arguments": arguments,
        "modules": {"up": "nn.ConvTranspose1d(c, c, k, s, p)"},
        "inputs": {"x": ["N", "c", "L"]},
        "outputs": {"y": ["N", "c", "(L - 1) * s - 2 * p + k"]},
    }
    assert texts("y = up(x)", **parts) == ["k + L * s >= s + 2 * p + 1"]


def test_a_condition_that_says_nothing_of_small_sizes_is_held_against_them() -> None:
    """Of windows of two and three that are padded by nothing or one, products with the padding tell as much."""
    arguments = {
        "k": {"type": "size2", "min": 1, "default": 2, "doc": "Windows."},
        "p": {"type": "size2", "min": 0, "default": 0, "doc": "Padding."},
    }
    outputs = {"y": ["N", "C", "(H + 2 * p[0] - k[0]) // k[0] + 1", "(W + 2 * p[1] - k[1]) // k[1] + 1"]}
    constraints = ["2 * p[0] <= k[0]", "2 * p[1] <= k[1]"]
    found = texts("y = max_pool2d(x, k, k, p)", arguments=arguments, **IMAGE, outputs=outputs, constraints=constraints)
    assert found == ["H + 2 * p[0] >= k[0]", "W + 2 * p[1] >= k[1]"]


def test_an_equation_of_bounds_couples_no_sizes() -> None:
    """Torch asks of a tensor of two shortened dimensions whether its elements are as many as those of larger ones."""
    around = "(x[:, 2:, 1:-1] + x[:, :-2, 1:-1] + x[:, 1:-1, 2:] + x[:, 1:-1, :-2])"
    parts = {"inputs": {"x": ["N", "H", "W"]}, "outputs": {"y": ["N", "H - 2", "W - 2"]}}
    assert texts(f"y = {around} / 4", **parts) == []


def test_sizes_of_which_one_must_be_above_one_are_told_by_their_product() -> None:
    assert texts("y = instance_norm(x)", **IMAGE, outputs={"y": ["N", "C", "H", "W"]}) == ["H * W >= 2"]


def test_batch_statistics_are_told_by_the_product_without_the_channels() -> None:
    """However many channels there are, one value of each is too few."""
    parts = {"modules": {"conv": "nn.Conv1d(k, k, k)", "norm": "nn.BatchNorm1d(k)"}, "mixes": {"N": "training"}}
    shapes = {"inputs": {"x": ["N", "k", "L"]}, "outputs": {"y": ["N", "k", "L - k + 1"]}}
    assert texts("y = norm(conv(x))", arguments=COUNT, **parts, **shapes) == ["L >= k", "N * (L - k + 1) >= 2"]


@pytest.mark.parametrize("forward", ["y = x + embedding(arange(L), table)", "y = x + table[arange(L)]"])
def test_positions_are_tried_at_lengths_that_their_table_holds(forward: str) -> None:
    assert texts(forward, **POSITIONS) == ["L <= max_len"]


def test_a_condition_that_is_not_demanded_on_all_ways_says_where_it_is() -> None:
    flag = {"pooled": {"type": "bool", "default": True, "doc": "Whether."}}
    forward = "if pooled:\n    y = amax(max_pool2d(x, k, 1), dim=[2, 3])\nelse:\n    y = amax(x, dim=[2, 3])"
    layer = sized(program(forward, arguments={**COUNT, **flag}, **IMAGE, outputs={"y": ["N", "C"]}))
    found = [(condition.text, condition.ways()) for condition in layer.preconditions]
    assert found == [("H >= k", " where pooled=True"), ("W >= k", " where pooled=True")]


PADDED: dict[str, Any] = {
    "arguments": {
        "k": COUNT["k"],
        "padding": {"type": "str | size1", "choices": ["same"], "min": 0, "default": 0, "doc": "How much."},
        "mode": {
            "type": "str",
            "choices": ["reflect", "replicate", "circular"],
            "default": "replicate",
            "doc": "Which.",
        },
    },
    "derived": {
        "before": '(k - 1) // 2 if padding == "same" else padding[0]',
        "after": 'k // 2 if padding == "same" else padding[0]',
    },
    "parameters": {"weight": {"shape": ["C", "C", "k"], "init": "normal"}},
    "inputs": {"x": ["N", "C", "L"]},
    "outputs": {"y": ["N", "C", "L + before + after - k + 1"]},
}


def test_each_way_that_asks_for_a_condition_is_told_from_those_that_are_refused_for_another() -> None:
    arguments = {**PADDED["arguments"], "C": DIM}
    cases = [
        {"k": 5, "padding": 2, "L": 9},
        {"k": 3, "padding": 2, "mode": "reflect", "L": 5},
        {"k": 3, "padding": 2, "mode": "circular", "L": 5},
        {"k": 4, "padding": "same", "mode": "circular", "L": 7},
        {"k": 4, "padding": "same", "L": 7},
    ]
    forward = "y = conv1d(pad(x, [before, after], mode=mode), weight)"
    layer = sized(program(forward, **{**PADDED, "arguments": arguments, "cases": cases}))
    found = {condition.text: condition.ways() for condition in layer.preconditions}
    assert found == {
        "L + 2 * padding[0] >= k": " where numbers for padding",
        "L > padding[0]": " where mode='reflect' and numbers for padding",
        "L > k // 2": " where mode='reflect' and padding='same'",  # where no case has them together
        "L >= padding[0]": " where mode='circular' and numbers for padding",
        "L >= k // 2": " where mode='circular' and padding='same'",
    }


def test_what_torch_does_not_refuse_but_gives_nothing_for_is_no_precondition() -> None:
    outputs = {"y": ["N", "max(C - lag, 0)"]}
    assert texts("y = x[:, lag:] - x[:, :-lag]", arguments={"lag": DIM}, outputs=outputs) == []


@pytest.mark.parametrize(
    ("forward", "lost"),
    [("y = x[:, crop:C - crop]", "2 * crop"), ("y = x[:, crop:] - x[:, :-crop]", "crop")],
)
def test_what_torch_gives_where_the_declared_size_is_negative_the_layer_checks(forward: str, lost: str) -> None:
    parts: dict[str, Any] = {"arguments": {"crop": DIM}, "inputs": LEFT_OUT, "outputs": {"y": ["N", f"C - {lost}"]}}
    (condition,) = sized(program(forward, **parts)).preconditions
    assert condition.check is not None and ex.show(condition.check) == f"C >= {lost}"
    assert condition.let_through == condition.broken


def test_a_slice_in_steps_that_ends_before_it_begins_is_checked() -> None:
    step = {"k": {"type": "int", "min": 1, "doc": "The first."}, "s": {"type": "int", "min": 1, "doc": "The step."}}
    size = "(C - k) // s + 1"
    layer = sized(program("y = x[:, k - 1::s]", arguments=step, inputs=LEFT_OUT, outputs={"y": ["N", size]}))
    (condition,) = layer.preconditions
    assert condition.check is not None and ex.show(condition.check) == f"{size} >= 0"
    assert condition.let_through == condition.broken
    assert all(isinstance(proof, Proof) and proof.untold is None for proof in layer.proofs)


def test_what_only_just_keeps_a_condition_may_give_nothing() -> None:
    cut = {"arguments": {"k": {"type": "int", "min": 1, "doc": "How many."}}, "inputs": LEFT_OUT}
    layer = sized(program("y = pad(x, [-k, 0])", **cut, outputs={"y": ["N", "C - k"]}))
    (condition,) = layer.preconditions
    assert (condition.text, condition.let_through) == ("C >= k", None)
    kept, broken = condition.kept.setting, condition.broken[0]
    assert kept.sizes["C"] == kept.values["k"] + 1
    assert broken.sizes["C"] == broken.values["k"] - 1


def test_where_a_number_is_divided_by_zero_the_layer_checks() -> None:
    layer = sized(program("y = x + 2 / (C - 1)", **MATRIX))
    (condition,) = layer.preconditions
    assert (condition.text, condition.check and ex.show(condition.check)) == ("C >= 2", "C >= 2")


def test_where_a_number_is_divided_by_zero_in_training_alone_the_layer_does_not_check() -> None:
    assert texts("y = x\nif training:\n    y = y + 2 / (C - 1)", **MATRIX) == []


def test_an_index_that_arguments_make_is_tried_at_tables_that_hold_it() -> None:
    arguments = {"a": {**DIM, "min": 0}, "b": DIM}
    parts = {"arguments": arguments, "inputs": LEFT_OUT, "outputs": {"y": ["N", "b"]}}
    assert texts("y = x[:, arange(a, a + b)]", **parts) == ["C >= a + b"]


def test_a_slice_of_size_one_is_stretched_so_the_layer_checks_its_length() -> None:
    layer = checked(program("y = x + table[:L]", **POSITIONS))
    (condition,) = layer.preconditions
    assert condition.let_through is not None
    taken = condition.let_through[0].names
    assert (condition.text, taken["max_len"]) == ("L <= max_len", 1)
    assert taken["L"] > 1
    assert [ex.show(check) for check, _ in layer.checked_conditions] == ["L <= max_len"]


@pytest.mark.parametrize(
    "forward",
    [
        "y = sum(x, dim=1) + x[:, k] + x[:, -j]",
        "y = sum(x, dim=1) + narrow(x, 1, k, 1)[:, 0] + sum(narrow(x, 1, 0, j), dim=1)",
    ],
)
def test_two_arguments_that_ask_for_a_size_each_give_a_condition(forward: str) -> None:
    arguments = {"k": DIM, "j": DIM}
    parts = {"arguments": arguments, "inputs": {"x": ["N", "T"]}, "outputs": {"y": ["N"]}}
    layer = sized(program(forward, **parts))
    said = {"k + 1 <= T": "T >= k + 1", "j <= T": "T >= j"}  # the other way round
    found = {said.get(condition.text, condition.text) for condition in layer.preconditions}
    assert found == {"T >= k + 1", "T >= j"}
    assert [proof.untold for proof in layer.proofs] == [None]


@pytest.mark.parametrize("forward", ["y = x + table[:L]", "y = x + embedding(arange(L), table)"])
def test_a_table_of_a_fixed_length_is_tried_beyond_it(forward: str) -> None:
    table = {"table": {"shape": [40, "dim"], "init": "normal"}}
    parts = {**POSITIONS, "arguments": {"dim": DIM}, "parameters": table}
    layer = sized(program(forward, **parts))
    assert [condition.text for condition in layer.preconditions] == ["L <= 40"]
    assert layer.proven


def test_a_number_in_a_shape_that_no_size_has_to_keep_to_is_no_condition() -> None:
    table = {"table": {"shape": [40, "dim"], "init": "normal"}}
    parts = {**POSITIONS, "arguments": {"dim": DIM}, "parameters": table}
    assert texts("y = x + mean(table, dim=0)", **parts) == []


@pytest.mark.parametrize("forward", ["y = x + embedding(arange(L), table)", "y = x + table[arange(L)]"])
def test_what_torch_refuses_at_every_size_is_not_checked_again(forward: str) -> None:
    assert checked(program(forward, **POSITIONS)).checked_conditions == ()


def test_a_condition_of_one_way_is_checked_on_that_way() -> None:
    flag = {"learned": {"type": "bool", "default": True, "doc": "Whether."}}
    parts = {**POSITIONS, "arguments": {**POSITIONS["arguments"], **flag}}
    layer = checked(program("if learned:\n    y = x + table[:L]\nelse:\n    y = x + mean(table, dim=0)", **parts))
    assert [ex.show(check) for check, _ in layer.checked_conditions] == ["not learned == True or L <= max_len"]


def test_an_index_beyond_its_table_whatever_the_sizes_are_is_a_fault() -> None:
    forward = "at = clamp(arange(L), max=max_len)\ny = x + table[at]"
    assert fault_of(program(forward, **POSITIONS)).rule.code == "LG303"


def test_what_is_refused_and_no_condition_tells_is_not_proven() -> None:
    arguments = {"k": {**DIM, "min": 2}}
    outputs = {"y": ["N", "k", "C // k"]}
    layer = sized(program("y = reshape(x, [N, k, C // k])", arguments=arguments, outputs=outputs))
    assert [proof.untold for proof in layer.proofs] == [None]
    assert texts("y = reshape(x, [N, k, C // k])", arguments=arguments, outputs=outputs) == ["C % k == 0"]


def test_a_shape_that_is_as_declared_for_large_sizes_alone_is_a_fault_at_numbers_too() -> None:
    parts = {**IMAGE, "outputs": {"y": ["N", "C", "k", "W - k + 1"]}}
    finding = fault_of(program("y = max_pool2d(x, k, 1)[:, :, :k]", arguments=COUNT, **parts))
    assert finding.rule.code == "LG302"


# Faults that hang on the sizes


def test_a_layer_that_works_at_its_cases_is_told_which_constraint_says_so() -> None:
    parts = {
        "arguments": {"dim": DIM, "width": DIM},
        "parameters": {"weight": {"shape": ["dim", "width"], "init": "ones"}},
        "inputs": {"x": ["N", "dim"]},
        "outputs": {"y": ["N", "dim"]},
    }
    finding = fault_of(program("y = linear(x, 2 * weight)", **parts, cases=[{"dim": 4, "width": 4}]))
    assert finding.rule.code == "LG303"
    assert finding.help == "it works where dim=4, width=4: say under `constraints` what it takes"


def test_a_layer_that_works_for_some_sizes_alone_is_told_no_arguments() -> None:
    parts = {
        "arguments": {"dim": DIM},
        "inputs": {"x": ["N", "T", "dim"]},
        "outputs": {"y": ["N", "T", "dim"]},
    }
    assert (
        fault_of(program("h = cat([x, x[:, :, :1]], dim=-1)[:, :, :dim]\ny = h + zeros(T, N, 1)", **parts)).help is None
    )


def test_a_layer_whose_arguments_leave_no_room_fails_at_its_settings() -> None:
    narrow = {"a": {"type": "int", "min": 1, "max": 1, "doc": "One."}}
    finding = fault_of(program("y = reshape(x, [N, a + C])", arguments=narrow, outputs={"y": ["N", "a + C"]}))
    assert finding.rule.code == "LG303"
    assert finding.place.path == ("forward",)


def test_a_layer_without_symbols_is_tried_alone() -> None:
    narrow = {"a": {"type": "int", "min": 1, "max": 1, "doc": "One."}}
    layer = sized(program("y = reshape(x, [N, a * C])", arguments=narrow, outputs={"y": ["N", "a * C"]}))
    assert layer.cases and not layer.proven


@pytest.mark.parametrize(
    ("forward", "size"),
    [("y = x[:, :int(C * 0.5)]", "int(C * 0.5)"), ("y = x[:, :round(C / 2)]", "round(C / 2)")],
)
def test_a_size_that_is_rounded_is_shown_at_the_hints_alone(forward: str, size: str) -> None:
    assert not sized(program(forward, inputs=LEFT_OUT, outputs={"y": ["N", size]}, cases=[{"C": 8}])).proven


def test_a_size_that_stays_whole_is_proven() -> None:
    assert sized(program("y = x[:, :C // 2]", inputs=LEFT_OUT, outputs={"y": ["N", "C // 2"]})).proven
    assert all(sized(program(f"y = x[:, :{size}]")).proven for size in ("int(C)", "abs(C)"))


STEPS: dict[str, Any] = {"inputs": {"x": ["N", "L", "C"]}, "outputs": {"y": ["N", "L", "C"]}}
STACKED = (
    "h = zeros(N, C)\nhs = []\nfor x_t in unbind(x, 1):\n  h = tanh(x_t + h)\n  append(hs, h)\ny = stack(hs, dim=1)"
)


def test_a_list_that_no_turn_makes_longer_is_a_precondition_that_the_layer_checks() -> None:
    (condition,) = sized(program(STACKED, **STEPS)).preconditions
    assert condition.text == "L >= 1"
    assert condition.check is not None
    assert condition.broken[0].sizes["L"] == 0


def test_what_is_demanded_of_turns_already_is_not_demanded_again() -> None:
    assert texts(STACKED, **STEPS, constraints=["L >= 1"]) == []


def test_a_loop_that_gives_what_it_began_with_may_take_no_turn() -> None:
    forward = "h = zeros(N, C)\nfor x_t in unbind(x, 1):\n  h = tanh(x_t + h)\ny = h"
    assert texts(forward, inputs=STEPS["inputs"], outputs={"y": ["N", "C"]}) == []


def test_a_window_that_may_reach_beyond_the_image_is_told_apart_from_one_that_may_not() -> None:
    arguments = {
        **{name: {**DIM, "default": 1} for name in ("kernel", "step")},
        "pad": {**DIM, "min": 0, "default": 0},
        "beyond": {"type": "bool", "default": False, "doc": "Whether."},
    }
    layer = sized(
        program(
            "y = amax(avg_pool1d(x, kernel, step, pad, beyond), dim=2)",
            arguments=arguments,
            constraints=["2 * pad <= kernel"],
            inputs={"x": ["N", "C", "L"]},
            outputs={"y": ["N", "C"]},
            cases=[{"kernel": 2, "step": 2}, {"kernel": 3, "step": 2, "beyond": True, "L": 6}],
        )
    )
    found = {condition.text: condition.ways() for condition in layer.preconditions}
    assert found == {"L + 2 * pad >= kernel": " where beyond=False", "L + step + 2 * pad >= kernel + 1": ""}


def test_an_argument_that_may_be_left_out_is_told_where_a_condition_is_of_it() -> None:
    arguments = {
        "kernel": {**DIM, "default": 3},
        "step": {"type": "int", "min": 1, "optional": True, "default": None, "doc": "How far."},
        "beyond": {"type": "bool", "default": False, "doc": "Whether."},
    }
    layer = sized(
        program(
            "y = amax(lp_pool1d(x, 1.0, kernel, step, beyond), dim=2)",
            arguments=arguments,
            inputs={"x": ["N", "C", "L"]},
            outputs={"y": ["N", "C"]},
            cases=[{}, {"step": 2, "beyond": True}],
        )
    )
    found = {condition.text: condition.ways() for condition in layer.preconditions}
    assert found["L >= kernel"] == " where beyond=False"
    assert found["L + step >= kernel + 1"] == " where beyond=True and numbers for step"


def test_all_dimensions_of_a_window_have_their_condition_though_one_asks_for_larger_sizes() -> None:
    arguments = {"kernel": {"type": "size2", "min": 1, "doc": "How large."}, "apart": {**DIM, "default": 1}}
    padding = ["apart * (kernel[1] - 1)", "0", "apart * (kernel[0] - 1)", "0"]
    layer = sized(
        program(
            f"y = conv2d(pad(x, [{', '.join(padding)}], mode='circular'), weight, dilation=apart)",
            arguments=arguments,
            parameters={"weight": {"shape": [1, 1, "kernel[0]", "kernel[1]"], "init": "normal"}},
            inputs={"x": ["N", 1, "H", "W"]},
            outputs={"y": ["N", 1, "H", "W"]},
            cases=[{"kernel": [3, 2], "apart": 2, "H": 5, "W": 6}],
        )
    )
    found = {condition.text for condition in layer.preconditions}
    assert found == {"H + apart >= apart * kernel[0]", "W + apart >= apart * kernel[1]"}


def untold(near: SmallSizes) -> Mapping[str, int] | None:
    """Where a layer is refused though all conditions hold that are found near a setting."""
    return near.untold([condition.condition for condition in near.told([])])


def test_nothing_is_claimed_where_a_number_is_1_and_no_condition_tells_what_is_refused() -> None:
    layer = program(
        "y = amax(max_pool1d(x, width, 1), dim=2) + x[:, :, k * k * k // 5]",
        arguments={"k": DIM, "width": DIM},
        inputs={"x": ["N", "C", "L"]},
        outputs={"y": ["N", "C"]},
        cases=[{"k": 2, "width": 1, "L": 6}],
    )
    at_one = untold(SmallSizes(layer, setting_of(layer), fixed=["width"]))
    assert at_one is not None and (at_one["k"], at_one["width"]) == (10, 1)
    assert untold(SmallSizes(layer, setting_of(layer))) is None  # of a width that may be more, nothing is known


def test_what_holds_at_one_fraction_alone_is_no_condition() -> None:
    share = {"type": "float", "min": 0, "max": 1, "exclusive": True, "default": 0.5, "doc": "Share."}
    layer = sized(
        program(
            "y = amax(narrow(x, 2, floor(L * share), k), dim=2)",  # at a half, where L + 1 >= 2 * k
            arguments={"k": DIM, "share": share},
            inputs={"x": {"shape": ["N", "C", "L"], "partial": True}},
            outputs={"y": ["N", "C"]},
            cases=[{"k": 3, "share": 0.5, "L": 8}],
        )
    )
    assert not layer.preconditions
    assert [proof.untold and proof.untold["k"] for proof in layer.proofs] == [3]


H, W, K = map(symbol, ("H", "W", "k"))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (2 * K < W, "W > 2 * k"),
        (sympy.Le(K, H), "H >= k"),
        (sympy.Ge(H + K, 2), "H + k >= 2"),
        (sympy.Le(W, K), "W <= k"),
        (sympy.Le(H, W + K), "H <= W + k"),  # which speaks of dimensions on both sides
    ],
)
def test_a_condition_says_what_it_asks_of_a_dimension(condition: Any, text: str) -> None:
    layer = program("y = x", arguments={"k": DIM}, inputs={"x": ["H", "W"]}, outputs={"y": ["H", "W"]})
    assert told(layer, condition) == text
