"""Arguments that name a dimension of an input: which they may be, also where the input may have none."""

from typing import Any

import pytest
from pydantic import ValidationError
from small import checked, program, spec

from layergen.resolve import resolve


def axis_of(shape: list[str], default: int) -> dict[str, Any]:
    axis = {"type": "axis", "of": "x", "default": default, "doc": "Dimension."}
    return {"arguments": {"dim": axis}, "inputs": {"x": shape}, "outputs": {"y": shape}}


@pytest.mark.parametrize(
    ("shape", "choices"),
    [
        (["..."], (-1, 0)),
        (["S..."], (-1, 0)),
        (["...", "C"], (-1, 0)),
        (["S...", "C"], (-1, 0)),
        (["N", "S...", "C"], (-2, -1, 0, 1)),
        (["N", "C"], (-2, -1, 0, 1)),
    ],
)
def test_axes_are_those_of_every_call(shape: list[str], choices: tuple[int, ...]) -> None:
    assert program("y = softmax(x, dim)", **axis_of(shape, -1)).arguments["dim"].choices == choices


@pytest.mark.parametrize(("shape", "known"), [(["S...", "C"], "1 dimension"), (["N", "C"], "2 dimensions")])
def test_another_axis_is_refused(shape: list[str], known: str) -> None:
    with pytest.raises(ValidationError, match=f"`x` has {known} in every call, and so no dimension -3"):
        spec("y = softmax(x, dim)", **axis_of(shape, -3))


@pytest.mark.parametrize("forward", ["y = softmax(x, dim)", "y = flip(x, [dim])"])
@pytest.mark.parametrize("run", ["...", "S..."])
def test_an_axis_of_leading_dimensions_alone_is_taken(forward: str, run: str) -> None:
    """torch flips a tensor without dimensions, but cannot map over the derivative of that."""
    assert checked(resolve(spec(forward, **axis_of([run], -1), mixes=["S" if run == "S..." else run]))).cases
