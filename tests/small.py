"""Small specs for tests, made from the parts that matter to each."""

from typing import Any

from layergen.lang.model import LayerSpec
from layergen.resolve import understood
from layergen.resolve.program import Program

DIM = {"type": "int", "min": 1, "doc": "Size."}
FLAG = {"type": "bool", "default": True, "doc": "Whether."}


def spec(forward: str = "y = x", **parts: Any) -> LayerSpec:
    """A layer of one input and one output, with the given parts added or replaced."""
    layer = {"layer": "Small", "summary": "Do little.", "inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
    return LayerSpec.model_validate({**layer, "forward": forward, **parts})


def program(forward: str = "y = x", **parts: Any) -> Program:
    """The same layer, each of whose words is known, though some may be wrong."""
    return understood(spec(forward, **parts))
