"""Advice as text, so that a build that takes a spec from the cache tells the same of it."""

import json
from collections.abc import Sequence
from typing import Any

from layergen.diagnostics import Diagnostic, Location, Mark
from layergen.rules import all_rules


def packed(advice: Sequence[Diagnostic]) -> str:
    """Some advice as text; empty for none."""
    return json.dumps([(item.rule.code, *item[1:]) for item in advice]) if advice else ""


def unpacked(text: str) -> tuple[Diagnostic, ...]:
    """The advice that a text holds.

    Raises:
        ValueError: If no build can have written it.
    """
    if not text:
        return ()
    rules = {rule.code: rule for rule in all_rules()}
    try:
        return tuple(_diagnostic(rules[code], *rest) for code, *rest in json.loads(text))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no advice: {error}") from None


def _diagnostic(
    rule: Any, message: str, location: Any, label: str, marks: Any, notes: Any, help: str | None, fix: str | None,
    pointer: str, excerpt: Any,
) -> Diagnostic:  # fmt: skip
    at = tuple(Mark(Location(*place), words) for place, words in marks)
    lines = tuple((number, line) for number, line in excerpt)
    return Diagnostic(rule, message, Location(*location), label, at, tuple(notes), help, fix, pointer, lines)
