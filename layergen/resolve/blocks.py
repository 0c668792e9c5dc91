"""Says of each statement of a block what its words are, following what is assigned and what was asked for None."""

from collections.abc import Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.kinds import Kinds
from layergen.resolve.annotation import Environment, Meaning, annotated
from layergen.resolve.inference import item_kinds, kinds_of


def annotated_block(block: Sequence[ex.Statement], at: Environment) -> tuple[tuple[ex.Statement, ...], Environment]:
    """Some statements with their facts, and what is known after them."""
    found = []
    for statement in block:
        resolved, at = _statement(statement, at)
        found.append(resolved)
    return tuple(found), at


def _statement(statement: ex.Statement, at: Environment) -> tuple[ex.Statement, Environment]:
    match statement:
        case ex.Assign(targets=targets, value=value):
            resolved = annotated(value, at)
            given = kinds_of(resolved) if len(targets) == 1 else item_kinds(kinds_of(resolved))
            named = tuple(_target(target, at, given) for target in targets)
            meanings = {target.id: Meaning(target.role or Role.LOCAL, given) for target in named}
            return replace(statement, targets=named, value=resolved), at.with_names(meanings)
        case ex.If(test=test, body=body, orelse=orelse):
            asked = annotated(test, at)
            then, after_then = annotated_block(body, at.where(asked, True))
            other, after_other = annotated_block(orelse, at.where(asked, False))
            return replace(statement, test=asked, body=then, orelse=other), _joined(at, after_then, after_other)
        case ex.Comment():
            return statement, at
        case _:
            raise TypeError(f"no way to resolve {type(statement).__name__}")


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
