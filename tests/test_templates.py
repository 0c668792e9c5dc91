"""Templates print prepared strings: they decide nothing and compute nothing."""

import pytest
from jinja2 import nodes

from layergen.render import environment
from layergen.resources import templates_folder

TEMPLATES = sorted(path.name for path in templates_folder().glob("*.j2"))
LONGEST = 120  # lines
FORBIDDEN = (nodes.Compare, nodes.Call, nodes.Filter, nodes.Assign, nodes.CondExpr, nodes.BinExpr, nodes.Test)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_has_no_logic(name: str) -> None:
    text = (templates_folder() / name).read_text(encoding="utf-8")
    found = [type(node).__name__ for kind in FORBIDDEN for node in environment().parse(text).find_all(kind)]
    assert not found


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_is_short(name: str) -> None:
    text = (templates_folder() / name).read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines <= LONGEST, f"{name} has {lines} lines"


def test_undefined_names_in_templates_are_errors() -> None:
    assert environment().undefined.__name__ == "StrictUndefined"
