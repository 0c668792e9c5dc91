"""What helps where an op fails for lack of a constraint."""

import pytest
from small import DIM, spec

from layergen.check import check
from layergen.faults import SpecError

ARGUMENTS = {"dim": DIM, "heads": DIM}
INPUTS = {"x": ["N", "dim"]}


def help_of(forward: str, constraints: tuple[str, ...]) -> str:
    layer = spec(
        forward, arguments=ARGUMENTS, inputs=INPUTS, outputs={"y": ["N", "dim"]}, constraints=list(constraints)
    )
    with pytest.raises(SpecError) as fault:
        check(layer)
    (finding,) = fault.value.findings
    return finding.help or ""


def test_missing_divisibility_is_suggested() -> None:
    assert "dim % heads == 0" in help_of("y = reshape(x, [N, heads, dim // heads])", ())


def test_divisibility_that_is_there_is_not_suggested_again() -> None:
    assert "dim % heads" not in help_of("y = reshape(x, [N, heads, dim // heads, 2])", ("dim % heads == 0",))
