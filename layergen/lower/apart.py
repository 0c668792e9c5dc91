"""Gives a list a name of its own where a tensor has its name too, for a type checker lets a name have one type.

A spec may say `y = []` and then `y = stack(y)`. Where the latter is all that is returned, no name is given anew.
"""

from collections.abc import Iterator
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.tuples import wholes
from layergen.lang.visitor import Block, mapped, reads
from layergen.resolve.inference import TENSOR, kinds_of
from layergen.resolve.method import Method
from layergen.resolve.program import Program

LISTS = frozenset({Kind.INTS, Kind.FLOATS, Kind.TENSORS})


def apart(program: Program) -> Program:
    """A layer in whose forward no name is that of a list in one place and of a tensor in another."""
    taken = {*program.names, *program.forward.assigned}
    names: dict[str, str] = {}
    for name in _of_both(program):
        names[name] = _plural(name, taken)
        taken.add(names[name])
    if not names:
        return program
    return replace(program, forward=Method(_renamed(program.forward.statements, names)))


def _of_both(program: Program) -> Iterator[str]:
    """The names that are those of a list and of a tensor, each of them clearly one or the other wherever it stands."""
    kinds: dict[str, set[Kinds]] = {}
    for part in (*_written(program), *reads(program.forward.statements)):
        kinds.setdefault(part.id, set()).add(kinds_of(part))
    for name, several in kinds.items():
        if len(several) > 1 and TENSOR in several and all(found == TENSOR or found <= LISTS for found in several):
            yield name


def _written(program: Program) -> Iterator[ex.Name]:
    """The names that are assigned, but the one under which nothing but the result is returned at once."""
    targets = program.forward.targets
    last = program.forward.statements[-1]
    if isinstance(last, ex.Assign) and program.left_out is None:
        alone = tuple(target.id for target in last.targets) == wholes(program.outputs)[:1] == wholes(program.outputs)
        targets = targets[: -len(last.targets)] if alone else targets
    yield from targets


def _plural(name: str, taken: set[str]) -> str:
    """A name for several of what has a name."""
    found = f"{name}_list" if name.endswith("s") else f"{name}s"
    while found in taken:
        found += "_"
    return found


def _renamed(block: Block, names: dict[str, str]) -> tuple[ex.Statement, ...]:
    """A block in which the lists among some names have others."""

    def given(name: ex.Name) -> ex.Name:
        is_list = name.id in names and kinds_of(name) <= LISTS
        return replace(name, id=names[name.id]) if is_list else name

    def change(part: ex.Expression) -> ex.Expression | None:
        return given(part) if isinstance(part, ex.Name) else None

    def statement(part: ex.Statement) -> ex.Statement:
        match part:
            case ex.Assign(targets=targets):
                return replace(part, targets=tuple(map(given, targets)))
            case ex.If(body=body, orelse=orelse):
                return replace(part, body=_renamed(body, names), orelse=_renamed(orelse, names))
            case ex.For(targets=targets, body=body):
                return replace(part, targets=tuple(map(given, targets)), body=_renamed(body, names))
            case ex.Append(list=name):
                return replace(part, list=given(name))
            case _:
                return part

    return tuple(map(statement, mapped(block, lambda node: ex.transform(node, change))))
