"""Laws that speak of what a layer is made of."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program, spec

from layergen.faults import SpecError
from layergen.resolve import resolve

TIED: dict[str, Any] = {
    "arguments": {"dim": DIM, "code": DIM},
    "modules": {"encoder": "nn.Linear(dim, code, bias=False)", "maps": "[nn.Linear(dim, dim) for i in range(2)]"},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}
FORWARD = "for map in maps:\n    x = map(x)\ny = encoder(x) @ encoder.weight"
BACK = "@ transpose(encoder.weight, 0, 1) @ encoder.weight"


@pytest.mark.parametrize(
    "law",
    [
        f"layer(x) == maps[1](maps[0](x)) {BACK}",
        f"layer(x) == linear(maps[0](x), maps[1].weight, maps[1].bias) {BACK}",
    ],
)
def test_a_law_names_members_and_their_tensors(law: str) -> None:
    assert checked(program(FORWARD, laws=[law], **TIED)).cases


def test_a_law_of_members_that_does_not_hold_is_found() -> None:
    finding = fault_of(program(FORWARD, laws=["layer(x) == encoder(x) @ encoder.weight"], **TIED))
    assert finding.rule.code == "LG420"
    assert "does not hold" in finding.message


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ("layer(x) == encoder(x, x) @ encoder.weight", "`encoder` takes 1 argument, but is given 2"),
        ("layer(x) == maps(x)", "`maps` is a list of members, which cannot be called itself"),
    ],
)
def test_a_member_is_called_as_in_the_forward(law: str, message: str) -> None:
    with pytest.raises(SpecError) as refusal:
        resolve(spec(FORWARD, laws=[law], **TIED))
    assert [finding.message for finding in refusal.value.findings] == [message]


def test_a_member_is_no_number() -> None:
    finding = fault_of(program(FORWARD, laws=["layer(x) == encoder + 1"], **TIED))
    assert finding.message == "a member and an int have no `+`"
