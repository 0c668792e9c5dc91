"""What `extra_repr` shows, as a spec says it: ``in_channels``, ``mode=!s``, ``padding= if padding != (0, 0)``."""

import re
from dataclasses import dataclass, replace

from layergen.lang import expression as ex
from layergen.lang.parser import parse_expression
from layergen.lang.values import describe, fault, parsed

ENTRY = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w*)\s*(?P<keyed>=?)\s*(?P<bare>(?:!s)?)\s*(?:\bif\b(?P<test>.+))?\Z", re.DOTALL
)


@dataclass(frozen=True)
class Shown:
    """One value of the representation."""

    name: ex.Name
    keyed: bool  # whether its name stands before it
    bare: bool = False  # whether text is shown without quotes
    when: ex.Expression | None = None  # it is left out where this does not hold

    def changed(self, name: ex.Name, when: ex.Expression | None) -> "Shown":
        return replace(self, name=name, when=when)


def read_shown(value: object) -> Shown:
    """An entry of `repr`."""
    if isinstance(value, Shown):
        return value
    match = ENTRY.match(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        help = 'write `dim`, `dim=` or `"dim= if dim != 1"`'
        raise fault(f"expected a name to show, got {describe(value)}", help=help)
    span = match.span("name")
    test = match["test"]
    # What comes before the condition is blank, so that its places are those in the text.
    when = None if test is None else parsed(parse_expression, " " * match.start("test") + test)
    return Shown(ex.Name(match["name"], span=span), bool(match["keyed"]), bool(match["bare"]), when)
