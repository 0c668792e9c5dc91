"""The constraints of members in the words of the layers that are made of them."""

from typing import Any

import pytest
from small import DIM, FLAG, program, spec

from layergen.lang import expression as ex
from layergen.resolve import understood
from layergen.resolve.library import Library
from layergen.resolve.lifted import lifted
from layergen.resolve.program import Child

GROUPS = {"type": "int", "min": 1, "default": "heads", "doc": "Groups."}
SIZES = {"type": "size2", "default": 1, "doc": "Sizes."}
HEADS = program(
    arguments={"dim": DIM, "heads": DIM, "groups": GROUPS, "sizes": SIZES},
    derived={"head_dim": "dim // heads"},
    constraints=["dim % heads == 0", "heads % groups == 0", "head_dim > 1", "sizes[0] != 3"],
)


def owned(module: object, **parts: Any) -> list[tuple[str, str]]:
    """The constraints of a layer that is made of heads, each with where it holds."""
    arguments = {"width": DIM, "count": DIM, "flag": FLAG}
    layer = spec(arguments=arguments, modules={"heads": module}, **parts)
    made = understood(layer, Library({"Heads": Child(HEADS, ("heads",), "heads.yaml")}))
    return [(ex.show(each.constraint), ex.show(each.when)) for each in lifted(made)]


def test_constraints_are_said_in_the_arguments_that_are_handed_down() -> None:
    assert owned("Heads(2 * width, count)") == [
        ("2 * width % count == 0", "True"),
        ("2 * width // count > 1", "True"),
    ]
    assert ("count % 2 == 0", "True") in owned("Heads(width, heads=count, groups=2)")


def test_what_the_owner_demands_itself_is_not_said_twice() -> None:
    assert owned("Heads(width, count)", constraints=["width % (2 * count) == 0"]) == []


def test_what_constants_keep_is_not_said() -> None:
    assert owned("Heads(8, 2)") == []
    assert owned("Heads(width, 1)") == [("width > 1", "True")]


@pytest.mark.parametrize(
    "module", ["[Heads(width * k, 2) for k in range(1, count)]", "[Heads(8, 2 + k) for k in range(3)]"]
)
def test_what_depends_on_the_place_in_a_list_is_not_said(module: str) -> None:
    assert owned(module) == []


def test_a_constraint_holds_where_there_is_the_member() -> None:
    found = owned({"module": "Heads(width, 2)", "when": "flag"})
    assert found == [("width % 2 == 0", "flag"), ("width // 2 > 1", "flag")]


def test_derived_values_of_the_owner_are_told_by_what_they_are() -> None:
    assert ("(width + 1) % count == 0", "True") in owned("Heads(more, count)", derived={"more": "width + 1"})
