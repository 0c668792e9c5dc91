"""Along which dimension the samples of a batch lie."""

from layergen.lang import expression as ex
from layergen.resolve.meanings import LEADING
from layergen.resolve.program import Program


def batch_of(program: Program) -> str | None:
    """The dimension along which there are samples: the one that may be left out, or the first of the first input.

    Where no output has the latter, it is the one that `mixes` names and an output has: nothing else is held apart then.
    """
    if program.left_out is not None:
        return program.left_out
    first = next(iter(program.inputs.values()))
    entry = first.shape[0] if isinstance(first.shape, tuple) and first.shape else None
    if entry == ex.Literal(...):
        return LEADING
    found = entry.id if isinstance(entry, ex.Name) and entry.id in program.dimensions else None
    if found is not None and in_outputs(program, found):
        return found
    return next((name for name in program.mixes if name != LEADING and in_outputs(program, name)), found)


def in_outputs(program: Program, name: str) -> bool:
    """Whether some output has a dimension, wherever it stands."""
    return any(_mentions(part.entries, name) for part in program.outputs.values())


def each_has(program: Program, name: str) -> bool:
    """Whether every output has a dimension."""
    return all(_mentions(part.entries, name) for part in program.outputs.values())


def _mentions(entries: tuple[ex.Expression, ...], name: str) -> bool:
    if name == LEADING:
        return any(node == ex.Literal(...) for entry in entries for node in ex.walk(entry))
    return any(name in ex.names(entry) for entry in entries)
