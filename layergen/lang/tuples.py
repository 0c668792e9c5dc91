"""Tuples of tensors that a forward takes or gives as one: ``state: {tuple: {h: [N, dim], c: [N, dim]}}``.

Most of what looks at a layer looks at its tensors one by one, and so those of a tuple are inputs and outputs like
others, which are called ``state[0]`` and ``state[1]``, as Python reads them. The forward alone sees ``state``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TensorTuple:
    """What is said of a tuple as a whole."""

    items: tuple[str, ...]  # what its tensors are called among inputs or outputs: ``state[0]``
    names: tuple[str, ...]  # and in the spec: ``h``
    optional: bool = False
    doc: str | None = None


ITEM = re.compile(r"\w+\[(\d+)\]")  # the name of a tensor of a tuple
Tuples = Mapping[str, TensorTuple]  # by the names that a forward sees


def item_name(whole: str, index: int) -> str:
    """What a tensor of a tuple is called."""
    return f"{whole}[{index}]"


def whole_name(name: str) -> str:
    """The name by which a forward sees a tensor: that of its tuple, if it is one of a tuple."""
    return name.partition("[")[0]


def item_index(name: str) -> int | None:
    """Where a tensor stands in its tuple; None if it is in none."""
    item = ITEM.fullmatch(name)
    return int(item[1]) if item else None


def spread(names: Iterable[str], tuples: Tuples) -> tuple[str, ...]:
    """Names in which those of tuples have become those of their tensors."""
    return tuple(part for name in names for part in (tuples[name].items if name in tuples else (name,)))


def wholes(names: Iterable[str]) -> tuple[str, ...]:
    """Names in which those of the tensors of a tuple have become its own."""
    return tuple(dict.fromkeys(map(whole_name, names)))


def by_wholes(there: Mapping[str, bool]) -> dict[str, bool]:
    """Whether tensors are there, those of a tuple, which are there together, under its name."""
    return {whole_name(name): is_there for name, is_there in there.items()}


def gathered(values: Mapping[str, Any], tuples: Tuples) -> dict[str, Any]:
    """The tensors of each tuple under its name, None where they are not there, and all others as they are."""
    found: dict[str, Any] = {}
    for name in wholes(values):
        if name in tuples:
            parts = tuple(values.get(item) for item in tuples[name].items)
            found[name] = None if any(part is None for part in parts) else parts
        else:
            found[name] = values[name]
    return found


def packed(parts: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    """Values in their order, in which those of a tuple have become one, or None where they are not there."""
    found: dict[str, Any] = {}
    for name, value in parts:
        whole = whole_name(name)
        found[whole] = value if item_index(name) is None else (*found.get(whole, ()), value)
    for value in found.values():
        yield None if isinstance(value, tuple) and all(part is None for part in value) else value
