"""Says in a docstring what torch demands of the sizes, and when."""

import re
from collections.abc import Iterator
from functools import partial

from layergen.checked import CheckedLayer, PreconditionCase
from layergen.lower.shape_docs import code
from layergen.resolve.program import Program
from layergen.settings.telling import IN_NUMBERS
from layergen.words import listed


def size_sentences(layer: CheckedLayer) -> Iterator[str]:
    """What is demanded, in the order of the dimensions, in a sentence for each of the circumstances."""
    texts: dict[str, list[str]] = {}
    for condition in sorted(layer.preconditions, key=lambda condition: condition.where != ()):
        if (where := circumstances(condition)) is not None:
            texts.setdefault(where, []).append(condition.text)
    for where, found in texts.items():
        demanded = listed(map(code, sorted(found, key=partial(_first_dimension, layer.program))))
        sentence = f"{where}{', ' if where else ''}sizes must satisfy {demanded}."
        yield f"{sentence[0].upper()}{sentence[1:]}"


def _first_dimension(program: Program, text: str) -> int:
    """Which of the dimensions of a layer a text names, by the first of them."""
    words = re.findall(r"\w+", text)
    return next((place for place, name in enumerate(program.dimensions) if name in words), len(program.dimensions))


def circumstances(condition: PreconditionCase) -> str | None:
    """When a condition holds, as the beginning of a sentence; empty if always, None if it cannot be told."""
    if condition.where is None:
        return None
    mode = "" if condition.evaluation == () or condition.check is not None else "in training"
    flags = listed(map(with_flag, condition.where)) if condition.where else ""
    text = " ".join(filter(None, (mode, flags)))
    if mode and condition.evaluation:
        text += f", and in evaluation {listed(map(with_flag, condition.evaluation))}"
    return text


def with_flag(flag: str) -> str:
    """What makes a setting take its way, ``bias=False`` or ``without mask``, in words."""
    name, _, value = flag.partition("=")
    match value:
        case "" if name.startswith(IN_NUMBERS):
            return f"with {IN_NUMBERS}{code(name.removeprefix(IN_NUMBERS))}"
        case "":
            return f"without {code(name.removeprefix('without '))}"
        case "True":
            return f"with {code(name)}"
        case "False" | "None":
            return f"without {code(name)}"
    return f"with {code(flag)}"
