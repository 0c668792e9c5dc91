"""From views to source text: templates, then a look at what came out, then the formatter."""

import ast
import re
from functools import cache

import black
import jinja2
from black.mode import TargetVersion
from black.parsing import InvalidInput

from layergen.literals import formatted
from layergen.lower.views import BehavioursView, ConftestView, LayerView, PackageView, TestView
from layergen.resources import templates_folder

View = LayerView | TestView | BehavioursView | ConftestView | PackageView
TEMPLATES: dict[type[View], str] = {
    LayerView: "layer.py.j2",
    TestView: "test.py.j2",
    BehavioursView: "behaviours.py.j2",
    ConftestView: "conftest.py.j2",
    PackageView: "package.py.j2",
}
MODE = black.Mode(line_length=88, target_versions={TargetVersion.PY311})

PIECE = re.compile(r"\n\n\n(?=def |class |@)")


class RenderError(Exception):
    """A template gave something else than its view asked for: a bug of layergen."""


@cache
def environment() -> jinja2.Environment:
    """The environment that templates are rendered in."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def warm_up() -> None:
    """Load now what is needed for the first views."""
    for name in TEMPLATES.values():
        environment().get_template(name)
    black.format_str("x = 1\n", mode=MODE)


def render(view: View) -> str:
    """The formatted source of a view, without the header that signs it.

    Raises:
        RenderError: If the source is not what the view asked for.
    """
    text = environment().get_template(TEMPLATES[type(view)]).render(view=view)
    try:
        source = formatted(text, _by_black)
        tree = ast.parse(source)
    except (InvalidInput, SyntaxError, ValueError) as error:
        raise RenderError(f"unformattable source: {error}") from error
    if isinstance(view, LayerView):
        verify(tree, view)
    return source


def _by_black(text: str) -> str:
    """What black makes of a module, piece by piece, for it goes over all that it is given again where it changes any.

    A piece begins with a function or a class after two empty lines, which is what black puts before it.
    """
    pieces = PIECE.split(text)
    try:
        return "\n\n\n".join(black.format_str(piece, mode=MODE).rstrip("\n") for piece in pieces) + "\n"
    except InvalidInput:  # a text may look like the beginning of one
        return black.format_str(text, mode=MODE)


def verify(tree: ast.Module, view: LayerView) -> None:
    """Compare a module's structure with its view: no text of a spec may have become code.

    Raises:
        RenderError: If the module has another structure.
    """
    kinds = [type(node).__name__ for node in tree.body]
    imports = [line for line in view.imports if line]
    expected = ["Expr", *("Import" if line.startswith("import") else "ImportFrom" for line in imports), "Assign"]
    expected += ["AnnAssign"] * len(view.tables) + ["FunctionDef"] * len(view.helpers) + ["ClassDef"]
    if kinds != expected:
        raise RenderError(f"a module of {kinds}, not of {expected}")
    layer = tree.body[-1]
    assert isinstance(layer, ast.ClassDef)
    methods = [node.name for node in layer.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in layer.body[1:] if not isinstance(node, ast.FunctionDef)]
    if layer.name != view.name or tuple(methods) != view.methods:
        raise RenderError(f"a class {layer.name} with {methods}, not {view.name} with {list(view.methods)}")
    if len(others) != len(view.annotations) or not all(isinstance(node, ast.AnnAssign) for node in others):
        raise RenderError("statements in the class that the view does not have")
