"""Constraints on sizes that torch keeps by itself: the layer checks them no second time."""

from typing import Any

from small import checked, program

from layergen.lang import expression as ex
from layergen.lower.layer import layer_view
from layergen.prove.kept_by_torch import kept_by_torch
from layergen.settings.choice import settings

GATED: dict[str, Any] = {
    "arguments": {"dim": {"type": "int", "default": -1, "doc": "What is halved."}},
    "constraints": ["-len(S) <= dim < len(S)", "S[dim] % 2 == 0"],
    "inputs": {"x": ["S..."]},
    "outputs": {"y": "S[:dim % len(S)] + [S[dim] // 2] + S[dim % len(S) + 1:]"},
    "parameters": {},
    "forward": "y = glu(x, dim)",
    "matches": "nn.GLU(dim)",
}
SOFT: dict[str, Any] = {
    "arguments": {"dim": {"type": "int", "default": -1, "doc": "Along which it sums to one."}},
    "inputs": {"x": ["S..."]},
    "outputs": {"y": "S"},
    "parameters": {},
    "forward": "y = softmax(x, dim)",
    "matches": "nn.Softmax(dim)",
}


def kept(**parts: Any) -> dict[str, tuple[str, ...]]:
    layer = program(**parts)
    return {ex.show(found.constraint): found.errors for found in kept_by_torch(layer, settings(layer))}


def test_a_constraint_is_left_to_torch_where_the_match_refuses_alike() -> None:
    assert kept(**GATED) == {
        "-len(S) <= dim < len(S)": ("IndexError", "RuntimeError"),
        "S[dim] % 2 == 0": ("RuntimeError",),
    }


def test_one_that_torch_lets_through_is_not() -> None:
    """A softmax takes a number, of which the constraint says that it has no dimension."""
    assert kept(**SOFT, constraints=["-len(S) <= dim < len(S)"]) == {}


def test_one_that_says_more_than_torch_is_not() -> None:
    assert kept(**SOFT, constraints=["-max(len(S), 1) <= dim < max(len(S), 1) - 1"]) == {}


def test_one_that_no_match_has_is_not() -> None:
    assert kept(**{name: part for name, part in GATED.items() if name != "matches"}) == {}


def test_the_docstring_says_what_torch_raises() -> None:
    view = layer_view(checked(program(**GATED)), ("gated",))
    assert view.forward == ("return F.glu(x, self.dim)",)
    assert "    IndexError or RuntimeError: If ``-len(S) <= dim < len(S)`` does not hold." in view.docstring
