"""Conditions on sizes that say no more than that an output has so many entries, told so: ``y.shape[-1] >= 1``."""

from collections.abc import Iterator

from layergen.domains.size import Size, named, number
from layergen.lang import expression as ex
from layergen.lang.parser import parse_expression
from layergen.lower.scopes import negated
from layergen.resolve.program import Program

SHORT = 30  # characters of a condition that tells more as it is
DOTS = ex.Literal(...)

Tests = tuple[ex.Expression, ...]


def in_outputs(program: Program, text: str) -> str:
    """A condition on sizes, in the shape of an output where that is all that it is about.

    Args:
        program: The layer.
        text: The condition, ``… >= …`` in arguments and dimensions.

    Returns:
        The condition; of a size that the output has not everywhere, it says where that is the number that is meant.
    """
    node = parse_expression(text)
    match node:
        case ex.Compare(left, (">=",), (right,)) if len(text) > SHORT:
            over = _polynomial(left) - _polynomial(right)
        case _:
            return text
    for name, position, entry, tests in _sizes(program):
        rest = over - _polynomial(entry)
        if set(rest.terms) <= {()}:
            where = f", as it is where {' and '.join(map(ex.show, tests))}" if tests else ""
            return f"{name}.shape[{position}] >= {-rest.terms.get((), 0)}{where}"
    return text


def _sizes(program: Program) -> Iterator[tuple[str, int, ex.Expression, Tests]]:
    """The sizes of the outputs: each with its place, from the end, and what must hold for it to be that."""
    for name, output in program.outputs.items():
        shape = output.shape if isinstance(output.shape, tuple) else ()
        for index, entry in enumerate(shape):
            if DOTS not in shape[index:]:
                yield from ((name, index - len(shape), *branch) for branch in _branches(entry, ()))


def _branches(entry: ex.Expression, tests: Tests) -> Iterator[tuple[ex.Expression, Tests]]:
    if isinstance(entry, ex.Conditional):
        yield from _branches(entry.then, (*tests, entry.test))
        yield from _branches(entry.orelse, (*tests, negated(entry.test)))
    else:
        yield entry, tests


def _polynomial(node: ex.Expression) -> Size:
    """A whole number as a polynomial, in which what is none is a name by itself: two of one name are the same."""
    match node:
        case ex.Literal(value=int(value)):
            return number(value)
        case ex.Unary("-", operand):
            return -_polynomial(operand)
        case ex.Binary("+", left, right):
            return _polynomial(left) + _polynomial(right)
        case ex.Binary("-", left, right):
            return _polynomial(left) - _polynomial(right)
        case ex.Binary("*", left, right):
            return _polynomial(left) * _polynomial(right)
        case ex.Binary("//", left, right):
            return named(f"({_key(left)}) // ({_key(right)})")
    return named(ex.show(node))


def _key(node: ex.Expression) -> str:
    """The same text for the same polynomial."""
    return " + ".join(sorted(f"{count} * {term}" for term, count in _polynomial(node).terms.items()))
