"""Sizes, shapes and values of one setting in the names of the program."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.tuples import wholes
from layergen.lang.visitor import nodes
from layergen.resolve.program import Program
from layergen.run.endless import Endless
from layergen.run.said import dotted
from layergen.settings.choice import Setting

MOST_TENSORS = 3  # of a list that are shown one by one


class Words:
    """Puts what there is at one setting into words.

    Args:
        program: The layer.
        setting: Where it was tried.
        formula: The text of a size, where sizes are symbolic.
        renamed: Puts the names of the spec for those that torch has for symbols.
    """

    def __init__(
        self,
        program: Program,
        setting: Setting,
        formula: Callable[[Any], str] | None = None,
        renamed: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.formula = formula
        self.renamed = renamed
        self.program = program
        self.setting = setting

    def size(self, size: int | torch.SymInt) -> str:
        """A size by its formula, or by the only name that has this value, or as a number."""
        if self.formula is not None:
            return self.formula(size)
        scalars = {name: value for name, value in self.setting.values.items() if type(value) is int}
        entries = dict(self.entries_of_runs())
        if size in (*entries.values(), *self.setting.leading):  # by chance, any number may be that of an argument
            scalars = {name: value for name, value in scalars.items() if name in self.sizing}
        named = [name for name, value in {**self.setting.sizes, **scalars, **entries}.items() if value == size]
        return named[0] if len(named) == 1 and size > 1 else str(size)

    def entries_of_runs(self) -> Iterator[tuple[str, int]]:
        """The sizes of runs of dimensions by their names: ``S[0]``."""
        leading = {self.program.run: self.setting.leading} if self.program.run else {}
        for run, sizes in {**leading, **self.setting.further}.items():
            yield from ((f"{run}[{index}]", size) for index, size in enumerate(sizes))

    @cached_property
    def sizing(self) -> frozenset[str]:
        """The names that sizes of inputs, outputs and what is reshaped between them are made of."""
        tensors = (*self.program.inputs.values(), *self.program.outputs.values())
        shapes = [entry for tensor in tensors for entry in tensor.entries]
        lists = [node for node in nodes(self.program.forward.statements) if isinstance(node, ex.Sequence)]
        found = frozenset[str]().union(*map(ex.names, (*shapes, *lists)))
        return found.union(*(ex.names(node) for name, node in self.program.derived.items() if name in found))

    def count(self, number: int) -> str:
        """How many there are of something: by the only dimension or argument that has this value, or as a number."""
        numbers = {**self.setting.sizes, **self.setting.values}
        named = [name for name, value in numbers.items() if type(value) is int and value == number > 2]
        return f"`{named[0]}`" if len(named) == 1 else str(number)

    def shape(self, shape: tuple[int, ...]) -> str:
        return dotted(f"[{', '.join(self.size(size) for size in shape)}]", self.program.run)

    def shown(self, value: object) -> str:
        """A value that an op was given, in a few words."""
        if isinstance(value, Tensor):
            return self.shape(tuple(value.shape))
        if isinstance(value, Endless):
            first = value.runs[0][1]
            return f"a list of tensors, the first {self.shown(first)}" if isinstance(first, Tensor) else "a list"
        if isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value):
            if len(value) > MOST_TENSORS:
                return f"a list of tensors, the first {self.shown(value[0])}"
            return f"[{', '.join(self.shown(item) for item in value)}]"
        return f"`{self.text(value)}`"

    def text(self, value: object) -> str:
        """A value that is no tensor; one that is symbolic, by its formula."""
        if isinstance(value, list):
            return f"[{', '.join(map(self.text, value))}]"
        if isinstance(value, tuple):
            return f"({', '.join(map(self.text, value))}{',' * (len(value) == 1)})"
        if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
            return self.formula(value) if self.formula else type(value).__name__.removeprefix("Sym").lower()
        return str(value)

    def notes(self) -> tuple[str, ...]:
        """The setting at which it happened: what stands for its arguments, its dimensions and for ``...``."""
        leading = any(ex.Literal(...) in tensor.entries for tensor in self.program.inputs.values())
        run = self.program.run or "..."
        rest = {run: list(self.setting.leading)} if leading else {}
        absent = dict.fromkeys(wholes(sorted(self.setting.absent)))
        further = {name: list(sizes) for name, sizes in self.setting.further.items()}
        parts = {**self.setting.values, **self.setting.sizes, **rest, **further, **absent}
        text = ", ".join(f"{name}={self.text(value)}" for name, value in parts.items())
        return (f"setting: {text}",) if text else ()


def short(node: ex.Expression) -> str:
    """An expression in a few characters: a call without its arguments."""
    text = ex.show(node)
    if len(text) <= 30:
        return text
    return f"{node.written.function}(…)" if isinstance(node, ex.Call) else f"{text[:29]}…"
