"""Input checks: the wrong shapes that torch lets through, by one size and by several, and no others."""

from typing import Any

import pytest
from small import DIM, checked, forward_lines, program

from layergen.lower.input_checks import told
from layergen.prove.demands import RankDemand, SizeDemand, SolutionDemand

IMAGE: dict[str, Any] = {
    "arguments": {"channels": DIM, "height": DIM, "width": DIM},
    "parameters": {"weight": {"shape": ["channels * height * width"], "init": "ones"}},
    "inputs": {"x": ["N", "channels", "height", "width"]},
    "outputs": {"y": ["N"]},
}
SCORES: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"q": ["N", "L", "dim"], "k": ["N", "S", "dim"]},
    "outputs": {"y": ["N", "L", "S"]},
}


def sizes(forward: str, **parts: Any) -> list[tuple[str, int]]:
    """The inputs and positions of the sizes that are checked."""
    checks = checked(program(forward, **parts)).input_checks
    return [(check.input, check.demand.entry.position) for check in checks if isinstance(check.demand, SizeDemand)]


def test_sizes_of_which_only_the_product_counts_are_checked() -> None:
    assert sizes("y = flatten(x, 1) @ weight", **IMAGE) == [("x", 1), ("x", 2), ("x", 3)]


def test_an_image_that_is_cut_into_patches_may_not_be_transposed() -> None:
    parts = {**IMAGE, "parameters": {"weight": {"shape": ["channels", "height * width"], "init": "ones"}}}
    outputs = {"y": ["N", "channels", "height * width"]}
    assert {("x", 2), ("x", 3)} <= {*sizes("y = flatten(x, 2) * weight", **{**parts, "outputs": outputs})}


def test_sizes_that_torch_holds_one_by_one_are_left_to_it() -> None:
    parts = {**IMAGE, "arguments": {"channels": DIM, "height": DIM}, "inputs": {"x": ["N", "height", "channels"]}}
    parts |= {"parameters": {"weight": {"shape": ["height", "channels"], "init": "ones"}}}
    assert sizes("y = sum(linear(x, weight), dim=[1, 2])", **parts) == [("x", 1)]


@pytest.mark.parametrize("forward", ["y = q @ transpose(k, 1, 2)", "y = bmm(q, transpose(k, 1, 2))"])
def test_two_inputs_that_are_wrong_alike_are_refused_by_the_first(forward: str) -> None:
    found = sizes(forward, **SCORES)
    assert ("q", 2) in found
    assert ("k", 2) not in found


def test_a_size_that_a_weight_holds_is_not_checked_again() -> None:
    parts = {**SCORES, "parameters": {"weight": {"shape": ["dim", "dim"], "init": "xavier_uniform"}}}
    assert ("q", 2) not in sizes("y = linear(q, weight) @ transpose(linear(k, weight), 1, 2)", **parts)


def test_of_several_sizes_the_last_alone_may_be_wrong() -> None:
    inputs = {"x": ["..."], "z": ["..."]}
    (check,) = checked(program("y = x * z", inputs=inputs, outputs={"y": ["..."]})).input_checks
    assert check.wrong[0][0] != 3
    assert any(shape[0] == 3 and shape[-1] != 2 for shape in check.wrong)


BESIDE: dict[str, Any] = {
    "arguments": {"first": DIM, "second": DIM},
    "inputs": {"x": ["N", "first"], "z": ["N", "second"]},
}


def test_two_inputs_that_are_joined_may_not_make_good_for_each_other() -> None:
    weight = {"weight": {"shape": ["first + second"], "init": "ones"}}
    found = sizes("y = cat([x, z], dim=1) @ weight", **BESIDE, parameters=weight, outputs={"y": ["N"]})
    assert ("x", 1) in found and ("z", 1) not in found  # beside a right one, torch refuses the other


def test_two_inputs_of_which_the_product_counts_may_not_make_good_for_each_other() -> None:
    weight = {"weight": {"shape": ["first * second"], "init": "ones"}}
    forward = "y = flatten(x[:, :, None] * z[:, None], 1) @ weight"
    found = sizes(forward, **BESIDE, parameters=weight, outputs={"y": ["N"]})
    assert found == [("x", 1), ("z", 0), ("z", 1)]  # the last one because all of the shape is known


def test_two_inputs_that_weights_hold_each_are_left_to_torch() -> None:
    weights = {f"{name}_weight": {"shape": [name], "init": "ones"} for name in ("first", "second")}
    forward = "y = x @ first_weight + z @ second_weight"
    found = sizes(forward, **BESIDE, parameters=weights, outputs={"y": ["N"]})
    assert found == [("z", 0), ("z", 1)]  # the last one because all of the shape is known


PADDED: dict[str, Any] = {
    "dimensions": {"N": {"optional": True}},
    "inputs": {"x": ["N", "C", "L"]},
    "outputs": {"y": ["N", "C", "L + 2"]},
}


@pytest.mark.parametrize(("matches", "ranks"), [("nn.CircularPad1d(1)", [1, 4]), (None, [])])
def test_a_number_of_dimensions_is_checked_where_the_matched_module_names_it(
    matches: str | None, ranks: list[int]
) -> None:
    """torch refuses them by itself, but not by a ValueError."""
    parts = PADDED | ({"matches": matches} if matches else {})
    checks = checked(program('y = pad(x, (1, 1), mode="circular")', **parts)).input_checks
    assert [len(wrong) for check in checks if isinstance(check.demand, RankDemand) for wrong in check.wrong] == ranks


GATED: dict[str, Any] = {
    "arguments": {"channels": DIM},
    "parameters": {"gate": {"shape": ["channels"], "init": "ones"}},
    "inputs": {"x": ["N", "channels", "H", "W"]},
    "outputs": {"y": ["N", "channels", "H", "W"]},
}
PAIR: dict[str, Any] = {"inputs": {"x": ["N", "D"], "z": ["N", "E"]}, "outputs": {"y": ["N", "D + E"]}}
PRODUCT: dict[str, Any] = {
    "inputs": {"x": ["N", "L", "D"], "z": ["N", "D", "M"]},
    "outputs": {"y": ["N", "L", "M"]},
}


def ranks(forward: str, **parts: Any) -> list[str]:
    """The inputs of which the number of dimensions is checked."""
    checks = checked(program(forward, **parts)).input_checks
    return [check.input for check in checks if isinstance(check.demand, RankDemand)]


def test_a_number_of_dimensions_that_a_later_broadcast_mends_is_checked() -> None:
    assert ranks("y = group_norm(x, 1) * gate[:, None, None]", **GATED) == ["x"]


def test_numbers_of_dimensions_that_are_wrong_alike_are_refused_by_the_first() -> None:
    assert ranks("y = cat([x, z], -1)", **PAIR) == ["x"]


@pytest.mark.parametrize(
    ("forward", "parts", "checked"),
    [
        ("y = permute(x, [0, 2, 1])", {"outputs": {"y": ["N", "L", "L"]}}, ["x"]),
        ("y = bmm(x, tanh(x))", {}, []),
    ],
)
def test_a_number_of_dimensions_of_which_torch_does_not_speak_is_checked(
    forward: str, parts: dict[str, Any], checked: list[str]
) -> None:
    own = {"inputs": {"x": ["N", "L", "L"]}, "outputs": {"y": ["N", "L", "L"]}, **parts}
    assert ranks(forward, **own) == checked


def test_numbers_of_dimensions_that_torch_holds_together_are_left_to_it() -> None:
    assert ranks("y = tanh(bmm(x, z))", **PRODUCT) == []


def test_a_size_is_checked_where_torch_stretches_the_input_that_tells_it() -> None:
    parts: dict[str, Any] = {"inputs": {"scores": ["N"], "weight": ["N"]}, "outputs": {"loss": [2, "N"]}}
    assert sizes("loss = stack([weight, weight * abs(scores)])", **parts) == [("weight", 0)]
    assert sizes("loss = stack([weight, scores])", **parts) == []


def test_a_message_has_each_number_of_a_product_once() -> None:
    arguments = {"window": {"type": "size2", "min": 1, "doc": "It."}, "dim": DIM}
    inputs = {"x": ["N", "C * window[0] * window[1]", "dim"]}
    forward = "y = reshape(x, [N, C, window[0] * window[1] * dim])"
    outputs = {"y": ["N", "C", "window[0] * window[1] * dim"]}
    layer = checked(program(forward, arguments=arguments, inputs=inputs, outputs=outputs))
    solved = [check for check in layer.input_checks if isinstance(check.demand, SolutionDemand)]
    assert [*told(layer.program, "x", solved)] == ["window[0]", "window[1]", "dim"]


@pytest.mark.parametrize(("dimensions", "checked"), [({"N": {"optional": True}}, ["x", "z"]), ({}, [])])
def test_a_number_of_dimensions_is_checked_where_torch_would_count_one_that_was_put_in(
    dimensions: dict[str, Any], checked: list[str]
) -> None:
    assert ranks("y = tanh(bmm(x, z))", **PRODUCT, dimensions=dimensions)[-1:] == checked[-1:]


SHUFFLED: dict[str, Any] = {
    "arguments": {"r": DIM},
    "inputs": {"x": ["N", "C * r**2", "H", "W"]},
    "outputs": {"y": ["N", "C", "H * r", "W * r"]},
}


@pytest.mark.parametrize(
    ("forward", "matches", "held"),
    [
        ("y = pixel_shuffle(x, r)", "nn.PixelShuffle(r)", []),
        ("y = pixel_shuffle(x, r)", None, [("x", 1)]),
        ("y = pixel_shuffle(x, r) * max(1, 1 / C)", "nn.PixelShuffle(r)", [("x", 1)]),
    ],
)
def test_a_remainder_is_left_to_torch_where_a_module_says_so_too(
    forward: str, matches: str | None, held: list[tuple[str, int]]
) -> None:
    parts = SHUFFLED | ({"matches": matches} if matches else {})
    found = checked(program(forward, **parts)).input_checks
    assert [
        (each.input, each.demand.entry.position) for each in found if isinstance(each.demand, SolutionDemand)
    ] == held


TRANSPOSED: dict[str, Any] = {
    "arguments": {"channels": DIM},
    "parameters": {"weight": {"shape": ["channels", "channels", 1], "init": "normal"}},
    "inputs": {"x": ["N", "channels", "L"]},
    "outputs": {"y": ["N", "channels", "L"]},
}


def test_a_size_that_torch_asks_for_on_data_alone_is_left_to_it_where_a_module_says_so_too() -> None:
    """Without data it takes a single channel."""
    forward = "y = conv_transpose1d(x, weight)"
    matches = "nn.ConvTranspose1d(channels, channels, 1, bias=False)"
    assert sizes(forward, **TRANSPOSED) == [("x", 1)]
    assert sizes(forward, **TRANSPOSED, matches=matches) == []


STATE: dict[str, Any] = {
    "arguments": {"dim": DIM, "wide": DIM},
    "parameters": {"weight": {"shape": ["dim", "wide"], "init": "xavier_uniform"}},
    "inputs": {"x": ["N", "dim"], "state": ["N", "wide"]},
    "outputs": {"y": ["N", "dim"]},
}


def test_a_shape_of_which_each_size_is_known_is_checked_as_a_whole() -> None:
    forward = "y = x + linear(state, weight)"
    layer = checked(program(forward, **STATE))
    found = [check for check in layer.input_checks if check.input == "state" and isinstance(check.demand, SizeDemand)]
    assert [check.demand.entry.position for check in found if isinstance(check.demand, SizeDemand)] == [0, 1]
    assert all(check.wrong for check in found)
    assert "if state.shape != (N, self.wide):" in forward_lines(layer.program, with_checks=True)


def test_a_size_is_left_to_torch_beside_one_that_nobody_knows_or_where_a_module_says_so() -> None:
    open = {**STATE, "inputs": {"x": ["N", "dim"], "state": ["N", "S", "wide"]}}
    found = sizes("y = x + sum(linear(state, weight), dim=1)", **open)
    assert ("state", 0) in found and ("state", 2) not in found
    later = {**STATE, "inputs": {"x": ["N", "dim"], "state": ["N", "2 * K", "wide"], "part": ["N", "K"]}}
    found = sizes("y = x + sum(linear(state[:, ::2] * part[:, :, None], weight), dim=1)", **later)
    assert ("state", 0) in found and ("state", 2) not in found
    cell = {"arguments": {"dim": DIM, "wide": DIM}, "inputs": {"input": ["N", "dim"], "hx": ["N", "wide"]}}
    weights = {f"weight_{of}h": {"shape": ["wide", size], "init": "ones"} for of, size in (("i", "dim"), ("h", "wide"))}
    parts = {**cell, "parameters": weights, "outputs": {"y": ["N", "wide"]}}
    forward = "y = tanh(linear(input, weight_ih) + linear(hx, weight_hh))"
    assert {("hx", 0), ("hx", 1)} <= {*sizes(forward, **parts)}
    matched = sizes(forward, **parts, matches="nn.RNNCell(dim, wide, bias=False)")
    assert ("hx", 0) in matched and ("hx", 1) not in matched
