"""The mutants of a generated layer."""

import ast
import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from layergen.mutate.operators import mutations
from layergen.mutate.same import lists_of_one

VALUES = (
    "forward",
    "penalty",
    "reset_parameters",
    "_initialize",
    "_reset_buffers",
    "_tie",
    "__init__",
)  # the methods that are changed


@dataclass(frozen=True)
class Mutant:
    """A layer's module with one change."""

    tree: ast.Module
    line: int  # of the module, at which it differs
    was: str  # the statement there, as Python prints it
    now: str

    @property
    def diff(self) -> str:
        """What differs."""
        removed = (f"- {line}" for line in self.was.splitlines())
        added = (f"+ {line}" for line in self.now.splitlines())
        return "\n".join((*removed, *added))


def mutants(source: str, name: str) -> Iterator[Mutant]:
    """The mutants of a class in a module, always in the same order.

    Args:
        source: The text of the module.
        name: The class.
    """
    tree = ast.parse(source)
    original = ast.unparse(tree)
    (cls,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    seen = {original}
    lists = lists_of_one(cls)
    for method in cls.body:
        if not isinstance(method, ast.FunctionDef) or method.name not in VALUES:
            continue
        for line, change in mutations(method, lists):
            with change:
                text = ast.unparse(tree)
                mutant = copy.deepcopy(tree) if text not in seen else None
            if mutant is not None:
                seen.add(text)
                was, now = _differing(original.splitlines(), text.splitlines())
                yield Mutant(ast.fix_missing_locations(mutant), line, was, now)


def _differing(before: list[str], after: list[str]) -> tuple[str, str]:
    """The lines in which two texts differ."""
    lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
    removed, added = ([line[1:].strip() for line in lines if line[0] == sign] for sign in "-+")
    return "\n".join(removed), "\n".join(added)
