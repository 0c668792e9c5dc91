"""What the rows of generated tests are called that say what a layer refuses."""

from typing import Any

from small import DIM, checked, program

from layergen.lower.cases import case_fields
from layergen.lower.testing import rejection_rows, wrong_shapes

HEADS: dict[str, Any] = {
    "arguments": {"dim": DIM, "heads": DIM},
    "constraints": ["dim % heads == 0"],
    "inputs": {"x": ["N", "dim"], "state": ["N", "heads", "heads", 1]},
    "outputs": {"y": ["N", "dim"]},
}


def test_what_breaks_a_constraint_is_called_by_it() -> None:
    layer = checked(program("y = x * mean(state, dim=[1, 2])", **HEADS))
    rows = rejection_rows(layer.program, layer.rejections, case_fields(layer.program, layer.cases[0], ()))
    assert {'"dim % heads == 0"', '"dim_0"', '"heads_0"'} <= {row.name for row in rows}


def test_a_wrong_size_is_called_by_its_name_and_by_its_place_where_that_tells_less() -> None:
    layer = checked(program("y = x * mean(state, dim=[1, 2])", **HEADS))
    names = {row.name.strip('"') for row in wrong_shapes(layer, case_fields(layer.program, layer.cases[0], ()))}
    sizes = {name for name in names if name.startswith("state_of_another")}
    assert sizes == {f"state_of_another_{size}" for size in ("N", "heads_at_1", "heads_at_2", "size_at_3")}
