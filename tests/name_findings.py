"""What the rules of names find in small specs."""

from typing import Any

from small import spec

from layergen.diagnostics import Finding
from layergen.resolve.names import check_names

WEIGHT = {"shape": ["dim"], "init": "ones"}


def findings(forward: str = "y = x", **parts: Any) -> list[Finding]:
    return list(check_names(spec(forward, **parts)))


def reports(forward: str = "y = x", **parts: Any) -> list[tuple[str, str, str]]:
    """The code, place and message of each finding."""
    return [(f.rule.code, f.place.pointer(), f.message) for f in findings(forward, **parts)]


def codes(forward: str = "y = x", **parts: Any) -> list[str]:
    return [finding.rule.code for finding in findings(forward, **parts)]


def only(forward: str = "y = x", **parts: Any) -> Finding:
    (finding,) = findings(forward, **parts)
    return finding
