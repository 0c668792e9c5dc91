"""From nodes to a `LayerSpec`: what pydantic refuses becomes findings, in our own words."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from layergen.diagnostics import Finding, Path, Place
from layergen.faults import SpecError
from layergen.lang import model
from layergen.lang.parser import SyntaxFault, parse_block
from layergen.lang.source import SpecSource
from layergen.rules.spec import ForbiddenConstruct, InvalidSyntax, InvalidValue, MissingKey, UnknownKey
from layergen.suggest import nearest

PARTS: dict[str, type[BaseModel]] = {
    "arguments": model.Argument,
    "parameters": model.Parameter,
    "buffers": model.Buffer,
    "inputs": model.Input,
    "outputs": model.Output,
    "references": model.Reference,
}


def validate(source: SpecSource) -> model.LayerSpec:
    """Read a spec's nodes as a `LayerSpec`.

    Raises:
        SpecError: With all that is wrong with them.
    """
    try:
        return model.LayerSpec.model_validate(source.data())
    except ValidationError as error:
        raise SpecError(map(_explain, _causes(error.errors(include_url=False), source))) from None


def _causes(errors: list[ErrorDetails], source: SpecSource) -> Iterator[ErrorDetails]:
    """Errors without those that follow from others: a key missing as misspelled, the rest of a text cut in two."""
    misspelled = [_path(error) for error in errors if error["type"] == "extra_forbidden"]
    meant = {(*path[:-1], nearest) for path in misspelled if (nearest := _nearest_key(path))}
    cut = {_path(error): error for error in errors if error["type"] == "syntax" and _is_cut(_path(error), source)}
    holders = {path[:-1] for path in cut}
    for error in errors:
        path, kind = _path(error), error["type"]
        if path in cut:
            help = "put the expression in quotes: without them, it ends at the comma"
            yield {**error, "ctx": {**error["ctx"], "help": help}}
        elif path == ("forward",) and _is_folded(error, source):
            message, help = (
                "this line continues the one before it",
                "begin a forward of several lines with `forward: |`",
            )
            yield {**error, "ctx": {**error["ctx"], "message": message, "help": help}}
        elif (kind != "missing" or path not in meant) and (
            kind not in ("syntax", "extra_forbidden") or path[:-1] not in holders
        ):
            yield error


def _path(error: ErrorDetails) -> Path:
    context: dict[str, Any] = error.get("ctx", {})
    return (*error["loc"], context["key"]) if "key" in context else error["loc"]


def _is_cut(path: Path, source: SpecSource) -> bool:
    """Whether a comma of YAML cuts a call in two, as in ``{init: uniform(0, 1)}``."""
    at = source.locate(Place(path))
    line = source.lines[at.line - 1]
    text = line[at.column - 1 : at.end_column - 1]
    return text.count("(") > text.count(")") and line.startswith(",", at.end_column - 1)


def _is_folded(error: ErrorDetails, source: SpecSource) -> bool:
    """Whether a line of the forward has run into the one before it, as YAML folds lines that follow no ``|``."""
    context: dict[str, Any] = error.get("ctx", {})
    if "span" not in context:
        return False
    at = source.locate(Place(("forward",), context["span"]))
    before = error["input"][: context["span"][0]].rstrip(" ")
    if before.endswith("\n") or source.lines[at.line - 1][: at.column - 1].strip():
        return False
    try:
        return bool(parse_block(before))
    except SyntaxFault:
        return False


def _explain(error: ErrorDetails) -> Finding:
    context: dict[str, Any] = error.get("ctx", {})
    path = _path(error)
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(path)
        case "missing":
            return _missing_key(path)
        case "syntax" | "forbidden":
            rule = ForbiddenConstruct if error["type"] == "forbidden" else InvalidSyntax
            return rule.at(Place(path, context["span"]), context["message"], help=context["help"])
        case "invalid_value":
            return InvalidValue.at(path, context["message"], help=context.get("help"))
        case kind:
            return InvalidValue.at(path, f"expected {_expected(kind, context)}, got {model.describe(error['input'])}")


def _keys_at(path: Path) -> tuple[str, ...]:
    """The keys that the mapping which holds the last part of a path may have."""
    if len(path) == 1:
        return tuple(model.LayerSpec.model_fields)
    part = model.Match if path[0] == "matches" else PARTS.get(str(path[0]))
    return tuple(part.model_fields) if part else ()


def _unknown_key(path: Path) -> Finding:
    nearest = _nearest_key(path)
    help = f"write `{nearest}`" if nearest else f"the keys here are {', '.join(f'`{key}`' for key in _keys_at(path))}"
    return UnknownKey.at(Place(path, key=True), f"unknown key {model.describe(path[-1])}", help=help)


def _nearest_key(path: Path) -> str | None:
    return nearest(str(path[-1]), _keys_at(path))


def _missing_key(path: Path) -> Finding:
    key, holder = path[-1], Place(path[:-1]).pointer()
    message = f"`{holder}` has no `{key}`" if holder else f"the spec has no `{key}`"
    return MissingKey.at(Place(path[:-1], key=True), message, help=f"add `{key}: …`")


def _expected(kind: str, context: dict[str, Any]) -> str:
    """What pydantic wanted, from the type of its error."""
    plain = {
        "string_type": "text",
        "string_too_short": "some text",
        "int_type": "an int",
        "float_type": "a number",
        "bool_type": "`true` or `false`",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "tuple_type": "a list",
        "list_type": "a list",
        "string_pattern_mismatch": "an address that begins with http:// or https://",
    }
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "`")
    return plain.get(kind, "another value")
