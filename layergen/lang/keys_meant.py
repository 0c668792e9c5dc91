"""What was meant by keys that stand where there are none: the `default` of a value, `gradient` of a whole spec."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layergen.diagnostics import Path
from layergen.lang.argument import Argument
from layergen.lang.meant import SECTION_WORDS
from layergen.lang.model import TAGS, Module, Noted
from layergen.lang.part import Part
from layergen.lang.tensors import Buffer, Input, Output, Parameter
from layergen.words import listed

TYPES = {bool: "bool", int: "int", float: "float", str: "str"}
PARTS: dict[str, type[Part]] = {
    "arguments": Argument, "parameters": Parameter, "buffers": Buffer, "modules": Module, "dimensions": Noted,
    "inputs": Input, "outputs": Output,
}  # fmt: skip
LISTED = frozenset({"values", "choices", "enum", "options", "one_of"})
OPTIONAL = "write `optional: true`: what is not given is None"


def keys_meant(errors: Sequence[Mapping[str, Any]], data: object) -> Iterator[Any]:
    """Errors of a spec, of which those of a default or of values of a tensor say what to write in their place.

    A shape that is missing beside such a default is none that was forgotten.
    """
    inputs = data.get("inputs") if isinstance(data, dict) else None
    parts = inputs if isinstance(inputs, dict) else {}
    given = {name: part for name, part in parts.items() if isinstance(part, dict) and "default" in part}
    values = {name for name, part in given.items() if "shape" not in part and type(part["default"]) in TYPES}
    tuples = {
        path[:2] for error in errors if error["type"] == "extra_forbidden" and _is_tuple(path := _path(error), data)
    }
    for error in errors:
        path = _path(error)
        name = path[1] if len(path) == 3 and path[0] == "inputs" else None
        unknown = error["type"] == "extra_forbidden"
        help: str | None = None
        if unknown and name in given and path[-1] == "default":
            help = _help(str(name), given[name], name in values)
        elif unknown and _is_tuple(path, data):
            help = "write `tuple`, if these are tensors that belong together"
        elif unknown and name in parts:
            help = _as_range(parts[name], path[-1])
        elif unknown and len(path) == 1 and path[0] not in SECTION_WORDS:
            help = _of_parts(str(path[0]))
        if help is not None:
            yield {**error, "ctx": {"help": help}}
        elif not (error["type"] == "missing" and path[-1] == "shape" and (name in values or path[:2] in tuples)):
            yield error


def _is_tuple(path: Path, data: object) -> bool:
    """Whether tensors stand under a key of an input or output that has no shape, as `tuple` has them."""
    if len(path) != 3 or path[0] not in ("inputs", "outputs") or not isinstance(data, dict):
        return False
    section = data[path[0]]
    part = section.get(path[1]) if isinstance(section, dict) else None
    held = part.get(path[2]) if isinstance(part, dict) and "shape" not in part else None
    return isinstance(held, dict) and bool(held)


def _of_parts(key: str) -> str | None:
    """Where a key belongs that is none of a whole spec."""
    sections = [name for name, part in PARTS.items() if key in part.model_fields]
    return f"it is a key of what stands under {listed([f'`{name}`' for name in sections], 'or')}" if sections else None


def _as_range(part: object, key: object) -> str | None:
    """How to say which ints an input may hold: a range without gaps, and single values beside it."""
    items = part.get(key) if isinstance(part, dict) and "type" not in part and key in LISTED else None
    if not isinstance(items, list) or not items or not all(type(item) is int for item in items):
        return None
    runs: list[list[int]] = []
    for item in sorted({*items}):
        if runs and runs[-1][-1] == item - 1:
            runs[-1].append(item)
        else:
            runs.append([item])
    longest = max(reversed(runs), key=len)
    also = [item for run in runs if run is not longest for item in run]
    dtype = "" if isinstance(part, dict) and "dtype" in part else "dtype: int64, "
    beside = f", also: {also}" if also else ""
    return f"write `{dtype}range: [{longest[0]}, {longest[-1] + 1}]{beside}`: the end of a range is none of it"


def _path(error: Mapping[str, Any]) -> Path:
    return tuple(part for part in error["loc"] if part not in TAGS)


def _help(name: str, part: Mapping[str, Any], is_value: bool) -> str:
    """What to write in the place of a default that no tensor has."""
    default = part["default"]
    if is_value:
        shown = str(default).lower() if isinstance(default, bool) else default
        return f"a value has a `type`: write `{name}: {{type: {TYPES[type(default)]}, default: {shown}, …}}`"
    return OPTIONAL if default is None else f"{OPTIONAL}, for which the forward puts something else"
