"""Carets between plain numbers, which are no powers in Python: `2 ^ bits` is an exclusive or."""

from collections.abc import Iterator

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import expressions
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program
from layergen.rules.writing import BitwiseCaret


def carets(program: Program) -> Iterator[Finding]:
    """Yield the exclusive ors of two ints, each once."""
    wholes = [(part.path, part.expression) for part in program.scoped]
    wholes += [(FORWARD, whole) for whole in expressions(program.forward.statements)]
    for path, whole in wholes:
        for node in ex.walk(whole):
            if isinstance(node, ex.Binary) and node.operator == "^" and _is_int(node.left) and _is_int(node.right):
                message = f"`{ex.show(node)}` is the exclusive or of two numbers, bit by bit"
                yield BitwiseCaret.at(Place(path, node.span), message, help="where a power is meant, write `**`")


def _is_int(node: ex.Expression) -> bool:
    return kinds_of(node) == {Kind.INT}
