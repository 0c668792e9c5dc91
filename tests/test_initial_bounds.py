"""Initial values between a bound and its opposite: how the generated code names the bound."""

from typing import Any

import pytest
from small import DIM, program

from layergen.lower.initial import reset_lines


@pytest.mark.parametrize(
    ("init", "lines"),
    [
        ("uniform(-dim**-0.5, dim**-0.5)", ["bound = self.dim ** -0.5", "init.uniform_(self.weight, -bound, bound)"]),
        (
            "uniform(-2 * sqrt(dim), 2 * sqrt(dim))",
            ["bound = 2 * math.sqrt(self.dim)", "init.uniform_(self.weight, -bound, bound)"],
        ),
        ("uniform(-dim, dim)", ["init.uniform_(self.weight, -self.dim, self.dim)"]),
        ("uniform(-0.1, 0.1)", ["init.uniform_(self.weight, -0.1, 0.1)"]),
        (
            "uniform((dim - 1) / 2, (dim - 1) / 2)",
            ["init.uniform_(self.weight, (self.dim - 1) / 2, (self.dim - 1) / 2)"],
        ),
        ("uniform(-1 / dim, 2 / dim)", ["init.uniform_(self.weight, -1 / self.dim, 2 / self.dim)"]),
    ],
)
def test_a_bound_on_both_sides_of_zero_is_computed_once(init: str, lines: list[str]) -> None:
    weight = {"weight": {"shape": ["dim"], "init": init}}
    assert list(reset_lines(program(arguments={"dim": DIM}, parameters=weight))) == lines


def test_bounds_have_names_that_are_free_and_those_alike_are_one() -> None:
    start = {"shape": ["dim"], "init": "uniform(-1 / dim, 1 / dim)"}
    other = {**start, "init": "uniform(-2 / dim, 2 / dim)"}
    own: dict[str, Any] = {"arguments": {"dim": DIM, "bound": DIM}, "forward": "y = x * bound"}
    assert list(reset_lines(program(**own, parameters={"left": start, "right": start, "third": other}))) == [
        "left_bound = 1 / self.dim",
        "init.uniform_(self.left, -left_bound, left_bound)",
        "init.uniform_(self.right, -left_bound, left_bound)",
        "third_bound = 2 / self.dim",
        "init.uniform_(self.third, -third_bound, third_bound)",
    ]
    written = list(reset_lines(program(**own, parameters={"left": start})))
    assert written[0] == "bound_ = 1 / self.dim"
