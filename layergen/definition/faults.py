"""Findings about a definition."""

from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.rules.cases import IllDefined

PATH: Path = ("definition",)


def ill(node: ex.Node, message: str, help: str | None = None) -> Finding:
    """The finding that a part of a definition means nothing."""
    return IllDefined.at(Place(PATH, node.span), message, help=help)
