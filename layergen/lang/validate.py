"""From nodes to a `LayerSpec`: what pydantic refuses becomes findings, in our own words."""

import re
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from layergen.diagnostics import FORWARD, Finding, Path, Place
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang import model
from layergen.lang.block import read_block
from layergen.lang.keys_meant import keys_meant
from layergen.lang.meant import (
    BOOLEANS,
    KEY_WORDS,
    REFERENCE,
    SECTION_WORDS,
    argument_meant,
    bound_meant,
    entry_meant,
    form_meant,
    list_meant,
    literal_meant,
    members_meant,
    reference_meant,
    shape_meant,
    tensor_meant,
    text_meant,
)
from layergen.lang.nodes import Mapping, Scalar
from layergen.lang.parser import SyntaxFault, parse_block
from layergen.lang.sizes_meant import sizes_meant
from layergen.lang.source import SpecSource
from layergen.lang.values import describe
from layergen.rules.spec import ForbiddenConstruct, InvalidSyntax, InvalidValue, MissingKey, UnknownKey
from layergen.suggest import nearest
from layergen.words import shorten

PARTS: dict[str, type[BaseModel]] = {
    "arguments": model.Argument,
    "parameters": model.Parameter,
    "buffers": model.Buffer,
    "dimensions": model.Noted,
    "modules": model.Module,
    "inputs": model.Input,
    "outputs": model.Output,
    "references": model.Reference,
    "survivors": model.Survivor,
    "laws": model.Law,
    "causal": model.Causal,
}


LISTS = ("choices", "shape", "range", "also", "marks", "default")
SHAPED = (("inputs",), ("outputs",))  # where a list alone is the shape of a name
PROSE = ("doc", "title", "summary", "description")
FOLDED = "this line continues the one before it", "begin a forward of several lines with `forward: |`"
STATEMENT = re.compile(r"(if|elif|for) |else$")  # which ends in a colon, as a key does


class UnreadForwardError(SpecError):
    """Lines of a forward that cannot be read, in a spec of which all else can; ``rest`` is the spec without them."""

    def __init__(self, findings: Iterable[Finding], rest: model.LayerSpec) -> None:
        super().__init__(findings)
        self.rest = rest


def validate(source: SpecSource) -> model.LayerSpec:
    """Read a spec's nodes as a `LayerSpec`.

    Raises:
        UnreadForwardError: If nothing is wrong with them but lines of the forward.
        SpecError: With all that is wrong with them.
    """
    data = source.data()
    try:
        return model.LayerSpec.model_validate(data)
    except ValidationError as error:
        causes = tuple(_causes(error.errors(include_url=False), source))
    findings = tuple(map(_explain, causes))
    if all(_path(cause) == FORWARD and "span" in cause.get("ctx", {}) for cause in causes):
        with suppress(ValidationError):
            rest = model.LayerSpec.model_validate({**data, "forward": _readable(str(data["forward"]))})
            raise UnreadForwardError(findings, rest)
    raise SpecError(findings)


def _readable(text: str) -> tuple[ex.Statement, ...]:
    """The statements of a forward that can be read."""
    try:
        statements, _ = read_block(text)
    except SyntaxFault:  # it is too long
        statements = ()
    return statements or (ex.Comment(""),)


def _causes(errors: list[ErrorDetails], source: SpecSource) -> Iterator[ErrorDetails]:
    """Errors without those that follow from others: a key missing as misspelled, the rest of a text cut in two."""
    errors = [one for error in keys_meant(errors, source.data()) for one in _each(error)]
    errors = [*_run_together(errors, source), *errors]
    misspelled = [_path(error) for error in errors if error["type"] == "extra_forbidden"]
    nothing = [_path(error) for error in errors if error["type"] == "model_type" and error["input"] is None]
    meant_keys = {(*path[:-1], key) for path in misspelled if (key := _key_meant(path))}
    cuts, rests = _cut_values([*misspelled, *nothing], source)
    yield from cuts
    rests |= {_path(error) for error in cuts}
    cut = {_path(error): error for error in errors if error["type"] == "syntax" and _is_cut(_path(error), source)}
    holders = {path[:-1] for path in cut}
    texts = set(_texts(source))
    for error in errors:
        path, kind = _path(error), error["type"]
        if path in cut and not rests & {path, path[:-1]}:
            help = "put the expression in quotes: without them, it ends at the comma"
            yield {**error, "ctx": {**error["ctx"], "help": help}}
        elif rests & {path, path[:-1]}:
            continue
        elif path == FORWARD and _is_folded(error, source):
            message, help = FOLDED
            yield {**error, "ctx": {**error["ctx"], "message": message, "help": help}}
            rests.add(path)  # what comes after it runs on as well
        elif meant := _said_otherwise(error, source, texts):
            yield {**error, "ctx": {**error["ctx"], "help": meant}}
        elif (kind != "missing" or path not in meant_keys) and (
            kind not in ("syntax", "extra_forbidden") or path[:-1] not in holders
        ):
            yield error


def _said_otherwise(error: ErrorDetails, source: SpecSource, texts: Set[str]) -> str | None:
    """The help that the rest of the spec gives with a text that cannot be read."""
    if error["type"] == "syntax":
        return text_meant(error["ctx"]["message"], texts)
    here = _path(error) == FORWARD and error["type"] == "forbidden"
    return _sizes(error, source) or _given_back(error, source) if here else None


def _texts(source: SpecSource) -> Iterator[str]:
    """The texts among which arguments choose, as far as they can be read."""
    data = source.data()
    for section in map(data.get, ("arguments", "inputs")):
        for part in section.values() if isinstance(section, dict) else ():
            choices = part.get("choices") if isinstance(part, dict) else None
            yield from (item for item in choices if isinstance(item, str)) if isinstance(choices, list) else ()


def _run_together(errors: list[ErrorDetails], source: SpecSource) -> Iterator[ErrorDetails]:
    """The fault of a forward of several lines, of which one cannot be read, that YAML has made one line of."""
    found = next((error for error in errors if _path(error) == FORWARD and "span" in error.get("ctx", {})), None)
    node = source.node(FORWARD)
    if found is None or not isinstance(node, Scalar) or node.style != "" or _is_folded(found, source):
        return
    begun, _, rest = node.raw.partition("\n")
    if not rest.strip() or begun.count("(") != begun.count(")") or begun.count("[") != begun.count("]"):
        return
    text = " ".join(begun.split())
    span = len(text) + 1, len(text) + 1 + len(rest.strip().split("\n")[0].rstrip())
    if "=" in rest and node.text.startswith(text):
        yield {**found, "type": "syntax", "ctx": {"message": FOLDED[0], "span": span, "help": FOLDED[1]}}


def _each(error: ErrorDetails) -> Iterator[ErrorDetails]:
    """The faults of a text one by one, from top to bottom."""
    context: dict[str, Any] = error.get("ctx", {})
    if error["type"] != "syntax":
        yield error
        return
    others = {key: value for key, value in context.items() if key != "faults"}
    for fault in context["faults"]:
        said = {**others, "message": fault.message, "span": fault.span, "help": fault.help}
        yield {**error, "type": "forbidden" if fault.forbidden else "syntax", "ctx": said}


def _path(error: ErrorDetails) -> Path:
    context: dict[str, Any] = error.get("ctx", {})
    place = tuple(part for part in error["loc"] if part not in model.TAGS)
    key = context.get("key", ())
    return (*place, *key) if isinstance(key, tuple) else (*place, key)


def _is_cut(path: Path, source: SpecSource) -> bool:
    """Whether a comma of YAML cuts a call in two, as in ``{init: uniform(0, 1)}``."""
    at = source.locate(Place(path))
    line = source.lines[at.line - 1]
    text = line[at.column - 1 : at.end_column - 1]
    return text.count("(") > text.count(")") and line.startswith(",", at.end_column - 1)


def _cut_values(unknown: list[Path], source: SpecSource) -> tuple[list[ErrorDetails], set[Path]]:
    """The faults of texts and lists that a comma of YAML cuts, and the paths of their rests.

    These are as in ``{doc: A, one or two.}`` and ``{choices: none, mean}``.
    """
    cuts: list[ErrorDetails] = []
    rests: set[Path] = set()
    for holder in dict.fromkeys(path[:-1] for path in unknown):
        mapping = source.node(holder)
        if not isinstance(mapping, Mapping) or source.text[mapping.start] != "{":
            continue
        begun: tuple[str, Scalar] | None = None
        cut: dict[str, tuple[int, int]] = {}  # where each text that is cut begins and ends
        for name, (key, value) in mapping.entries.items():
            is_rest = (*holder, name) in unknown and (" " in name or source.text[value.start : value.end] == "")
            if begun and is_rest:
                cut[begun[0]] = begun[1].start, max(key.end, value.end)
                rests.add((*holder, name))
            else:
                if isinstance(value, Scalar) and (holder in SHAPED or _may_be_cut(name, value)):
                    begun = name, value
                else:
                    begun = None
        for name, (start, end) in cut.items():
            text = " ".join(source.text[start:end].split()).replace('"', "'")
            help = f'text with a comma goes in quotes: `{name}: "{text}"`'
            if name in LISTS or holder in SHAPED:
                help = f"put a list in brackets: `{name}: {list_meant(text)}`"
            context = {"message": f"`{name}` ends at the comma", "help": help}
            cuts.append({"type": "invalid_value", "loc": (*holder, name), "msg": "", "input": text, "ctx": context})
    return cuts, rests


def _may_be_cut(name: str, value: Scalar) -> bool:
    """Whether a comma may have ended a value that goes on: a text, or a list without brackets."""
    is_list = name in LISTS and not re.search(r"\w\s*\(", value.text)  # nor a call, whose parentheses are cut
    return not value.style and (is_list or (name in PROSE and isinstance(value.value, str)))


def _is_folded(error: ErrorDetails, source: SpecSource) -> bool:
    """Whether a line of the forward has run into the one before it, as YAML folds lines that follow no ``|``."""
    context: dict[str, Any] = error.get("ctx", {})
    if "span" not in context:
        return False
    at = source.locate(Place(FORWARD, context["span"]))
    before = error["input"][: context["span"][0]].rstrip(" ")
    if before.endswith("\n") or source.lines[at.line - 1][: at.column - 1].strip():
        return False
    try:
        return bool(parse_block(before))
    except SyntaxFault:
        return False


def _sizes(error: ErrorDetails, source: SpecSource) -> str | None:
    """The names of the sizes that a forward asks a tensor for."""
    return sizes_meant(error["input"][error["ctx"]["span"][0] :], source.data())


def _given_back(error: ErrorDetails, source: SpecSource) -> str | None:
    """The assignments that stand for a ``return``."""
    data, start = source.data(), error["ctx"]["span"][0]
    found = re.match(r"return +([^\n#]*[^\s#])", error["input"][start:])
    outputs = data.get("outputs") if isinstance(data, dict) else None
    if not found or not isinstance(outputs, dict) or not outputs:
        return None
    names = ", ".join(outputs)
    if found[1] == names:
        return "leave it out: what the outputs are at the end is given back"
    return f"write `{names} = {shorten(found[1])}`"


def _explain(error: ErrorDetails) -> Finding:
    context: dict[str, Any] = error.get("ctx", {})
    path = _path(error)
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(path, _part_of(error["loc"]), context.get("help"))
        case "missing":
            return _missing_key(path)
        case "syntax" | "forbidden":
            rule = ForbiddenConstruct if error["type"] == "forbidden" else InvalidSyntax
            return rule.at(Place(path, context["span"]), context["message"], help=context["help"])
        case "invalid_value":
            help = context.get("help") or bound_meant(path, error["input"]) or form_meant(path)
            return InvalidValue.at(path, context["message"], help=help)
        case "string_too_short":
            return InvalidValue.at(path, f"`{path[-1]}` is empty", help="say in a few words what it is")
        case kind:
            value = error["input"]
            meant = _meant(kind, path, value, context)
            wanted = "a dtype" if meant and path[-1] == "dtype" else _expected(kind, context)
            return InvalidValue.at(path, f"expected {wanted}, got {describe(value)}", help=meant or form_meant(path))


def _meant(kind: str, path: Path, value: object, context: dict[str, Any]) -> str | None:
    """What to write for a value of the wrong type, where it can be told."""
    if kind == "literal_error":
        near = literal_meant(path, value, re.findall(r"'([^']*)'", str(context["expected"])))
    elif kind == "bool_type":
        near = BOOLEANS.get(str(value).lower())
    elif kind in ("tuple_type", "list_type"):
        near = f"[{REFERENCE}]" if path == ("references",) else list_meant(value)
    else:
        mapped = kind in ("dict_type", "model_type")
        meanings = (shape_meant, argument_meant, entry_meant, members_meant, tensor_meant, reference_meant)
        return next((meant for meaning in meanings if (meant := meaning(path, value))), None) if mapped else None
    return f"write `{near}`" if near else None


def _part_of(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """What has an unknown key, where that is one of several kinds of inputs or outputs."""
    if model.VALUE in location:
        return model.Value
    if model.TUPLE in location and "tuple" not in location:
        return model.TupleInput if location[0] == "inputs" else model.TupleOutput
    return None


def _keys_at(path: Path, part: type[BaseModel] | None = None) -> tuple[str, ...]:
    """The keys that the mapping which holds the last part of a path may have."""
    if len(path) == 1:
        return _keys(model.LayerSpec)
    if part in (model.TupleInput, model.TupleOutput):
        return _keys(part)
    part = model.Match if path[0] == "matches" else PARTS.get(str(path[0]))
    return _keys(part) if part else ()


def _keys(part: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a part, as a spec writes them."""
    return tuple(field.alias or name for name, field in part.model_fields.items())


def _unknown_key(path: Path, part: type[BaseModel] | None, meant: str | None) -> Finding:
    if meant is not None:
        return UnknownKey.at(Place(path, key=True), f"unknown key {describe(path[-1])}", help=meant)
    nearest = _section_meant(path) or _nearest_key(path, part)
    if part is model.Value and nearest not in _keys(part):
        tensors = f"an input with a `type` is a value, not a tensor, and has no `{path[-1]}`"
        return UnknownKey.at(Place(path, key=True), f"unknown key {describe(path[-1])}", help=tensors)
    keys = _keys_at(path, part)
    there = f"the keys here are {', '.join(f'`{key}`' for key in keys)}" if keys else None
    help = f"write `{nearest}`" if nearest else there
    if (meant := KEY_WORDS.get(str(path[-1]))) and len(path) > 1 and _fits(meant, keys):
        help = meant
    if STATEMENT.match(str(path[-1])):
        help = "indent it, so that it belongs to `forward`"
    return UnknownKey.at(Place(path, key=True), f"unknown key {describe(path[-1])}", help=help)


def _fits(meant: str, keys: tuple[str, ...]) -> bool:
    """Whether help names a key that may stand there, or another section."""
    named = re.search(r"^write `(\w+)", meant)
    return named is None or named[1] in keys


def _nearest_key(path: Path, part: type[BaseModel] | None = None) -> str | None:
    return nearest(str(path[-1]), _keys_at(path, part))


def _section_meant(path: Path) -> str | None:
    """The section of a spec that is called otherwise elsewhere."""
    return SECTION_WORDS.get(str(path[0])) if len(path) == 1 else None


def _key_meant(path: Path) -> str | None:
    """The key that is meant by an unknown one, by its spelling or as another word for it."""
    other = re.fullmatch(r"write `(\w+)`", KEY_WORDS.get(str(path[-1]), ""))
    word = other[1] if other and len(path) > 1 and other[1] in _keys_at(path) else None
    return word or _section_meant(path) or _nearest_key(path)


def _missing_key(path: Path) -> Finding:
    key, holder = path[-1], Place(path[:-1]).pointer()
    message = f"`{holder}` has no `{key}`" if holder else f"the spec has no `{key}`"
    return MissingKey.at(Place(path[:-1], key=True), message, help=f"add `{key}: …`")


def _expected(kind: str, context: dict[str, Any]) -> str:
    """What pydantic wanted, from the type of its error."""
    plain = {
        "string_type": "text",
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
