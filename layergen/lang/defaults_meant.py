"""What was meant by a `default` of an input that is a tensor: that it is a value, or that it need not be given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layergen.diagnostics import Path
from layergen.lang.model import TAGS

TYPES = {bool: "bool", int: "int", float: "float", str: "str"}
OPTIONAL = "write `optional: true`: what is not given is None"


def defaults_meant(errors: Sequence[Mapping[str, Any]], data: object) -> Iterator[Any]:
    """Errors of a spec, of which those of a default of a tensor say what to write in its place.

    A shape that is missing beside such a default is none that was forgotten.
    """
    inputs = data.get("inputs") if isinstance(data, dict) else None
    parts = inputs if isinstance(inputs, dict) else {}
    given = {name: part for name, part in parts.items() if isinstance(part, dict) and "default" in part}
    values = {name for name, part in given.items() if "shape" not in part and type(part["default"]) in TYPES}
    for error in errors:
        path = _path(error)
        name = path[1] if len(path) == 3 and path[0] == "inputs" else None
        if error["type"] == "extra_forbidden" and name in given and path[-1] == "default":
            yield {**error, "ctx": {"help": _help(str(name), given[name], name in values)}}
        elif not (error["type"] == "missing" and name in values and path[-1] == "shape"):
            yield error


def _path(error: Mapping[str, Any]) -> Path:
    return tuple(part for part in error["loc"] if part not in TAGS)


def _help(name: str, part: Mapping[str, Any], is_value: bool) -> str:
    """What to write in the place of a default that no tensor has."""
    default = part["default"]
    if is_value:
        shown = str(default).lower() if isinstance(default, bool) else default
        return f"a value has a `type`: write `{name}: {{type: {TYPES[type(default)]}, default: {shown}, …}}`"
    return OPTIONAL if default is None else f"{OPTIONAL}, for which the forward puts something else"
