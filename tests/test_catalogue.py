"""The list of shipped specs is complete, and says what their summaries say."""

from itertools import groupby
from pathlib import Path

import pytest
from shipped import ROOT, SPECS, read

from layergen.lang.matches import Match

PAGE = ROOT / "docs" / "catalogue.md"
HEAD = """# Catalogue

Specs to start from: take one, change it, and build. A layer that restates a module computes the same as that one, under
the same names in the state dict, and its tests compare the two.
"""


def category(path: Path) -> str:
    return path.parent.name


def text() -> str:
    """The page: a table for each category."""
    parts = [HEAD]
    for name, paths in groupby(sorted(SPECS.values(), key=lambda path: (category(path), path.stem)), category):
        parts.append(f"\n## {name.capitalize()}\n\n| layer | does | restates |\n|---|---|---|\n")
        for path in paths:
            layer = read(path)
            match = f"`{layer.matches.module.function}`" if isinstance(layer.matches, Match) else ""
            parts.append(f"| [{layer.layer}](../specs/{name}/{path.name}) | {layer.summary} | {match} |\n")
    return "".join(parts)


def test_catalogue_is_complete(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-cases"):
        PAGE.write_text(text(), encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == text()
