"""Laws of layers whose buffers have some form, as a unit vector has: they hold where these start, and so exactly."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program

from layergen.resolve.program import Program

REFLECTED = "y = x - 2 * (x @ v)[:, None] * v"
LAW = "layer(layer(x)) == x"


def reflection(forward: str = REFLECTED, kind: str = "buffers", law: Any = LAW, **more: Any) -> Program:
    vector = {"shape": ["dim"], "init": "normalize(randn(dim), dim=0)", "doc": "It.", **more}
    wide = {**DIM, "min": 2}
    tensors = {"inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    return program(forward, arguments={"dim": wide}, laws=[law], **{kind: {"v": vector}}, **tensors)


def test_a_law_of_a_unit_vector_holds() -> None:
    assert checked(reflection()).cases


@pytest.mark.parametrize("faulty", [{"forward": "y = x - (x @ v)[:, None] * v"}, {"kind": "parameters"}])
def test_one_that_does_not_hold_is_told(faulty: dict[str, Any]) -> None:
    finding = fault_of(reflection(**faulty))
    assert finding.rule.code == "LG420" and finding.help is None


NARROW = {"forward": "h = type_as(v, x)\ny = x - 2 * (x @ h)[:, None] * h", "dtype": "float32"}


def test_what_rounding_alone_breaks_may_be_allowed_for() -> None:
    finding = fault_of(reflection(**NARROW))
    assert finding.rule.code == "LG420" and finding.help is not None
    left, _, right = finding.message.rpartition("]")[2].removeprefix(", ").split()
    assert left != right
    assert finding.help.startswith(f'if that is rounding, as of tensors in float32, write `{{law: "{LAW}", within: 1e-')
    within = float(finding.help.rpartition(" ")[2].rstrip("}`"))
    assert checked(reflection(**NARROW, law={"law": LAW, "within": within})).cases
