"""Rendering: what a template gives is formatted, and held to its view; anything else is a bug, and said to be."""

from dataclasses import replace

import jinja2
import pytest
from small import DIM, FLAG, checked, program

from layergen import render as rendering
from layergen.lower import lower
from layergen.lower.views import LayerView
from layergen.render import RenderError, render

TRUE = """\
\"\"\"A module.\"\"\"
{{ view.imports | join("\\n") }}

__all__ = ["{{ view.name }}"]

class {{ view.name }}(nn.Module):
    \"\"\"A layer.\"\"\"
{%- for line in view.annotations %}
    {{ line }}
{%- endfor %}
{%- for method in view.methods %}

    def {{ method }}(self): ...
{%- endfor %}
"""


@pytest.fixture(scope="module")
def view() -> LayerView:
    weight = {"weight": {"shape": ["dim"], "init": "ones", "when": "affine"}}
    layer = program(
        "y = x * weight if affine else x",
        arguments={"dim": DIM, "affine": FLAG},
        parameters=weight,
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
    )
    found, _ = lower(checked(layer), "generated", ("small",), "generated.tests.behaviours")
    assert isinstance(found, LayerView)
    return found


def with_template(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every template be this one."""
    environment = jinja2.Environment(loader=jinja2.FunctionLoader(lambda _: text), undefined=jinja2.StrictUndefined)
    monkeypatch.setattr(rendering, "environment", lambda: environment)


def test_a_view_is_rendered_to_formatted_source(view: LayerView) -> None:
    assert f"class {view.name}(nn.Module):" in render(view)


def test_a_template_that_gives_what_the_view_asks_for_is_believed(
    view: LayerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_template(TRUE, monkeypatch)
    assert "def forward(self): ..." in render(replace(view, helpers=()))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (TRUE + "\nx = (", "unformattable source: "),
        (TRUE + "\nreturn return", "unformattable source: "),
        (TRUE.replace("__all__ =", "import os\n__all__ ="), "a module of "),
        (TRUE + "\nprint(1)\n", "a module of "),
        (TRUE.replace("class {{ view.name }}", "class Other"), "a class Other with "),
        (TRUE + "\n    def evil(self): ...\n", "a class Small with "),
        (TRUE.replace("{{ line }}", "x = 1"), "statements in the class that the view does not have"),
        (TRUE.replace("{{ line }}", ""), "statements in the class that the view does not have"),
    ],
)
def test_a_template_that_lies_is_found_out(
    template: str, message: str, view: LayerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_template(template, monkeypatch)
    with pytest.raises(RenderError) as caught:
        render(replace(view, helpers=()))
    assert str(caught.value).startswith(message)


def test_a_text_of_a_view_that_would_become_code_is_found_out(view: LayerView) -> None:
    hostile = replace(view, imports=(*view.imports, 'import os\nos.system("ls")'))
    with pytest.raises(RenderError, match="a module of"):
        render(hostile)


def test_a_text_that_looks_like_a_function_is_no_piece_of_its_own(
    view: LayerView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Black goes over functions and classes one by one, wherever they begin."""
    with_template(TRUE.replace("A module.", "A module.\n\n\ndef of(x):  what\n"), monkeypatch)
    assert "\n\n\ndef of(x):  what\n" in render(replace(view, helpers=()))
