"""What a layer keeps of the values that its constructor computes: what another method reads."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from layergen.lang import expression as ex
from layergen.lower.imports import function, names_in
from layergen.lower.scopes import attribute, attribute_names, given_names, is_kept
from layergen.lower.source import SourcePrinter
from layergen.resolve.program import Program

PRIVATE = re.compile(r"self\._\w+")


def kept(program: Program, constructor: Sequence[str], methods: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The lines of a constructor that keep for the layer itself what its methods read, and nothing else.

    What the constructor alone reads becomes a variable of it. What nothing reads goes: one form of what was given, and
    a value of which shapes alone speak.
    """
    own = {attribute(program, name) for name in (*given_names(program), *program.derived)}
    return _as_variables(program, _read(own, constructor, methods), methods)


def _read(own: set[str], constructor: Sequence[str], methods: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The lines without those that assign what nothing reads."""
    count = Counter(PRIVATE.findall("\n".join((*constructor, *chain(*methods)))))
    idle = {name for name in own if count[name] == 1}
    left = tuple(line for line in constructor if line.partition(" = ")[0] not in idle)
    return _read(own, left, methods) if left != tuple(constructor) else left


def _as_variables(program: Program, constructor: Sequence[str], methods: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The lines with a variable for each derived value that no other method reads, where its name is free."""
    elsewhere = set(PRIVATE.findall("\n".join(chain(*methods))))
    taken = names_in(function((), constructor)) | program.arguments.keys()
    names = {attribute(program, name): name for name in program.derived if name not in taken}
    local = {own: name for own, name in names.items() if PRIVATE.fullmatch(own) and own not in elsewhere}
    return tuple(PRIVATE.sub(lambda found: local.get(found[0], found[0]), line) for line in constructor)


def computed_there(program: Program, lines: Sequence[str], others: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The lines of a method that gives initial values, with a variable for each derived value that it alone reads.

    It is then computed of the arguments as they are when the method is called, which may be again.
    """
    elsewhere = Counter(PRIVATE.findall("\n".join(chain(*others))))
    taken = names_in(function((), lines))
    first: list[str] = []
    for name, expression in program.derived.items():
        own, here = attribute(program, name), set(PRIVATE.findall("\n".join(lines)))
        if own not in here or elsewhere[own] != 1 or name in taken or not _is_of_attributes(program, expression):
            continue  # once, as the constructor assigns it
        first.append(f"{name} = {SourcePrinter(attribute_names(program)).show(expression)}")
        lines = [re.sub(rf"{re.escape(own)}\b", name, line) for line in lines]
    return (*first, *lines)


def _is_of_attributes(program: Program, expression: ex.Expression) -> bool:
    """Whether a value is computed of numbers that are attributes as they are given."""
    return all(
        is_kept(program, name) and program.arguments[name].type.numeric and not program.arguments[name].optional
        for name in ex.names(expression)
    )
