"""Values that no statement reads: they are overwritten first, or only serve to compute the next one of their name."""

from collections.abc import Collection, Iterator

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import Block, mentioned, parts, statements
from layergen.rules.names import UnusedName


def check_overwritten(forward: Block, declared: Collection[str]) -> Iterator[Finding]:
    """Yield the assignments that have no effect.

    Args:
        forward: The statements.
        declared: The names that are read elsewhere than in these, at the end at the latest.
    """
    read = mentioned(forward).union(declared)  # what nothing reads at all is another finding
    blocks = [forward, *(inner for statement in statements(forward) for inner in parts(statement).blocks)]
    for block in blocks:
        for place, statement in enumerate(block):
            for target in _assigned(statement):
                if target.id in read and _is_overwritten(target.id, block[place + 1 :]):
                    message = f"`{target.id}` is assigned anew before it is read"
                    help = "delete the first assignment, or read what it gives; what is not needed is `_`"
                    yield UnusedName.at(Place(FORWARD, target.span), message, help=help)
    yield from _read_by_themselves(forward, declared)


def _assigned(statement: ex.Statement) -> tuple[ex.Name, ...]:
    targets = statement.targets if isinstance(statement, ex.Assign) else ()
    return tuple(target for target in targets if target.id != "_")


def _is_overwritten(name: str, following: Block) -> bool:
    """Whether the statements of a block assign a name, whatever happens, before any of them reads it."""
    for statement in following:
        if name in mentioned((statement,)):
            return False
        if any(target.id == name for target in _assigned(statement)):
            return True
    return False


def _read_by_themselves(forward: Block, declared: Collection[str]) -> Iterator[Finding]:
    """Yield the names that are read only where they are assigned."""
    used = set(declared)
    for statement in statements(forward):
        own = {target.id for target in _assigned(statement)}
        read = set[str]().union(*map(ex.names, parts(statement).expressions))
        used |= read - own if len(own) == 1 else read
    for statement in statements(forward):
        for target in _assigned(statement):
            if target.id not in used and target.id in mentioned((statement,)):
                used.add(target.id)
                message = f"`{target.id}` is read only to compute itself"
                yield UnusedName.at(Place(FORWARD, target.span), message, help="delete it, or use what it comes to")
