"""Axes: reshapes that mix two of them are found, and those that split and join neighbours are let pass."""

from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.axes import AXES, keeps_axes

HEADS: dict[str, Any] = {
    "arguments": {"dim": DIM, "heads": DIM},
    "constraints": ["dim % heads == 0"],
    "inputs": {"x": ["N", "L", "dim"]},
}
SHAPE = ["N", "L", "dim"]
SPLIT = "transpose(reshape(x, [N, L, heads, dim // heads]), 1, 2)"


def found(forward: str, shape: list[str], **parts: Any) -> list[str]:
    """What is told of a layer with a forward: the calls, and what to write."""
    layer = program(forward, **{**HEADS, "outputs": {"y": shape}, **parts})
    helps = [finding.help or "" for finding in breaches(AXES, layer)]
    return [help.partition("`")[2].partition("`")[0] for help in helps]


FAULTY = {
    "split": ("y = reshape(x, [N, heads, L, dim // heads])", ["N", "heads", "L", "dim // heads"], SPLIT),
    "merged": (f"h = {SPLIT}\ny = reshape(h, [N, L, dim])", SHAPE, "reshape(transpose(h, 1, 2), [N, L, dim])"),
    "the rest": (f"h = {SPLIT}\ny = reshape(h, [N, L, -1])", SHAPE, "reshape(transpose(h, 1, 2), [N, L, -1])"),
    "for a transpose": ("y = reshape(x, [N, dim, L])", ["N", "dim", "L"], "reshape(transpose(x, 1, 2), [N, dim, L])"),
    "one of two shifts": (
        "h = reshape(pad(x, [1, 0]), [N, dim + 1, L])\ny = transpose(relu(h[:, 1:]), 1, 2)",
        SHAPE,
        "reshape(transpose(pad(x, [1, 0]), 1, 2), [N, dim + 1, L])",
    ),
    "rows of another number": (
        "h = pad(reshape(x, [N, dim, L]), [1, 0])\ny = reshape(h, [N, L + 1, dim])",
        ["N", "L + 1", "dim"],
        "reshape(transpose(x, 1, 2), [N, dim, L])",
    ),
}
MOVED: dict[str, tuple[str, list[str], list[str], str]] = {
    "channels that stand last": (
        "y = reshape(x, [N, dim, H, W])",
        ["N", "H", "W", "dim"],
        ["N", "dim", "H", "W"],
        "reshape(movedim(x, 3, 1), [N, dim, H, W])",
    ),
    "channels that stand last behind rows": (
        "h = reshape(permute(x, [0, 2, 3, 1]), [N * H, W, dim])\ny = reshape(h, [N, dim, H, W])",
        ["N", "dim", "H", "W"],
        ["N", "dim", "H", "W"],
        "movedim(reshape(h, [N, H, W, dim]), 3, 1)",
    ),
    "channels of images that become rows": (
        "y = reshape(x, [N * H, W, dim])",
        ["N", "dim", "H", "W"],
        ["N * H", "W", "dim"],
        "reshape(movedim(x, 1, 3), [N * H, W, dim])",
    ),
}
PAIRS: dict[str, Any] = {"inputs": {"x": ["N", "2 * L", "dim"]}}
SQUARES: dict[str, Any] = {"inputs": {"x": ["N", "L", "L"]}}
DISTANCES: dict[str, Any] = {"inputs": {"x": ["N", "L", "2 * L - 1"]}}
OWNED: dict[str, Any] = {"parameters": {"w": {"shape": ["dim", "heads"], "init": "xavier_uniform"}}}
SOUND: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "split": (f"y = {SPLIT}", ["N", "heads", "L", "dim // heads"], {}),
    "merged": (f"h = {SPLIT}\ny = reshape(transpose(h, 1, 2), [N, L, dim])", SHAPE, {}),
    "flat": ("y = reshape(x, [N, L * dim])", ["N", "L * dim"], {}),
    "neighbours in time": ("y = reshape(x, [N, L, 2 * dim])", ["N", "L", "2 * dim"], PAIRS),
    "shifted rows": ("y = reshape(pad(x, [1, 0]), [N, L + 1, L])[:, 1:]", ["N", "L", "L"], SQUARES),
    "shifted rows of any length": (
        "h = reshape(pad(x, [1, 0]), [N, dim + 1, L])[:, 1:]\ny = reshape(h, [N, L, dim])",
        SHAPE,
        {},
    ),
    "shifted rows of distances": (
        "h = reshape(pad(x, [1, 0]), [N, 2 * L, L])\ny = reshape(h[:, 1:], [N, L, 2 * L - 1])",
        ["N", "L", "2 * L - 1"],
        DISTANCES,
    ),
    "shifted back": (
        "h = reshape(x, [N, dim, L])\nh = cat([h, h[:, :1]], dim=1)\ny = reshape(h, [N, L, dim + 1])",
        ["N", "L", "dim + 1"],
        {},
    ),
    "a parameter": ("y = x + sum(reshape(w, [heads, dim]), dim=0)", SHAPE, OWNED),
    "by a formula": ("y = reshape(x, [N, dim, L])", ["N", "dim", "L"], {"matches": "reshape(x, [N, dim, L])"}),
}


@pytest.mark.parametrize(("forward", "shape", "mended"), FAULTY.values(), ids=FAULTY)
def test_a_reshape_that_mixes_axes_is_mended(forward: str, shape: list[str], mended: str) -> None:
    assert found(forward, shape) == [mended]


@pytest.mark.parametrize(("forward", "given", "shape", "mended"), MOVED.values(), ids=MOVED)
def test_an_axis_that_is_to_be_moved_is_told(forward: str, given: list[str], shape: list[str], mended: str) -> None:
    assert found(forward, shape, inputs={"x": given}) == [mended]
    name, _, value = forward.rpartition("\n")[2].partition(" = ")
    assert found(forward.replace(f"{name} = {value}", f"{name} = {mended}"), shape, inputs={"x": given}) == []


@pytest.mark.parametrize(("forward", "shape", "parts"), SOUND.values(), ids=SOUND)
def test_a_reshape_of_neighbours_passes(forward: str, shape: list[str], parts: dict[str, Any]) -> None:
    assert found(forward, shape, **parts) == []


IMAGES: dict[str, Any] = {"inputs": {"x": ["N", "dim", "H", "W"]}}


def windows(*order: str) -> str:
    return f"h = reshape(unfold(x, 3, padding=1), [N, {', '.join(order)}, H * W])\n"


def test_windows_stand_behind_their_channels() -> None:
    shape = ["N", "dim", "H * W"]
    assert len(found(windows("9", "dim") + "y = sum(h, dim=1)", shape, **IMAGES)) == 1
    assert not found(windows("dim", "9") + "y = sum(h, dim=2)", shape, **IMAGES)


def test_what_no_exchange_mends_is_not_told() -> None:
    parts = {"arguments": {"dim": DIM}, "constraints": [], "inputs": {"x": ["6", "10"]}}
    assert found("y = reshape(x, [15, 4])", ["15", "4"], **parts) == []


@pytest.mark.parametrize(
    ("before", "after", "keeps"),
    [
        ((2, 6), (2, 3, 2), True),
        ((2, 3, 2), (6, 2), True),
        ((4, 5), (2, 10), True),
        ((5, 4), (4, 5), False),
        ((3, 7, 4), (3, 2, 7, 2), False),
        ((3, 1, 4), (4, 3), False),
        ((0, 4), (4, 0), True),
        ((), (1,), True),
    ],
)
def test_axes_are_kept(before: tuple[int, ...], after: tuple[int, ...], keeps: bool) -> None:
    assert keeps_axes(before, after) is keeps
