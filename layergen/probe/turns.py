"""How often the loops of a forward turn: what the numbers of their ranges tell, multiplied where loops are nested."""

from collections.abc import Mapping
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.visitor import Block, parts
from layergen.resolve.program import Program
from layergen.settings.choice import Setting


def turns(program: Program, setting: Setting) -> int:
    """How many turns all loops of a forward take at a setting. One over anything but a range counts as one turn."""
    return _turns(program.forward.statements, setting.names)


def _turns(block: Block, known: Mapping[str, Any]) -> int:
    """The turns of the loops of a block: of each, all that are made in it."""
    total = 0
    for statement in block:
        count, inner = _turned(statement, known) if isinstance(statement, ex.For) else (1, known)
        inside = sum(_turns(body, inner) for body in parts(statement).blocks)
        total += count * max(inside, 1) if isinstance(statement, ex.For) else inside
    return total


def _turned(loop: ex.For, known: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """How many turns one loop takes, and what is known in the last of them."""
    match loop.iterable:
        case ex.Call(function="range"):
            try:
                items = Interpreter(known).items(loop.iterable)
            except EvaluationFault:
                return 1, known
            return len(items), {**known, loop.targets[0].id: items[-1]} if items else known
    return 1, known
