"""Constraints that say again what the bounds of an argument say."""

from typing import Any

import pytest
from small import DIM, program

from layergen.lower.constructor import ConstructorWriter

RATE = {"type": "float", "min": 0, "exclusive": "min", "max": 1, "doc": "Rate."}


def checked(constraint: str, **changed: Any) -> bool:
    """Whether a constructor checks a constraint beside the bounds of its arguments."""
    arguments = {"dim": {**DIM, **changed}, "rate": RATE}
    layer, bare = (program(arguments=arguments, constraints=each) for each in ([constraint], []))
    return list(ConstructorWriter(layer).write()) != list(ConstructorWriter(bare).write())


@pytest.mark.parametrize("constraint", ["dim > 0", "dim >= 1", "0 < dim", "dim >= 0", "rate > 0", "rate <= 1"])
def test_what_bounds_say_is_checked_once(constraint: str) -> None:
    assert not checked(constraint)


@pytest.mark.parametrize("constraint", ["dim > 1", "dim != 0", "dim < 9", "1 > dim", "rate >= 0.5", "rate < 1"])
def test_what_bounds_do_not_say_is_checked(constraint: str) -> None:
    assert checked(constraint)


@pytest.mark.parametrize(
    ("constraint", "changed"),
    [("dim is None or dim > 0", {"optional": True}), ("dim[0] > 0", {"type": "size2"}), ("dim > 0", {"min": None})],
)
def test_where_bounds_do_not_speak_of_one_number_all_is_checked(constraint: str, changed: dict[str, Any]) -> None:
    assert checked(constraint, **changed)
