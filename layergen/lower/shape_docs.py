"""Says in docstrings what shapes are."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from layergen.definition.latex import names_shown
from layergen.lang import expression as ex
from layergen.lang.meetings import broadcast_in
from layergen.lang.model import Buffer, Input, Output, Parameter
from layergen.lang.scalars import BROADCAST
from layergen.lower.source import SourcePrinter
from layergen.resolve.conditions import facts, present
from layergen.resolve.program import Program
from layergen.words import listed

LONGEST_SHAPE = 56


def code(text: str) -> str:
    return f"``{text}``"


def as_shape(shape: ex.Expression) -> ex.Expression:
    """An expression for a shape, its lists written as tuples, as torch writes shapes."""
    match shape:
        case ex.Sequence():
            return replace(shape, bracket="(")
        case ex.Binary(operator="+", left=left, right=right):
            return replace(shape, left=as_shape(left), right=as_shape(right))
        case ex.Conditional(then=then, orelse=orelse):
            return replace(shape, then=as_shape(then), orelse=as_shape(orelse))
        case _:
            return shape


def shape_text(entries: tuple[ex.Expression, ...], run: str | None = None) -> str:
    """A shape as its author would write it, with ``*`` for any leading dimensions, ``*S`` if they have a name."""
    items = [f"*{run}" if run and entry == ex.Literal(...) else _entry_text(entry) for entry in entries]
    return f"({', '.join(items)}{',' if len(items) == 1 and items != ['*'] else ''})"


def _entry_text(entry: ex.Expression) -> str:
    if isinstance(entry, ex.Splice):
        return f"*{ex.show(entry.value)}"
    return "*" if entry == ex.Literal(...) else ex.show(entry)


def or_broadcast(tensor: Input) -> str:
    """What else the shape of an input may be that is broadcast."""
    return "or 1 in some places" if tensor.broadcast == "sizes" else "or what broadcasts to it"


def described_shape(program: Program, tensor: Input | Output) -> str:
    """A shape in code; in a long one, computed sizes get names that are explained behind it."""
    if not isinstance(tensor.shape, tuple):
        return listed_shape(tensor.shape, program.run)
    if (name := asked(tensor.shape)) is not None:
        there, missing = (code(shape_text(part, program.run)) for part in known(tensor.shape, name))
        return f"{there} with {code(name)}, {missing} without it"
    whole = shape_text(tensor.shape, program.run)
    if len(whole) <= LONGEST_SHAPE:
        return code(whole)
    short: list[ex.Expression] = []
    meanings: list[str] = []
    for expression in tensor.shape:
        if isinstance(expression, ex.Name | ex.Literal) or len(ex.show(expression)) < 16:
            short.append(expression)
            continue
        symbol = output_symbol(program, expression, len(meanings))
        short.append(ex.Name(symbol))
        meanings.append(code(f"{symbol} = {ex.show(expression)}"))
    shown = code(shape_text(tuple(short), program.run))
    return f"{shown}, where {listed(meanings)}" if meanings else shown


def asked(entries: Sequence[ex.Expression]) -> str | None:
    """The input of which some sizes ask whether it is there, if all that are chosen ask for the same one."""
    tests = [entry.test for entry in entries if isinstance(entry, ex.Conditional)]
    names = sorted(frozenset[str]().union(*map(ex.names, tests)))
    alike = (name for name in names if all(present(name) in (facts(test), facts(test, False)) for test in tests))
    return next(alike, None)


def known(entries: Sequence[ex.Expression], name: str) -> Iterator[tuple[ex.Expression, ...]]:
    """The sizes where an input is there, and then where it is not."""
    for there in (True, False):
        yield tuple(
            (entry.then if there == (facts(entry.test) == present(name)) else entry.orelse)
            if isinstance(entry, ex.Conditional)
            else entry
            for entry in entries
        )


def listed_shape(shape: ex.Expression, run: str | None = None) -> str:
    """A shape that an expression gives: which it is under which condition, or the expression where that is not told."""
    match shape:
        case ex.Sequence(items=items):
            return code(shape_text(items, run))
        case ex.Binary(operator="+") if (joined := _joined(shape)) is not None:
            return code(shape_text(joined, run))
        case ex.Conditional(test=test, then=then, orelse=orelse):
            return f"{listed_shape(then, run)} if {code(ex.show(test))}, else {listed_shape(orelse, run)}"
        case _:
            return f"shape {code(SourcePrinter({}).show(as_shape(ex.transform(shape, _of_torch))))}"


def _of_torch(node: ex.Expression) -> ex.Expression | None:
    """Sizes that are broadcast, as torch calls them."""
    if isinstance(node, ex.Call) and node.function == BROADCAST:
        return ex.Name(f"torch.broadcast_shapes({', '.join(map(ex.show, broadcast_in(node)))})")
    return None


def _joined(shape: ex.Expression) -> tuple[ex.Expression, ...] | None:
    """The sizes of a sum of lists, each of which has a name or is written out; None of another one."""
    match shape:
        case ex.Sequence(items=items):
            return items
        case ex.Name():
            return (ex.Splice(shape),)
        case ex.Binary(operator="+", left=left, right=right):
            one, other = _joined(left), _joined(right)
            return None if one is None or other is None else (*one, *other)
    return None


def output_symbol(program: Program, expression: ex.Expression, index: int) -> str:
    """A name for a computed size: ``H_out`` if it comes from the dimension H."""
    mentioned = ex.names(expression)
    sources = [name for name in program.dimensions if name in mentioned]
    return f"{sources[0]}_out" if sources else f"S_{index}"


def computed_sizes(program: Program) -> dict[str, ex.Expression]:
    """The names that shapes mention though no one is given them, each with what it is."""
    tensors = (*program.inputs.values(), *program.outputs.values(), *program.tensors.values())
    return _computed(program, {name for tensor in tensors for name in _names(tensor)})


def computed_numbers(program: Program) -> dict[str, ex.Expression]:
    """Those that the formula alone mentions."""
    sizes = computed_sizes(program)
    shown = names_shown(program.definition) if program.definition is not None else frozenset()
    return {name: value for name, value in _computed(program, shown).items() if name not in sizes}


def _computed(program: Program, mentioned: Collection[str]) -> dict[str, ex.Expression]:
    """The derived names among some, and those that they are computed from, in the order of the spec."""
    mentioned, told = set(mentioned), {}
    for name, expression in reversed([*program.derived.items()]):
        if name in mentioned and name not in program.arguments:
            told[name] = expression
            mentioned |= ex.names(expression)
    return dict(reversed(told.items()))


def _names(tensor: Input | Output | Parameter | Buffer) -> Iterator[str]:
    """The names in what a docstring says of the shape of a tensor, and of when it is there."""
    for entry in tensor.entries:
        yield from ex.names(entry)
    when = None if isinstance(tensor, Input) else tensor.when
    each = None if isinstance(tensor, Input | Output) else tensor.each
    for part in (when, None if each is None else each.count):
        yield from ex.names(part) if part is not None else ()
