"""Constraints with `or`: each alternative is taken alone by some setting, where it can be."""

from typing import Any

import pytest
from small import DIM, FLAG, checked, fault_of, program

from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.settings.alternative import alternatives
from layergen.settings.choice import settings
from layergen.settings.reaching import reaching

SIZE = {"type": "size1", "min": 1, "optional": True, "default": None, "doc": "Size."}
OPTIONAL = {**DIM, "optional": True, "default": None}


def taken(layer: Program) -> list[str]:
    """The alternatives of a layer's first constraint that some setting takes alone."""
    usual = settings(layer)
    chosen = (*usual, *reaching(layer, usual))
    found = alternatives(layer.constraints[0])
    return [ex.show(part.holds) for part in found if any(part.alone(setting.names) for setting in chosen)]


@pytest.mark.parametrize(
    ("constraint", "arguments"),
    [
        ("dim % heads == 0 or heads == 3", {"dim": DIM, "heads": DIM}),
        ("C % width == 0 or C % 2 == 0", {"width": DIM}),
        ("C == 1 or C > 40", {}),
        ("causal or width % 2 == 1", {"causal": FLAG, "width": DIM}),
        ("head_dim is not None or dim % heads == 0", {"dim": DIM, "heads": DIM, "head_dim": OPTIONAL}),
        ("size is None or size[0] == 2 * C", {"size": SIZE}),
        ("C == 5 or C == 6 or C == 7", {}),
    ],
)
def test_each_alternative_is_taken_alone(constraint: str, arguments: dict[str, Any]) -> None:
    layer = program(arguments=arguments, constraints=[constraint])
    assert taken(layer) == [ex.show(part.holds) for part in alternatives(layer.constraints[0])]


def test_alternative_that_never_holds_alone_is_left() -> None:
    assert taken(program(constraints=["C % 2 == 0 or C % 4 == 0"])) == ["C % 2 == 0"]


WINDOWS: dict[str, Any] = {
    "arguments": {"width": DIM},
    "inputs": {"x": ["N", "L"]},
    "outputs": {"y": ["N", "L // width", "width"]},
    "forward": "y = reshape(x, [N, L // width, width])",
}


def test_layer_that_works_by_one_alternative_alone_is_refused() -> None:
    constraint = "L % width == 0 or L % 2 == 0"
    finding = fault_of(program(**WINDOWS, constraints=[constraint]))
    assert (finding.rule.name, finding.notes[-1]) == ("op-failed", f"here `{constraint}` holds by `L % 2 == 0` alone")


def test_layer_that_works_by_each_alternative_is_accepted() -> None:
    parts = {**WINDOWS, "outputs": {"y": ["N", "L - L // width * width + 1"]}}
    parts["forward"] = "y = cat([sum(x, dim=1, keepdim=True), x[:, L // width * width:]], dim=1)"
    cases = checked(program(**parts, constraints=["L % width == 0 or L < width"])).cases
    assert [case.setting.by is not None for case in cases].count(True) == 1
