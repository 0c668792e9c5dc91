"""The paths of tensors of members: ``blocks.0.norm.weight`` for ``blocks[0].norm.weight``."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter


def dotted(text: str) -> str:
    """A path as a spec writes it, as the state dict does."""
    return re.sub(r"\[(\d+)\]", r".\1", text)


def bracketed(text: str) -> str:
    """A path as the state dict has it, as a spec writes it."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", text)


def path_of(node: ex.Expression, values: Mapping[str, Any]) -> str:
    """The path of a tensor, where some values are known."""
    base, path = parted(node, Interpreter(values).evaluate)
    match base:
        case ex.Name(id=name):
            return f"{name}.{path}" if path else name
        case ex.Subscript(value=ex.Name(id=name), index=index):
            return f"{name}.{Interpreter(values).evaluate(index)}.{path}"
    raise EvaluationFault(node, "this is no path of a tensor")


def parted(node: ex.Expression, evaluate: Callable[[ex.Expression], Any]) -> tuple[ex.Expression, str]:
    """The member that a path begins with, a name or an entry of a list, and the rest."""
    match node:
        case ex.Member(value=value, name=name):
            base, path = parted(value, evaluate)
            return base, f"{path}.{name}" if path else name
        case ex.Subscript(value=ex.Member() as value, index=index):
            base, path = parted(value, evaluate)
            return base, f"{path}.{evaluate(index)}"
        case _:
            return node, ""
