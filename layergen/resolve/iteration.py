"""What a loop runs over, and of which kinds its items are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from layergen.diagnostics import FORWARD, Finding, Path, Place, Span
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind, Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.visitor import Block, statements
from layergen.resolve.annotation import Environment, Meaning, Runnable, annotated, member_of
from layergen.resolve.inference import INT, ITEMS, UNKNOWN, item_kinds, kinds_of
from layergen.rules.calls import DoubledArgument, MissingArgument, UnknownKeyword, WrongArgumentKind
from layergen.words import shorten

Items = Kinds | tuple["Items", ...]  # the kinds of an item, or of each of its parts
Runnables = Runnable | None | tuple["Runnables", ...]  # the member that an item is, or each of its parts

# What a loop alone can run over, and how many arguments it takes.
ITERATIONS: dict[str, tuple[int, int | None]] = {
    "range": (1, 3),
    "enumerate": (1, 1),
    "reversed": (1, 1),
    "zip": (2, None),
}


MEMBER_KINDS = frozenset({Kind.MEMBER, Kind.MEMBERS})


def is_iteration(node: ex.Expression) -> bool:
    """Whether an expression is a call that stands behind the ``in`` of a loop and nowhere else."""
    return isinstance(node, ex.Call) and node.function in ITERATIONS


def is_numbered(node: ex.Expression) -> bool:
    """Whether Python can run over something once and forwards alone, as over `enumerate` and `zip`."""
    return is_iteration(node) and isinstance(node, ex.Call) and node.function != "range"


def iterated(node: ex.Expression, at: Environment) -> tuple[ex.Expression, Items]:
    """What a loop runs over with its facts, and what the items are."""
    if not isinstance(node, ex.Call) or node.function not in ITERATIONS:
        found = annotated(node, at)
        return found, item_kinds(kinds_of(found))
    callee = Callee(CalleeKind.ITERATION, node.function)
    if node.function == "range":
        bounds = tuple(annotated(bound, at) for bound in node.arguments)
        return replace(node, arguments=bounds, callee=callee, kinds=frozenset({Kind.INTS})), INT
    inner = [iterated(part, at) for part in node.arguments]
    made = replace(node, arguments=tuple(part for part, _ in inner), callee=callee, kinds=UNKNOWN)
    items = tuple(kinds for _, kinds in inner)
    match node.function:
        case "enumerate":
            return made, (INT, *items)
        case "reversed" if items:
            return made, items[0]
        case _:
            return made, items


def meanings(items: Items, member: Runnables, count: int) -> Sequence[Meaning]:
    """What the names of a loop stand for, of which there are so many."""
    whole = _meaning(items, member)
    if count == 1:
        return [whole]
    if whole.parts:
        return whole.parts if len(whole.parts) == count else [Meaning(Role.LOCAL, UNKNOWN)] * count
    return [Meaning(Role.LOCAL, item_kinds(whole.kinds))] * count


def _meaning(items: Items, member: Runnables) -> Meaning:
    if not isinstance(items, tuple):
        return Meaning(Role.LOCAL, items, None if isinstance(member, tuple) else member)
    inner = member if isinstance(member, tuple) and len(member) == len(items) else (None,) * len(items)
    parts = tuple(_meaning(part, one) for part, one in zip(items, inner, strict=True))
    return Meaning(Role.LOCAL, UNKNOWN, parts=parts)


def members(node: ex.Expression, at: Environment) -> Runnables:
    """Which member an item of a loop is, or each part of it; None for what is none."""
    match node:
        case ex.Call(function="enumerate", arguments=(inner,)):
            return (None, members(inner, at))
        case ex.Call(function="reversed", arguments=(inner,)):
            return members(inner, at)
        case ex.Call(function="zip", arguments=inners):
            return tuple(members(inner, at) for inner in inners)
    return member_of(node, at)


def check_iterable(node: ex.Expression, path: Path) -> Iterator[Finding]:
    """Yield what is wrong with what a loop runs over."""
    if isinstance(node, ex.Call) and node.callee is not None and node.callee.kind is CalleeKind.ITERATION:
        yield from _check_call(node, path)
        return
    if isinstance(node, ex.Sequence) and any(kinds_of(item) & MEMBER_KINDS for item in node.items):
        yield from _check_members(node, path)
        return
    kinds = kinds_of(node)
    if kinds & {*ITEMS, Kind.MEMBERS, Kind.UNKNOWN}:
        return
    text, place = shorten(ex.show(node)), Place(path, node.span)
    if Kind.TENSOR in kinds:
        message = f"a loop runs over a list, but `{text}` is a tensor"
        yield WrongArgumentKind.at(place, message, help=f"say along which dimension: `unbind({text}, dim)`")
    else:
        what, help = ("a number", f"write `range({text})`") if Kind.INT in kinds else ("none", None)
        yield WrongArgumentKind.at(place, f"a loop runs over a list, but `{text}` is {what}", help=help)


def turns_without_list(forward: Block, findings: Iterable[Finding]) -> set[Span]:
    """Where the names stand of the loops that run over no list, which need not be read yet."""
    faulty = {finding.place.span for finding in findings if finding.place.path == FORWARD}
    loops = [part for part in statements(forward) if isinstance(part, ex.For)]
    wrong = [loop for loop in loops if faulty & {node.span for node in ex.walk(loop.iterable)}]
    return {target.span for loop in wrong for target in loop.targets}


def _check_members(node: ex.Sequence, path: Path) -> Iterator[Finding]:
    """Where one of the items of a written list is a member, each is."""
    for item in node.items:
        text = shorten(ex.show(item))
        if Kind.MEMBERS in kinds_of(item):
            message = f"`{text}` is a list of members among single ones"
            help = f"write one of it, `{text}[0]`, or run over `{text}` in a loop of its own"
            yield WrongArgumentKind.at(Place(path, item.span), message, help=help)
        elif not kinds_of(item) & {Kind.MEMBER, Kind.UNKNOWN}:
            help = "leave it out, or join it to each by `zip`"
            yield WrongArgumentKind.at(Place(path, item.span), f"`{text}` is no member, as the others are", help=help)


def _check_call(call: ex.Call, path: Path) -> Iterator[Finding]:
    least, most = ITERATIONS[call.function]
    for keyword in call.keywords:
        message = f"`{call.function}` has no keyword `{keyword.name}`"
        yield UnknownKeyword.at(Place(path, keyword.span), message, help=_without(call))
    if len(call.arguments) < least:
        message = f"`{call.function}` is called without {'what it runs over' if least == 1 else 'two lists'}"
        yield MissingArgument.at(Place(path, call.function_span), message)
    if most is not None and len(call.arguments) > most:
        message = f"`{call.function}` takes {most} argument{'s' * (most != 1)}, but is given {len(call.arguments)}"
        yield DoubledArgument.at(Place(path, call.arguments[most].span), message, help=_without(call))
    for argument in call.arguments[:most]:
        if call.function != "range":
            yield from check_iterable(argument, path)
        elif not kinds_of(argument) & {Kind.INT, Kind.UNKNOWN}:
            message = f"`range` takes ints, but `{shorten(ex.show(argument))}` is none"
            help = None
            if isinstance(argument, ex.Binary) and argument.operator == "/":
                help = f"write `{ex.show(replace(argument, operator='//'))}`"
            yield WrongArgumentKind.at(Place(path, argument.span), message, help=help)


def _without(call: ex.Call) -> str | None:
    """What to write instead of an ``enumerate`` that begins elsewhere, or a ``zip`` that is told to be strict."""
    match call.function:
        case "enumerate":
            return "count from 0, and add to the index where it is used"
        case "zip":
            return "leave it out: lists of different lengths are refused at all times"
    return None
