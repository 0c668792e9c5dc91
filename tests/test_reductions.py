"""What is said of reductions that drop a dimension which is still needed."""

import pytest
from small import checked, fault_of, program

IMAGES = {"inputs": {"x": ["N", "C", "H", "W"]}, "outputs": {"y": ["N", "C", "H", "W"]}}
MEAN = "mean(x, dim=1, keepdim=True)"


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("m = mean(x, dim=1)\ny = x - m", MEAN),
        ("m = mean(x, 1)\ny = x - m", "mean(x, 1, keepdim=True)"),
        ("y = x - amax(x, dim=-3)", "amax(x, dim=-3, keepdim=True)"),
        ("y = x / sqrt(sum(square(x), dim=[2, 3]) + 1)", "sum(square(x), dim=[2, 3], keepdim=True)"),
        ("m = mean(x, dim=1)\nh = 2 * m\ny = x - h", MEAN),
        ("v, m = var_mean(x, dim=1)\ny = x - m", "var_mean(x, dim=1, keepdim=True)"),
    ],
)
def test_a_dimension_that_is_dropped_is_told(forward: str, help: str) -> None:
    assert fault_of(program(forward, **IMAGES)).help == f"write `{help}`"


def test_what_is_told_works() -> None:
    checked(program(f"m = {MEAN}\ny = x - m", **IMAGES))


def test_two_reductions_are_left_alone() -> None:
    help = fault_of(program("y = x - (mean(x, dim=1) + amax(x, dim=1))", **IMAGES)).help
    assert help is None or "keepdim" not in help


def test_a_reduction_that_fits_nothing_is_left_alone() -> None:
    help = fault_of(program("m = mean(x, dim=1)\ny = x - m[:, :, 0]", **IMAGES)).help
    assert help is None or "keepdim" not in help
