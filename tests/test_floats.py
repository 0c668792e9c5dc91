"""What a forward names is cast by its own method where it is known to be floating always."""

from typing import Any

import pytest
from small import checked, program

from layergen.lower.floats import floats
from layergen.lower.layer import layer_view

INTEGERS: dict[str, Any] = {
    "inputs": {"x": {"shape": ["N", "C"], "dtype": ["int64", "int32"], "range": [0, 5]}},
    "outputs": {"y": {"shape": ["N", "C"], "dtype": "float32"}},
}
FLAG: dict[str, Any] = {"arguments": {"flag": {"type": "bool", "default": True, "doc": "Whether."}}}
OTHER: dict[str, Any] = {"inputs": {"x": {"shape": ["N", "C"], "partial": True, "gradient": False}}}


@pytest.mark.parametrize(
    ("forward", "parts", "found"),
    [
        ("h = 2 * x\ny = type_as(exp(upcast(h)), x)", {}, {"h", "y"}),
        ("h = 2 * x\nh = h > 0\ny = type_as(upcast(h), x)", OTHER, {"y"}),
        ("h = 2 * x if flag else floor(x) > 0\ny = type_as(upcast(h), x)", {**FLAG, **OTHER}, {"y"}),
        ("h = to(x, float32)\nh = 0.5 * h\ny = upcast(h)", INTEGERS, {"h", "y"}),
        ("h = 2 * x\ny = to(h, float32)", INTEGERS, {"y"}),
    ],
)
def test_what_is_floating_on_every_way_is_known(forward: str, parts: dict[str, Any], found: set[str]) -> None:
    layer = checked(program(forward, **parts))
    assert floats(layer) == found
    written = "\n".join(layer_view(layer, ("small",)).forward)
    assert ("h.dtype.itemsize < 4" in written) == ("h" in found)
