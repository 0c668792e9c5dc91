"""Says of each statement of a block what its words are, following what is assigned and what was asked for None."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.visitor import assignments, statements
from layergen.resolve.annotation import Environment, Meaning, annotated
from layergen.resolve.inference import ITEMS, item_kinds, kinds_of
from layergen.resolve.iteration import iterated, meanings, members
from layergen.resolve.updates import as_update

LISTS = {item: kind for kind, item in ITEMS.items()}  # of which kind a list is that has such items


def annotated_block(block: Sequence[ex.Statement], at: Environment) -> tuple[tuple[ex.Statement, ...], Environment]:
    """Some statements with their facts, and what is known after them.

    A list that begins empty is one of what is appended to it, wherever that is.
    """
    found, after = _block(block, at)
    grown = _grown(found)
    return _block(block, replace(at, grown=grown)) if grown else (found, after)


def _grown(block: Sequence[ex.Statement]) -> Mapping[str, Kinds]:
    """The kinds of the lists that are made longer, by what is appended to them."""
    grown: dict[str, Kinds] = {}
    for statement in statements(block):
        if isinstance(statement, ex.Append):
            kinds = frozenset(LISTS.get(kind, Kind.UNKNOWN) for kind in kinds_of(statement.value))
            grown[statement.list.id] = grown.get(statement.list.id, frozenset()) | kinds
    return grown


def _block(block: Sequence[ex.Statement], at: Environment) -> tuple[tuple[ex.Statement, ...], Environment]:
    found = []
    for statement in block:
        resolved, at = _statement(statement, at)
        found.append(resolved)
    return tuple(found), at


def _statement(statement: ex.Statement, at: Environment) -> tuple[ex.Statement, Environment]:
    match statement:
        case ex.Assign(targets=(target,), value=ex.Sequence(items=()) as empty) if target.id in at.grown:
            kinds = at.grown[target.id]
            named = _target(target, at, kinds)
            resolved: ex.Expression = replace(empty, kinds=kinds)
            meaning = {target.id: Meaning(named.role or Role.LOCAL, kinds)}
            return replace(statement, targets=(named,), value=resolved), at.with_names(meaning)
        case ex.Assign(targets=targets, value=value):
            resolved = as_update(targets, annotated(value, at))
            made, after = _named(targets, _given(resolved, len(targets), at), at)
            return replace(statement, targets=made, value=resolved), after
        case ex.If(test=test, body=body, orelse=orelse):
            asked = annotated(test, at)
            then, after_then = _block(body, at.where(asked, True))
            other, after_other = _block(orelse, at.where(asked, False))
            return replace(statement, test=asked, body=then, orelse=other), _joined(at, after_then, after_other)
        case ex.For():
            return _loop(statement, at)
        case ex.Append(list=name, value=value):
            longer = annotated(name, at)
            assert isinstance(longer, ex.Name)
            return replace(statement, list=longer, value=annotated(value, at)), at
        case ex.Comment():
            return statement, at
        case _:
            raise TypeError(f"no way to resolve {type(statement).__name__}")


def _loop(statement: ex.For, before: Environment) -> tuple[ex.Statement, Environment]:
    """A loop, whose first turn sees what was before it, and each other turn what the last one has left."""
    iterable, items = iterated(statement.iterable, before)
    at, given = before, meanings(items, members(iterable, before), len(statement.targets))
    while True:
        targets, inner = _named(statement.targets, given, at)
        body, end = _block(statement.body, inner)
        joined = _joined(at, at, end)
        if joined.names == at.names:
            break
        at = joined
    last = {target.id: target for target in assignments(body)}
    carried = tuple(
        ex.Carried(last[name], meaning.kinds, end.names[name].kinds)
        for name, meaning in before.names.items()
        if name in last
    )
    return replace(statement, targets=targets, iterable=iterable, body=body, carried=carried), joined


def _given(value: ex.Expression, count: int, at: Environment) -> Sequence[Meaning]:
    """What so many names stand for that are assigned a value: those of a tuple that a loop runs over, part by part."""
    if isinstance(value, ex.Name) and value.grouped and value.id in at.names:
        parts = at.names[value.id].parts
        if len(parts) == count:
            return parts
    return [Meaning(Role.LOCAL, kinds_of(value) if count == 1 else item_kinds(kinds_of(value)))] * count


def _named(
    targets: Sequence[ex.Name], given: Sequence[Meaning], at: Environment
) -> tuple[tuple[ex.Name, ...], Environment]:
    """Names that are given something, and what is known then."""
    named = tuple(_target(target, at, meaning.kinds) for target, meaning in zip(targets, given, strict=True))
    found = {
        target.id: replace(meaning, role=target.role or Role.LOCAL)
        for target, meaning in zip(named, given, strict=True)
    }
    return named, at.with_names(found)


def _target(target: ex.Name, at: Environment, kinds: Kinds) -> ex.Name:
    """A name that is assigned: what it was before, or a local."""
    before = at.names.get(target.id)
    return replace(target, role=before.role if before else Role.LOCAL, kinds=kinds)


def _joined(before: Environment, left: Environment, right: Environment) -> Environment:
    """What is known after two branches: a name has the kinds that it has on either."""
    meanings = {}
    for name in {**left.names, **right.names}:
        found = [branch.names[name] for branch in (left, right) if name in branch.names]
        meanings[name] = replace(found[0], kinds=found[0].kinds.union(*(meaning.kinds for meaning in found)))
    return before.with_names(meanings)
