"""Tables whose rows are chosen by what no input tells: by numbers, by sizes, or by a buffer that stays as it is."""

from collections.abc import Iterator
from typing import TypeGuard

from layergen import ops
from layergen.contracts.sources import sources, value_names
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.tuples import wholes
from layergen.lang.visitor import expressions, statements
from layergen.resolve.program import Program

# The ops that read some rows of a tensor.
TABLES = frozenset({"embedding", "index_select", "gather", "take", "take_along_dim"})

Index = tuple[ex.Expression, ...]


def chosen_by(program: Program, owner: str) -> frozenset[str] | None:
    """The names of what tells which rows of a table are read.

    Args:
        program: The layer.
        owner: A parameter, or a member that has it.

    Returns:
        None where it may be the values of an input, or a random number, and where it is not known.
    """
    block = program.forward.statements
    indices = [index for expression in expressions(block) for index in _indices(expression, owner)]
    if not indices or None in indices:
        return None
    parts = [part for index in indices if index is not None for part in index]
    names = frozenset[str]().union(*map(value_names, parts))
    found = frozenset[str]().union(*(sources(block, name) for name in names))
    parts += [statement.value for statement in statements(block) if _gives(statement, found)]
    if found & {*wholes(program.inputs), *program.values, *program.parameters, *program.members}:
        return None
    return None if any(map(_is_open, parts)) else found


def _gives(statement: ex.Statement, names: frozenset[str]) -> TypeGuard[ex.Assign]:
    """Whether a statement gives one of some names its value."""
    return isinstance(statement, ex.Assign) and any(target.id in names for target in statement.targets)


def _is_open(expression: ex.Expression) -> bool:
    """Whether an expression may be another one in each run: it draws, or a member computes it."""
    for node in ex.walk(expression):
        if isinstance(node, ex.Apply):
            return True
        if isinstance(node, ex.Call):
            op = ops.called(node)
            if (op is not None and op.random) or (node.callee is not None and node.callee.kind is CalleeKind.MEMBER):
                return True
    return False


def _indices(node: ex.Node, owner: str) -> Iterator[Index | None]:
    """What each reading of a table chooses by; None where it is read otherwise."""
    index = _index(node, owner)
    if index is None and isinstance(node, ex.Name) and node.id == owner:
        yield None
        return
    if index is not None:
        yield index
    for part in node.children if index is None else index:
        yield from _indices(part, owner)


def _index(node: ex.Node, owner: str) -> Index | None:
    """What an expression that reads rows of a table chooses by, as far as it is one."""
    table = ex.Name(owner)
    match node:
        case ex.Subscript(value=value, index=index) if value == table:
            return (index,)
        case ex.Call(callee=callee, function=function):
            given = _given(node)
            if callee is not None and callee.kind is CalleeKind.MEMBER:
                return given if function == owner else None
            if function in TABLES and table in given:
                return tuple(part for part in given if part != table)
    return None


def _given(call: ex.Call) -> Index:
    return (*call.arguments, *(keyword.value for keyword in call.keywords))
