"""What float64 loses of what is computed of integers alone, which is float32 to torch, at any of the settings."""

from typing import Any

import pytest
from small import breaches, program

from layergen.contracts.narrowing import NARROWING
from layergen.diagnostics import Finding

BINS: dict[str, Any] = {
    "arguments": {"width": {"type": "float", "default": 0.25, "doc": "Width of a bin."}},
    "outputs": {"y": ["N", "C", 4]},
}


@pytest.mark.parametrize("centers", ["width * (arange(4) + 0.5)", "width * arange(4)", "(arange(4) / 2) * width"])
def test_quarters_that_float32_holds_do_not_hide_what_it_loses_of_others(centers: str) -> None:
    (finding,) = breaches(NARROWING, program(f"y = tanh(x[..., None] - {centers})", **BINS))
    assert finding.rule.code == "LG320"
    assert finding.help is not None and "`upcast(…)`" in finding.help


@pytest.mark.parametrize(
    "centers",
    [
        "width * (upcast(arange(4)) + 0.5)",
        "width * type_as(arange(4), x)",
        "width * (double(arange(4)) + 0.5)",
        "(arange(4) + 0.5)",
        "linspace(0, width, 4)",
    ],
)
def test_what_is_brought_to_the_dtype_of_the_input_loses_nothing(centers: str) -> None:
    forward = f"y = type_as(tanh(x[..., None] - {centers}) * width, x)"
    assert not breaches(NARROWING, program(forward, **BINS))


def spectral(weight: dict[str, Any], of: str, by: str) -> list[Finding]:
    """What is said of a layer that multiplies frequencies by a weight, in an op that does not mix dtypes."""
    forward = f"f = fft.rfft({of}, dim=1)\ny = type_as(fft.irfft(f @ {by}, n=8), x)"
    parts = {"inputs": {"x": ["N", 8]}, "outputs": {"y": ["N", 8]}, "parameters": {"weight": weight}}
    return breaches(NARROWING, program(forward, **parts))


def test_what_a_weight_of_its_own_dtype_keeps_from_float64_is_told() -> None:
    weight = {"shape": [5, 5], "dtype": "complex64", "init": "complex(rand(5, 5), rand(5, 5))"}
    (finding,) = spectral(weight, "float(x)", "weight")
    assert (finding.rule.code, finding.message) == (
        "LG320", "in float64, `float` leaves no more digits than float32 has"
    )  # fmt: skip
    assert finding.help is not None and finding.help.endswith("`complex(upcast(weight[0]), upcast(weight[1]))`")
    parts = {"shape": [2, 5, 5], "init": "rand(2, 5, 5)"}
    assert not spectral(parts, "upcast(x)", "complex(upcast(weight[0]), upcast(weight[1]))")
