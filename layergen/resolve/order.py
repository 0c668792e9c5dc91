"""Arguments and inputs in an order that Python allows."""

from collections.abc import Iterator, Mapping

from layergen.diagnostics import Finding, Label, Place
from layergen.lang.model import Argument, Input, LayerSpec, TupleInput
from layergen.rules.names import RequiredAfterOptional


def check_order(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the arguments and inputs that are required after one that is not."""
    sections: dict[str, Mapping[str, Input | TupleInput | Argument]] = {
        "arguments": spec.declared,
        "inputs": spec.given,
    }
    for section, parts in sections.items():
        yield from _check_keywords(section, [*parts], [name for name, part in parts.items() if _is_keyword(part)])
        members = {name: _is_required(part) for name, part in parts.items() if not _is_keyword(part)}
        free = None  # the first that may be left out
        for name, needed in members.items():
            if needed and free:
                message = f"`{name}` is required, but stands after `{free}`, which may be left out"
                labels = (Label(Place((section, free), key=True), "may be left out"),)
                place = Place((section, name), key=True)
                yield RequiredAfterOptional.at(place, message, labels=labels, help=f"move it before `{free}`")
            elif not needed:
                free = free or name


def _check_keywords(section: str, names: list[str], keywords: list[str]) -> Iterator[Finding]:
    """What comes after an argument that is given by its name alone is given so, too."""
    for name in names[names.index(keywords[0]) :] if keywords else ():
        if name not in keywords:
            message = f"`{name}` stands after `{keywords[0]}`, which is given by its name alone"
            labels = (Label(Place((section, keywords[0]), key=True), "given by its name alone"),)
            help = f"move it before `{keywords[0]}`, or say `keyword: true` of it, too"
            yield RequiredAfterOptional.at(Place((section, name), key=True), message, labels=labels, help=help)


def _is_keyword(part: Input | TupleInput | Argument) -> bool:
    return isinstance(part, Argument) and part.keyword


def _is_required(part: Input | TupleInput | Argument) -> bool:
    return part.required if isinstance(part, Argument) else not part.optional
