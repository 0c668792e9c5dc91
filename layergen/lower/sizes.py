"""Lowers the constraints that mention dimensions to checks of the forward, and tells what these say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from layergen.lang import expression as ex
from layergen.lower.checks import Check, labelled, must_be
from layergen.lower.ranks import ranks_told
from layergen.lower.scopes import attribute_names, gathered_choices, negated
from layergen.lower.source import SourcePrinter, formatted
from layergen.resolve import conditions
from layergen.resolve.conditions import NOTHING, Facts, present
from layergen.resolve.program import Program
from layergen.resolve.signature import leading_source

ORDERS = {"<", "<=", ">", ">="}


class Measured(NamedTuple):
    """How the number of an input's dimensions is read."""

    input: str
    text: str  # a name for it, or the call


Message = tuple[str | tuple[str], ...]  # texts, and one-tuples with the names of values


def mentioned_sizes(program: Program, conditions: Sequence[ex.Expression]) -> set[str]:
    """The dimensions whose sizes the checks read by their names."""
    mentioned = set[str]().union(*map(ex.names, conditions))
    return {name for name in mentioned & set(program.dimensions) if program.dimensions[name].optional is None}


def measured(program: Program, conditions: Sequence[ex.Expression], name: str) -> Measured | None:
    """How the code reads the number of an input's dimensions, where its shape is asked for nothing else.

    Args:
        program: The layer.
        conditions: What is checked.
        name: What the number may be called.
    """
    source, run = leading_source(program.inputs), ex.Name(program.run or "")
    if source is None or program.run is None or len(source.sizes.entries) > 1 or run.id in program.forward.reads:
        return None
    nodes = [part for node in conditions for part in ex.walk(node)]
    lengths = nodes.count(ex.Call("len", (run,)))
    if not lengths or lengths < nodes.count(run):
        return None
    return Measured(source.input, name if lengths > 1 else f"{source.input}.dim()")


def size_checks(program: Program, conditions: Sequence[ex.Expression], rank: Measured | None = None) -> Iterator[Check]:
    """The checks of a forward, where its dimensions have their names.

    Args:
        program: The layer.
        conditions: What is checked.
        rank: How the number of an input's dimensions is read, where its shape has no name.
    """
    length = ex.Call("len", (ex.Name(program.run or ""),))
    for node in conditions:
        names = attribute_names(program) | {name: f"self.{name}" for name in program.kept}
        optional = [part for name, part in program.dimensions.items() if name in ex.names(node) and part.optional]
        names |= {part.name: f"{part.source.input}.shape[{part.source.index}]" for part in optional}
        given = dict.fromkeys(f"{part.optional} is not None" for part in optional if part.name in _open(program, node))
        read = ex.transform(node, lambda part: ex.Name(rank.text) if rank and part == length else None)
        broken = gathered_choices(negated(_asked_first(program, read)))
        condition = SourcePrinter(names).show(broken, ex.PRECEDENCE["and"] if given else 0)
        fields = names | {name: _if_there(program, name, names[name]) for name in _asked(program, node)}
        message = (
            part if isinstance(part, str) else (_field(program, fields, part[0], rank),) for part in told(program, node)
        )
        yield Check(" and ".join([*given, condition]), formatted(*message))


def _asked_first(program: Program, node: ex.Expression, known: Facts = NOTHING) -> ex.Expression:
    """A constraint that does not hold, and does not fail, where it reads as a number what is None."""
    match node:
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            there = known | conditions.facts(left, word == "and")
            return replace(node, left=_asked_first(program, left, known), right=_asked_first(program, right, there))
    for name in reversed(_numbers(program, node, known)):
        node = ex.Binary("and", ex.Compare(ex.Name(name), ("is not",), (ex.Literal(None),)), node)
    return node


def _numbers(program: Program, node: ex.Expression, known: Facts) -> list[str]:
    """The arguments that may be None and are read as numbers where nobody has asked whether they are."""
    compared = {
        id(side)
        for part in ex.walk(node)
        if isinstance(part, ex.Compare) and not ORDERS & set(part.operators)
        for side in (part.left, *part.comparators)
    }
    found = {
        name.id: None
        for name, there in conditions.names(node, known)
        if (argument := program.decided.get(name.id)) is not None and argument.optional
        if name.id not in program.derived and id(name) not in compared and not present(name.id) <= there
    }
    return list(found)


def _open(program: Program, node: ex.Expression) -> set[str]:
    """The dimensions of inputs that need not be there which a constraint reads without having asked for these."""
    return {
        name.id
        for name, known in conditions.names(node, NOTHING)
        if (part := program.dimensions.get(name.id)) and part.optional and not present(part.optional) <= known
    }


def _asked(program: Program, node: ex.Expression) -> set[str]:
    """The dimensions of inputs that need not be there which a constraint reads where it has asked for these alone."""
    mentioned = ex.names(node)
    optional = {name for name, part in program.dimensions.items() if part.optional and name in mentioned}
    return optional - _open(program, node)


def _if_there(program: Program, name: str, source: str) -> str:
    """The source of a dimension's size, or None where its input is not there."""
    return f"{source} if {program.dimensions[name].optional} is not None else None"


def _field(program: Program, names: Mapping[str, str], name: str, rank: Measured | None) -> str:
    """The replacement field for the value of a name."""
    argument = program.decided.get(name)
    if name in program.runs:
        return f"tuple({f'{rank.input}.shape' if rank and name == program.run else name})"
    return f"{names.get(name, name)}{'!r' if argument and argument.type.textual else ''}"


def told(program: Program, node: ex.Expression) -> Message:
    """What to say where a constraint on sizes does not hold."""
    ranks = ranks_told(program, node)
    if ranks is not None:
        return f"expected {ranks.input} of {ranks.words}, got ", (ranks.read,)
    match node:
        case ex.Compare(ex.Binary("%", ex.Name(id=number), divisor), ("==",), (ex.Literal(value=0),)):
            named = [number, *_named(program, ex.names(divisor))]
        case _:
            named = _named(program, ex.names(node))
    parts: list[str | tuple[str]] = [f"{must_be(node)}, got " if named else must_be(node)]
    for label, name in labelled(node, named):
        parts += [label, (name,)] if label else [(name,)]
    return tuple(parts)


def _named(program: Program, mentioned: frozenset[str]) -> list[str]:
    """The dimensions first: the arguments are what the caller knows."""
    known = dict.fromkeys((*program.dimensions, *program.runs, *program.values, *program.arguments, *program.derived))
    return [name for name in known if name in mentioned]


def size_message(program: Program, node: ex.Expression, values: Mapping[str, object]) -> str:
    """What a check says where names have these values, told from the spec."""
    texts, ranks = [], ranks_told(program, node)
    for part in told(program, node):
        if isinstance(part, str):
            texts.append(part)
        elif ranks is not None and part[0] == ranks.read:
            texts.append(str(ranks.count(values)))
        else:
            argument, value = program.decided.get(part[0]), values.get(part[0])
            value = tuple(value) if isinstance(value, list) else value
            texts.append(repr(value) if argument and argument.type.textual else str(value))
    return "".join(texts)
