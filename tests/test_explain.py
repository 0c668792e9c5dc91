"""What helps where an op fails for lack of a constraint."""

from small import DIM, fault_of, program

ARGUMENTS = {"dim": DIM, "heads": DIM}
INPUTS = {"x": ["N", "dim"]}


def help_of(forward: str, constraints: tuple[str, ...]) -> str:
    layer = program(
        forward, arguments=ARGUMENTS, inputs=INPUTS, outputs={"y": ["N", "dim"]}, constraints=list(constraints)
    )
    return fault_of(layer).help or ""


def test_missing_divisibility_is_suggested() -> None:
    assert "dim % heads == 0" in help_of("y = reshape(x, [N, heads, dim // heads])", ())


def test_divisibility_that_is_there_is_not_suggested_again() -> None:
    assert "dim % heads" not in help_of("y = reshape(x, [N, heads, dim // heads, 2])", ("dim % heads == 0",))
