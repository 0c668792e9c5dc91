"""Two tensors that do not broadcast, in words: where they meet, and what was probably meant."""

import re
from collections.abc import Mapping
from typing import Any

from layergen import ops
from layergen.diagnostics import Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.rules.shapes import HiddenCoupling, OpFailed
from layergen.run.alignment import apart, shape_of, spread, together, with_argument
from layergen.run.reductions import keeping
from layergen.run.remedies import chunked
from layergen.run.said import dotted
from layergen.run.words import Words, short

LONGEST_SIZE = 20  # characters of a size that a shape shows as it is


def coupling(words: Words, path: Path, node: ex.Binary, left: tuple[int, ...], right: tuple[int, ...]) -> Finding:
    """The finding for two shapes that do not broadcast."""
    small, large = (node.left, node.right) if len(left) < len(right) else (node.right, node.left)
    few, many = (left, right) if len(left) < len(right) else (right, left)
    position = next(
        index
        for index in range(-1, -len(few) - 1, -1)
        if few[index] != many[index] and 1 not in (few[index], many[index])
    )
    which = "the last dimension" if position == -1 else f"dimension {position}"
    message = f"`{short(small)}` meets {which} of `{short(large)}`"
    names = Primes(words)
    first, second = names.shape(left), names.shape(right)
    demand = dotted(f"{names.size(few[position])} == {names.size(many[position])}", words.program.run)
    notes = (f"shapes: {first} {node.operator} {second} agree only where {demand}", *names.notes(), *words.notes())
    labels = [Label(Place(path, large.span), names.shape(many))]
    keep = keeping(words.program.forward.statements, small, few, many)
    help = f"write `{keep}`" if keep else _aligned(small, large, few, many) or _as_it_is(small, few, many)
    help = help or chunked(words.program, node) or _rows(words, small, few, many)
    help = help or _of_two_runs(words, few[position], many[position])
    return HiddenCoupling.at(
        Place(path, small.span), message, label=names.shape(few), labels=labels, notes=notes, help=help
    )


def misfit(
    words: Words, path: Path, call: ex.Call, small: ex.Expression, large: ex.Expression, values: Mapping[str, Any]
) -> Finding:
    """The finding for two arguments of a call that do not broadcast."""
    few, many = shape_of(small, values), shape_of(large, values)
    assert few is not None
    assert many is not None
    place = together(few, many) or apart(few, many)
    spaced = spread(small, place, len(many)) if place else None
    one, other = words.shape(few), words.shape(many)
    message = f"`{short(small)}` is {one} and does not broadcast to `{short(large)}`, {other}"
    help = f"write `{ex.show(with_argument(call, small, spaced))}`" if spaced else None
    return OpFailed.at(Place(path, small.span), message, notes=words.notes(), help=help)


def _aligned(small: ex.Expression, large: ex.Expression, few: tuple[int, ...], many: tuple[int, ...]) -> str | None:
    """How to bring the smaller tensor to the dimensions that it was meant for, where they can be told."""
    place = together(few, many)
    if place is None:
        return None
    spaced = spread(small, place, len(many))
    text = f"write `{ex.show(spaced)}`" if spaced else None
    repaired = _handed_over(small, large)
    if repaired:
        text = f"{text}, or hand it to the op: `{repaired}`" if text else f"write `{repaired}`"
    return text


def _as_it_is(small: ex.Expression, few: tuple[int, ...], many: tuple[int, ...]) -> str | None:
    """The tensor without a new last dimension, where it stands for the last one of the other: ``bias[:, None]``."""
    match small:
        case ex.Subscript(value=ex.Name() as inner, index=ex.Sequence(items=(ex.Slice(None, None, None), added))):
            widened = added == ex.Literal(None)
        case ex.Call(function="unsqueeze", arguments=(ex.Name() as inner, dim), keywords=()):
            widened = dim in (ex.Literal(1), ex.Unary("-", ex.Literal(1)))
        case _:
            return None
    fits = widened and few == (many[-1], 1)
    return f"write `{inner.id}` alone, which goes along the last dimension" if fits else None


def _rows(words: Words, small: ex.Expression, few: tuple[int, ...], many: tuple[int, ...]) -> str | None:
    """How to take as many rows of a table of the layer's own as the other tensor has positions."""
    tables = {name: part.entries for name, part in words.program.tensors.items()}
    if isinstance(small, ex.Subscript) and few[1:] == many[len(many) - len(few) + 1 :]:
        return _kept_inside(words, small, tables)
    if not isinstance(small, ex.Name) or small.id not in tables or few[1:] != many[len(many) - len(few) + 1 :]:
        return None
    first, size = tables[small.id][0], words.size(many[len(many) - len(few)])
    table = isinstance(first, ex.Name) and first.id in words.program.arguments and "..." not in size  # no name for it
    return f"for the first rows of `{small.id}`, write `{small.id}[:{size}]`" if table else None


def _kept_inside(words: Words, part: ex.Subscript, tables: Mapping[str, tuple[ex.Expression, ...]]) -> str | None:
    """The constraint under which a table of the layer's own has all rows that a slice asks for."""
    match part:
        case ex.Subscript(ex.Name(id=name), ex.Slice(start=start, stop=ex.Expression() as stop)) if name in tables:
            first = tables[name][0]
            known = {*words.program.decided, *words.program.derived, *words.program.dimensions}
            if start is not None and ex.names(stop) | ex.names(first) <= known:
                demand = ex.show(ex.Compare(stop, ("<=",), (first,)))
                return f"a slice ends where `{name}` does: add the constraint `{demand}`"
    return None


def _of_two_runs(words: Words, *sizes: int) -> str | None:
    """How to say that two runs of dimensions are meant to meet."""
    program = words.program
    named = {words.size(size).partition("[")[0] for size in sizes}
    runs = [run for run in program.runs if ("..." if run == program.run else run) in named]
    if len(runs) != len(sizes):
        return None
    both = f"({', '.join(runs)})"
    return (
        f"where they are to broadcast, write `broadcast{both}` for the output, or the constraint `broadcastable{both}`"
    )


def _handed_over(small: ex.Expression, large: ex.Expression) -> str | None:
    """The call that takes the smaller tensor itself, as ``conv2d`` takes a bias."""
    if not isinstance(large, ex.Call) or not isinstance(small, ex.Name):
        return None
    op = ops.called(large)
    signature = op.signatures[0] if op else None
    parameter = signature.parameter(small.id) if signature else None
    if signature is None or parameter is None:
        return None
    position = signature.positional.index(parameter) if parameter in signature.positional else None
    if any(keyword.name == small.id for keyword in large.keywords):
        return None
    if position == len(large.arguments):
        return ex.show(ex.Call(large.function, (*large.arguments, small), large.keywords))
    if position is not None and position < len(large.arguments):
        return None
    keywords = (ex.Keyword(small.id, small), *large.keywords)
    return ex.show(ex.Call(large.function, large.arguments, keywords))


class Primes:
    """Shows shapes in which long sizes get short names: ``W'`` for what has become of the dimension W."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.short: dict[str, str] = {}

    def size(self, size: int) -> str:
        text = self.words.size(size)
        if len(text) <= LONGEST_SIZE:
            return text
        if text not in self.short:
            sources = [name for name in self.words.setting.sizes if re.search(rf"\b{name}\b", text)]
            name = f"{sources[0] if sources else 'S'}'"
            while name in self.short.values():
                name += "'"
            self.short[text] = name
        return self.short[text]

    def shape(self, shape: tuple[int, ...]) -> str:
        return dotted(f"[{', '.join(self.size(size) for size in shape)}]", self.words.program.run)

    def notes(self) -> tuple[str, ...]:
        """What the short names stand for."""
        return tuple(f"where: {name} = {text}" for text, name in self.short.items())
