"""What a loop carries from turn to turn stays of one kind, and what grows is a list."""

from collections.abc import Iterator

from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.visitor import Block, parts
from layergen.resolve.calls import described
from layergen.resolve.inference import ITEMS, kinds_of
from layergen.resolve.iteration import check_iterable
from layergen.rules.calls import WrongArgumentKind
from layergen.rules.loops import ChangingState
from layergen.words import shorten

OPEN = frozenset({Kind.UNKNOWN})


def check_loops(statement: ex.Statement, path: Path) -> Iterator[Finding]:
    """Yield what is wrong with a loop, or with a list that is made longer, as far as the statement itself tells."""
    match statement:
        case ex.For():
            yield from check_iterable(statement.iterable, path)
            yield from check_carried(statement, path)
        case ex.Append():
            yield from check_append(statement, path)


def check_carried(loop: ex.For, path: Path) -> Iterator[Finding]:
    """Yield the names of which a loop makes something else than they were before it."""
    for carried in loop.carried:
        before, after = carried.before, carried.after
        if after <= before or OPEN & (before | after) or carried.name.id == "_":
            continue
        name = carried.name.id
        message = f"`{name}` is {described(before)} before the loop, and {described(after - before)} after a turn of it"
        yield ChangingState.at(Place(path, carried.name.span), message, help=_start(name, before, after))


def _start(name: str, before: Kinds, after: Kinds) -> str:
    """With what to begin instead."""
    if Kind.TENSOR in after - before:
        return f"begin with a tensor of the shape that it keeps: `{name} = zeros(…)`, or `zeros_like(…)`"
    if Kind.FLOAT in after - before and Kind.INT in before:
        return f"begin with a float: `{name} = 0.0`"
    return "begin with a value of the kind that it keeps"


def reads_first(block: Block, name: str) -> bool:
    """Whether a block may read a name before it assigns it."""
    return first_use(block, name) is True


def first_use(block: Block, name: str) -> bool | None:
    """Whether the first that a block does with a name is to read it; None where it may do nothing with it."""
    for statement in block:
        made = parts(statement)
        if any(name in ex.names(part) for part in made.expressions):
            return True
        if any(target.id == name for target in made.targets):
            if made.blocks:  # a loop, which may take no turn
                continue
            return False
        inner = [first_use(part, name) for part in made.blocks]
        if True in inner:
            return True
        if isinstance(statement, ex.If) and inner and all(found is False for found in inner):
            return False
    return None


def check_append(statement: ex.Append, path: Path) -> Iterator[Finding]:
    """Yield what is wrong with a list that is made longer."""
    name, found = statement.list, kinds_of(statement.list)
    if name.role is not None and name.role is not Role.LOCAL:
        message = f"`{name.id}` is {name.role}, which cannot grow"
        yield WrongArgumentKind.at(Place(path, name.span), message, help="begin a list of its own: `ys = []`")
    elif not found & {*ITEMS, Kind.UNKNOWN}:
        message = f"`{name.id}` is {described(found)}, not a list"
        yield WrongArgumentKind.at(Place(path, name.span), message, help=f"begin it empty: `{name.id} = []`")
    kinds = kinds_of(statement.value)
    if not kinds <= {*ITEMS.values(), Kind.UNKNOWN} or isinstance(statement.value, ex.Sequence):
        message = f"a list grows by tensors or numbers, but `{shorten(ex.show(statement.value))}` is {described(kinds)}"
        yield WrongArgumentKind.at(Place(path, statement.value.span), message, help="keep a list for each of them")
