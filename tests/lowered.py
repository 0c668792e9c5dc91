"""The lines of methods that are generated from small specs."""

from textwrap import dedent
from typing import Any

from small import DIM, FLAG, forward_lines, program

VECTOR = {"shape": ["dim"], "init": "ones", "when": "affine"}
AFFINE: dict[str, Any] = {
    "arguments": {"dim": DIM, "affine": FLAG},
    "parameters": {"weight": VECTOR, "bias": {**VECTOR, "init": "zeros"}},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


def forward(text: str, **parts: Any) -> str:
    return "\n".join(forward_lines(program(dedent(text), **parts)))


def lines(text: str) -> str:
    return dedent(text).strip("\n")


def checked(text: str, **parts: Any) -> list[str]:
    return forward_lines(program(text, **parts), with_checks=True)
