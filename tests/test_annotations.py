"""The types that a forward says of what mypy sees none in."""

import pytest
from lowered import forward
from small import DIM


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("dim ** -0.5", "scale: float = self.dim ** -0.5"),
        ("2 ** -dim", "scale: float = 2 ** -self.dim"),
        ("2 ** dim", "scale: int = 2 ** self.dim"),
        ("proj(x)", "scale: Tensor = self.proj(x)"),
    ],
)
def test_a_number_is_called_none_but_a_number(value: str, line: str) -> None:
    arguments, modules = {"dim": DIM}, {"proj": "nn.Linear(4, 4)"}
    text = forward(f"scale = {value}\ny = x * scale + scale * dim + proj(x)", arguments=arguments, modules=modules)
    assert line in text.splitlines()
