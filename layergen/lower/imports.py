"""The imports of a generated module, told from its code."""

import ast
import symtable
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

IMPORTS = {  # what a name of the code is imported by, in the order in which the statements stand in a file
    "copy": "import copy",
    "itertools": "import itertools",
    "math": "import math",
    "Callable": "from collections.abc import Callable",
    "Iterable": "from collections.abc import Iterable",
    "Sequence": "from collections.abc import Sequence",
    "Any": "from typing import Any",
    "Self": "from typing import Self",
    "cast": "from typing import cast",
    "torch": "import torch",
    "nn": "from torch import Tensor, nn",
    "F": "from torch.nn import functional as F",
    "init": "from torch.nn import init",
}
BODY = "    "


def function(parameters: Iterable[str], lines: Sequence[str], returns: str = "None") -> str:
    """The source of a function, from its parts."""
    return f"def function({', '.join(parameters)}) -> {returns}:\n" + textwrap.indent("\n".join(lines) or "...", BODY)


def names_in(source: str) -> set[str]:
    """The names that some code mentions, those in its annotations and in its f-strings too."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def names_needed(source: str) -> set[str]:
    """The names that some code mentions and does not give itself."""
    return set(_read(symtable.symtable(source, "<code>", "exec")))


def _read(scope: symtable.SymbolTable) -> Iterator[str]:
    """The same of a scope and of those in it: a parameter or a local of the name of a module is not that module."""
    outermost = scope.get_type() == "module"
    for symbol in scope.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or (outermost and not symbol.is_assigned())):
            yield symbol.get_name()
    for inner in scope.get_children():
        yield from _read(inner)


def import_lines(code: Iterable[str], imports: Mapping[str, str] = IMPORTS) -> tuple[str, ...]:
    """The import statements that code needs, standard library first."""
    mentioned = set[str]().union(*map(names_needed, code))
    used = _joined(line for name, line in imports.items() if name in mentioned)
    standard = [line for line in used if "torch" not in line]
    others = [line for line in used if "torch" in line]
    return (*standard, *([""] if standard and others else []), *others)


def _joined(lines: Iterable[str]) -> list[str]:
    """Import statements, those from one module of the standard library in one."""
    found: dict[str, list[str]] = {}
    for line in lines:
        start, _, name = line.rpartition(" import ")
        own = start if start in ("from collections.abc", "from typing", "from torch") else line
        found.setdefault(own, []).append(name)
    return [
        f"{start} import {', '.join(names)}" if " import " not in start and start.startswith("from") else start
        for start, names in found.items()
    ]
