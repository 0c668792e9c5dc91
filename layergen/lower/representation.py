"""Lowers ``extra_repr``, and tells what ``repr`` gives at a case."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from layergen import ops
from layergen.lang.argument_types import ANY
from layergen.lower.scopes import attribute_names, is_flag
from layergen.lower.source import WIDTH
from layergen.resolve.functions import functions
from layergen.resolve.program import Program

ROOM = WIDTH - 16  # columns for a piece of the text within its line


@dataclass(frozen=True)
class Item:
    """One value of the representation."""

    name: str
    label: str  # ``eps=``; empty for what goes without saying
    source: str  # of the value, in the method
    conversion: str  # ``!r`` for text


def items(program: Program) -> Iterator[Item]:
    names = attribute_names(program)
    leading = True
    for name, argument in program.arguments.items():
        plain = not argument.type.textual and (not argument.type.listed or argument.type.count == ANY)
        leading = leading and argument.required and plain
        label = "" if leading else f"{name}="
        if argument.type.callable:
            yield Item(name, label, f"getattr({names[name]}, '__name__', {names[name]})", "")
        else:
            yield Item(name, label, names[name], "!r" if argument.type.textual else "")


def extra_repr(program: Program) -> tuple[str, ...]:
    """The body of the method: one f-string, or several that follow each other."""
    pieces = [f"{item.label}{{{item.source}{item.conversion}}}" for item in items(program)]
    if not pieces:
        return ()
    lines = [""]
    for index, piece in enumerate(pieces):
        text = piece + (", " if index < len(pieces) - 1 else "")
        if lines[-1] and len(lines[-1]) + len(text) > ROOM:
            lines.append("")
        lines[-1] += text
    literals = [f'f"{line}"' for line in lines]
    if len(literals) == 1:
        return (f"return {literals[0]}",)
    return ("return (", *(f"    {literal}" for literal in literals), ")")


def expected_repr(program: Program, values: Mapping[str, object], tensors: Container[str]) -> str:
    """What ``repr`` gives; told from the spec's values and the tensors there are, not from the code."""
    shown = []
    for item in items(program):
        value = item.name in tensors if is_flag(program, item.name) else values[item.name]
        if item.name in functions(program) and value is not None:
            value = ops.get(str(value)).function.__name__
        shown.append(f"{item.label}{value!r}" if item.conversion else f"{item.label}{value}")
    return f"{program.layer}({', '.join(shown)})"
