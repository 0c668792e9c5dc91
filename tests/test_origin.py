"""The dtype of what a forward makes from nothing where no input is floating: that of what the layer has."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from small import forward_lines, program

import layergen

TOKENS = {"t": {"shape": ["N", "L"], "dtype": "int64", "range": [0, 5]}}
EMBEDDING = {"emb": "nn.Embedding(5, 4)"}
COUNT = {"count": {"shape": [], "dtype": "int64", "init": "zeros", "unused": True}}
STEPS = """
e = {read}
h = zeros(N, 4)
ys = []
for e_t in unbind(e, 1):
    h = tanh(h + e_t)
    append(ys, h)
y = stack(ys, dim=1)
"""


def made(read: str, **parts: Any) -> list[str]:
    """The lines of a forward that say in which dtype a state begins."""
    layer = program(STEPS.format(read=read), inputs=TOKENS, outputs={"y": ["N", "L", 4]}, **parts)
    return [line.strip() for line in forward_lines(layer) if "dtype" in line]


WEIGHT = {"weight": {"shape": [5, 4], "init": "ones"}}
FAMILY = {"weight": {"shape": [5, 4], "init": "ones", "each": {"k": 2}}}


@pytest.mark.parametrize(
    ("read", "parts", "told"),
    [
        ("embedding(t, weight)", {"parameters": WEIGHT}, "self.weight.dtype"),
        ("embedding(t, weight)", {"parameters": WEIGHT, "buffers": COUNT}, "self.weight.dtype"),
        ("emb(t)", {"modules": EMBEDDING}, "next(self.emb.parameters()).dtype"),
        ("emb(t)", {"modules": EMBEDDING, "buffers": COUNT}, "next(self.emb.parameters()).dtype"),
        (
            "embs[0](t) + embs[1](t)",
            {"modules": {"embs": "[nn.Embedding(5, 4) for k in range(2)]"}},
            "next((p.dtype for p in self.embs.parameters()), torch.get_default_dtype())",
        ),
        (
            "embedding(t, weight[0]) + embedding(t, weight[1])",
            {"parameters": FAMILY},
            "next((p.dtype for p in self.weight.parameters()), torch.get_default_dtype())",
        ),
        ("one_hot(t, 5)[..., :4]", {"buffers": COUNT}, "torch.get_default_dtype()"),
    ],
)
def test_a_state_begins_in_the_dtype_of_what_the_layer_has(read: str, parts: dict[str, Any], told: str) -> None:
    lines = made(read, **parts)
    assert lines[0] == f"dtype = {told}" or lines[0].endswith(f"dtype={told})")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize(
    ("read", "parts"),
    [
        ("emb(t)", {"modules": EMBEDDING, "buffers": {"count": {"shape": [], "dtype": "int64", "init": "zeros"}}}),
        ("embedding(t, weight[0]) + embedding(t, weight[1])", {"parameters": FAMILY}),
    ],
)
def test_so_it_does_in_what_is_generated(tmp_path: Path, read: str, parts: dict[str, Any], dtype: torch.dtype) -> None:
    layer = {"layer": "Small", "summary": "Do little.", "inputs": TOKENS, "outputs": {"y": ["N", "L", 4]}}
    forward = STEPS.format(read=read + (" + count" if "buffers" in parts else ""))
    (tmp_path / "small.yaml").write_text(yaml.safe_dump({**layer, "forward": forward, **parts}), encoding="utf-8")
    small = layergen.load(tmp_path / "small.yaml")(dtype=dtype)
    assert small(torch.zeros(2, 3, dtype=torch.int64)).dtype is dtype
