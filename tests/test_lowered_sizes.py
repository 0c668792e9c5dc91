"""How generated forwards bind dimensions, and check the shapes of their inputs."""

import re
from typing import Any

import pytest
from lowered import AFFINE, checked, forward
from small import DIM, FLAG, forward_lines, program

from layergen.lower.ranks import ranks_told

# Dimensions


def test_dimensions_are_bound_only_if_they_are_mentioned() -> None:
    assert forward("y = x") == "return x"
    assert forward("y = x * C") == "C = x.shape[1]\nreturn x * C"
    assert forward("y = x * C / N") == "N, C = x.shape\nreturn x * C / N"


def test_several_dimensions_of_one_input_are_unpacked_together() -> None:
    parts = {"inputs": {"x": ["N", "C", 4, "W"]}, "outputs": {"y": ["N", "C", 4, "W"]}}
    assert forward("y = x * W / N", **parts) == "N, _, _, W = x.shape\nreturn x * W / N"


def test_dimensions_behind_leading_ones_are_counted_from_the_end() -> None:
    parts = {"inputs": {"x": ["...", "L", "C"]}, "outputs": {"y": ["...", "L", "C"]}}
    assert forward("y = x * L / C", **parts) == "L = x.shape[-2]\nC = x.shape[-1]\nreturn x * L / C"


def test_dimensions_are_bound_before_an_input_is_rebound() -> None:
    assert forward("x = sum(x, 0)\ny = expand(x, N, -1)").splitlines()[0] == "N = x.shape[0]"


def test_a_dimension_comes_from_an_input_that_is_always_there() -> None:
    parts = {"inputs": {"mask": {"shape": ["L"], "optional": True}, "x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
    assert forward("y = x * L", **parts) == "L = x.shape[1]\nreturn x * L"


# Input checks


def test_a_size_that_torch_would_let_through_is_checked() -> None:
    assert checked("y = x * weight", **{**AFFINE, "parameters": {"weight": {"shape": ["dim"], "init": "ones"}}}) == [
        "if x.dim() != 2 or x.shape[1] != self.dim:",
        '    raise ValueError(f"expected x of shape (N, dim) with dim={self.dim}, " f"got {tuple(x.shape)}")',
        "return x * self.weight",
    ]


def test_a_size_that_torch_checks_itself_is_not_checked_again() -> None:
    parameters = {"weight": {"shape": ["dim", "dim"], "init": "ones"}}
    assert checked("y = linear(x, weight)", **{**AFFINE, "parameters": parameters}) == [
        "if x.dim() != 2:",  # which it does not
        '    raise ValueError(f"expected x of shape (N, dim), got {tuple(x.shape)}")',
        "return F.linear(x, self.weight)",
    ]


def test_inputs_that_share_a_dimension_are_compared() -> None:
    parts = {"inputs": {"x": ["N", "C"], "z": ["N", "C"]}}
    assert checked("y = x + z", **parts)[2:5] == [
        "if z.shape != x.shape:",
        '    raise ValueError(f"expected z of shape (N, C) with N={x.shape[0]}, C={x.shape[1]}, " '
        'f"got {tuple(z.shape)}")',
        "return x + z",
    ]
    parts = {"inputs": {"x": ["N", "C"], "z": ["C", "N"]}}
    assert checked("y = x + transpose(z, 0, 1)", **parts)[2:4] == ["N, C = x.shape", "if z.shape != (C, N):"]


def test_an_input_that_may_be_left_out_is_checked_where_it_is_there() -> None:
    parts = {"inputs": {"x": ["N", "C"], "z": {"shape": ["C"], "optional": True}}}
    written = checked("y = x if z is None else x * z", **parts)
    assert written[2] == "if z is not None and z.shape != (x.shape[1],):"


def test_a_dimension_that_occurs_twice_is_bound_once_and_compared() -> None:
    parts = {"inputs": {"x": ["N", "L", "L"]}, "outputs": {"y": ["N", "L", "L"]}}
    assert checked("y = x * L + N", **parts) == [
        "if x.dim() != 3 or x.shape[2] != x.shape[1]:",
        '    raise ValueError(f"expected x of shape (N, L, L), got {tuple(x.shape)}")',
        "N, L, _ = x.shape",
        "return x * L + N",
    ]


def test_a_message_does_not_say_that_a_number_is_that_number() -> None:
    assert checked("y = x + 1", inputs={"x": ["N", 4]}, outputs={"y": ["N", 4]})[1] == (
        '    raise ValueError(f"expected x of shape (N, 4), got {tuple(x.shape)}")'
    )


def test_a_size_that_is_computed_from_dimensions_is_compared() -> None:
    parts = {"inputs": {"x": ["N"], "z": ["N - 1"]}, "outputs": {"y": ["N"]}}
    assert checked("y = x * sum(z)", **parts)[3] == "if z.shape != (N - 1,):"


def test_an_input_with_leading_dimensions_has_those_behind_them() -> None:
    parts = {"inputs": {"x": ["...", "L", "C"]}, "outputs": {"y": ["...", "L", "C"]}}
    assert checked("y = x * L", **parts)[0] == "if x.dim() < 2:"
    assert checked("y = relu(x)", inputs={"x": ["..."]}, outputs={"y": ["..."]}) == ["return F.relu(x)"]


def test_what_is_checked_on_one_way_alone_is_checked() -> None:
    parts = {
        "arguments": {"flag": {**FLAG, "default": False}},
        "parameters": {"weight": {"shape": [4, 4], "init": "ones"}, "bias": {"shape": [4], "init": "ones"}},
        "inputs": {"x": ["N", 4]},
        "outputs": {"y": ["N", 4]},
    }
    written = checked("y = x * bias if flag else linear(x, weight) * bias", **parts)
    assert written[0] == "if x.dim() != 2 or x.shape[1] != 4:"


def test_each_shape_that_an_input_may_have_is_checked_where_it_is_meant() -> None:
    parts = {
        "arguments": {"dim": {**DIM, "optional": True, "default": None}},
        "inputs": {"x": "[...] if dim is None else [..., dim]"},
        "outputs": {"y": "[...] if dim is None else [..., dim]"},
    }
    assert checked("y = relu(x) + 1", **parts) == [
        "if self.dim is not None and (x.dim() < 1 or x.shape[-1] != self.dim):",
        '    raise ValueError(f"expected x of shape (*, dim) with dim={self.dim}, " f"got {tuple(x.shape)}")',
        "return F.relu(x) + 1",
    ]


def test_a_dimension_is_bound_in_the_branches_in_which_it_has_a_size() -> None:
    parts = {"inputs": {"x": ["N", "C"], "c": {"shape": ["S"], "optional": True}}}
    written = forward("if c is not None:\n    y = x * S + sum(c)\nelse:\n    y = x", **parts)
    assert written.splitlines()[:3] == ["if c is not None:", "    S = c.shape[0]", "    y = x * S + c.sum()"]
    assert forward("y = x if c is None else x * S", **parts) == "return x if c is None else x * c.shape[0]"


def test_a_message_gives_the_names_that_a_size_is_made_of() -> None:
    layer = program("y = x + sum(scale)", inputs={"x": ["N", "C"], "scale": ["2 * C"]})
    written = "\n".join(forward_lines(layer, with_checks=True))
    assert "with C={C}, got" in " ".join(written.replace('"', "").replace(" f", " ").split())


RUN = {
    "arguments": {"dim": {"type": "int", "default": -1, "doc": "Which."}},
    "inputs": {"x": ["S..."]},
    "outputs": {"y": ["S..."]},
    "constraints": ["-len(S) <= dim < len(S)"],
}


def test_of_a_shape_that_is_asked_for_its_length_alone_the_dimensions_are_counted() -> None:
    assert forward_lines(program("y = softmax(x, dim)", **RUN)) == [
        "rank = x.dim()",
        "if not -rank <= self.dim < rank:",
        '    raise ValueError("expected -len(S) <= dim < len(S), " f"got S={tuple(x.shape)}, dim={self.dim}")',
        "return F.softmax(x, self.dim)",
    ]
    once = {**RUN, "constraints": ["len(S) > 1"], "arguments": {}}
    assert forward_lines(program("y = softmax(x, -1)", **once))[0] == "if x.dim() <= 1:"
    lines = forward_lines(program("y = softmax(x, dim) * len(S)", **RUN))
    assert lines[:2] == ["S = x.shape", "if not -len(S) <= self.dim < len(S):"]


# A dimension that is left out


@pytest.mark.parametrize(
    ("shape", "dim", "given"),
    [
        (["N", "C", "dim"], 1, "x.shape[unbatched:]"),
        (["C", "N", "dim"], 0, "(x.squeeze(1) if unbatched else x).shape"),
    ],
)
def test_a_message_has_the_shape_that_was_handed_in(shape: list[str], dim: int, given: str) -> None:
    parts: dict[str, Any] = {
        "arguments": {"dim": DIM},
        "parameters": {"weight": {"shape": ["dim"], "init": "ones"}},
        "inputs": {"x": shape},
        "outputs": {"y": shape},
        "dimensions": {"N": {"optional": True}},
    }
    found = "\n".join(checked(f"y = x * weight - mean(x, dim={dim}, keepdim=True)", **parts))
    assert f"got {{tuple({given})}}" in found
    assert "got {tuple(x.shape)}" not in found


def test_what_has_another_number_of_dimensions_is_no_single_sample() -> None:
    parts = {"inputs": {"x": ["C", "N", "L"]}, "outputs": {"y": ["C", "N", "L"]}}
    written = checked("y = x / C", **parts, dimensions={"N": {"optional": True}})
    told = written.index("if x.dim() != 3:")
    assert "got {tuple(x.shape)}" in written[told + 1]


BESIDE: dict[str, Any] = {
    "inputs": {"x": ["N", "C"], "z": ["N", "C"]},
    "outputs": {"y": ["N", "C"]},
    "dimensions": {"N": {"optional": True}},
}


def test_a_message_beside_a_single_sample_has_the_shape_of_one() -> None:
    found = checked("y = x * z", **BESIDE)
    told = found.index("if z.shape != x.shape:")
    assert found[told + 1] == "    if unbatched:"
    assert "".join(found[told + 2 : told + 4]).count("raise ValueError") == 2
    single, batch = ("".join(re.findall(r'"(.*?)"', line)) for line in found[told + 2 : told + 4])
    assert single == "expected z of shape (C,) with C={x.shape[1]}, got {tuple(z.shape[1:])}"
    assert batch == "expected z of shape (N, C) with N={x.shape[0]}, C={x.shape[1]}, got {tuple(z.shape)}"
    without = checked("y = x * z", **{**BESIDE, "dimensions": {}})
    assert sum("raise ValueError" in line for line in without) == sum("raise ValueError" in line for line in found) - 1
    assert not any("unbatched" in line for line in without)


@pytest.mark.parametrize(("op", "both"), [("dropout1d", True), ("dropout3d", True), ("feature_alpha_dropout", False)])
def test_a_single_sample_is_handed_to_an_op_that_takes_one(op: str, both: bool) -> None:
    shape = ["N", "C", "L"] if op == "dropout1d" else ["N", "C", "D", "H", "W"]
    parts = {"inputs": {"x": shape}, "outputs": {"y": shape}, "dimensions": {"N": {"optional": True}}}
    found = forward(f"y = {op}(x, 0.5, training)", **parts)
    assert found.endswith(f"return F.{op}(x, 0.5, self.training)") == both
    assert ("x.unsqueeze(0)" in found) == (not both)


def test_what_no_single_sample_can_have_is_asked_of_the_others() -> None:
    parts = {"inputs": {"x": ["N", "C", "..."]}, "outputs": {"y": ["N", "..."]}}
    assert checked("y = sum(x, 1) * C", **parts, dimensions={"N": {"optional": True}})[:5] == [
        "unbatched = x.dim() == 1",
        "if unbatched:",
        "    x = x.unsqueeze(0)",
        "elif x.dim() < 2:",
        '    raise ValueError(f"expected x of shape (N, C, *) or (C,), got {tuple(x.shape)}")',
    ]


@pytest.mark.parametrize(
    ("broadcast", "also"),
    [(False, ""), (True, ", or what broadcasts to it"), ("sizes", ", or 1 in some places")],
)
@pytest.mark.parametrize("run", ["...", "S..."])
def test_a_shape_that_is_all_that_of_another_input_is_told_by_that(broadcast: bool | str, also: str, run: str) -> None:
    other = {"shape": [run], **({"broadcast": broadcast} if broadcast else {})}
    written = checked("y = x * z", inputs={"x": [run], "z": other}, outputs={"y": [run]})
    (said,) = (line for line in written if "raise" in line)
    assert "".join(re.findall(r'"(.*?)"', said)) == (
        f"expected z of the shape of x, {{tuple(x.shape)}}{also}, got {{tuple(z.shape)}}"
    )


def test_leading_dimensions_go_by_their_own_name_in_a_message() -> None:
    parts = {"inputs": {"x": ["S...", "D"], "z": ["S...", "E"]}, "outputs": {"y": ["S...", "D"]}}
    written = checked("y = x * sum(z, dim=-1, keepdim=True)", **parts)
    assert any("of shape (*S, E) with S={tuple(x.shape[:-1])}, " in line for line in written)


@pytest.mark.parametrize(
    ("shape", "constraint", "words"),
    [
        (["N", "C", "S..."], "len(S) <= 1", "2 or 3 dimensions"),
        (["N", "S..."], "1 <= len(S) <= 3", "2, 3 or 4 dimensions"),
        (["S...", "C"], "len(S) == 2", "3 dimensions"),
        (["S..."], "len(S) >= 2", "at least 2 dimensions"),
        (["S..."], "len(S) % 2 == 0", None),  # of which there is no last one
        (["S...", "C"], "len(S) <= C", None),
        (["S..."], "S[0] > 2", None),
    ],
)
def test_how_many_dimensions_a_run_has_is_said_of_the_input(shape: list[str], constraint: str, words: str) -> None:
    layer = program("y = x", inputs={"x": shape}, outputs={"y": shape}, constraints=[constraint])
    found = ranks_told(layer, layer.constraints[0])
    assert (found and found.words) == words


def test_beside_sizes_that_are_told_stand_those_that_torch_asks_for() -> None:
    parameters = {"weight": {"shape": ["dim", "dim"], "init": "ones"}}
    inputs = {"x": ["N", "L", "dim"], "scale": ["N", "dim", "L"]}
    parts = {**AFFINE, "parameters": parameters, "inputs": inputs, "outputs": {"y": ["N", "L", "dim"]}}
    written = "\n".join(checked("y = linear(x, weight) * linear(transpose(scale, 1, 2), weight)", **parts))
    written = re.sub(r'" f?"', "", written)
    assert "scale of shape (N, dim, L) with N={N}, dim={self.dim}, L={L}, " in written
    assert "x of shape (N, L, dim), got" in written  # of whose number of dimensions alone it is asked
