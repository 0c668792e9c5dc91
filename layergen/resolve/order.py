"""Arguments and inputs in an order that Python allows."""

from collections.abc import Iterator

from layergen.diagnostics import Finding, Label, Place
from layergen.lang.model import Argument, Input, LayerSpec, TupleInput
from layergen.rules.names import RequiredAfterOptional


def check_order(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the arguments and inputs that are required after one that is not."""
    required = {
        "arguments": {name: argument.required for name, argument in spec.declared.items()},
        "inputs": {name: _is_required(part) for name, part in spec.given.items()},
    }
    for section, members in required.items():
        free = None  # the first that may be left out
        for name, needed in members.items():
            if needed and free:
                message = f"`{name}` is required, but stands after `{free}`, which may be left out"
                labels = (Label(Place((section, free), key=True), "may be left out"),)
                place = Place((section, name), key=True)
                yield RequiredAfterOptional.at(place, message, labels=labels, help=f"move it before `{free}`")
            elif not needed:
                free = free or name


def _is_required(part: Input | TupleInput | Argument) -> bool:
    return part.required if isinstance(part, Argument) else not part.optional
