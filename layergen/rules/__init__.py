"""All rules, a page each. They need nothing of layergen but `diagnostics`, so that a page is shown at once."""

from layergen.diagnostics import Rule
from layergen.rules import (
    advice,
    behaviour,
    building,
    calls,
    cases,
    file,
    loops,
    meaning,
    members,
    names,
    shapes,
    spec,
    tensors,
    values,
    writing,
)

__all__ = [
    "advice",
    "all_rules",
    "behaviour",
    "building",
    "calls",
    "cases",
    "file",
    "loops",
    "meaning",
    "members",
    "names",
    "shapes",
    "spec",
    "tensors",
    "values",
    "writing",
]


def all_rules() -> list[type[Rule]]:
    """All rules, sorted by their codes."""
    return [Rule.registry[code] for code in sorted(Rule.registry)]
