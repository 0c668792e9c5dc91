"""Unsaved: what a state dict leaves out, the constructor computes again."""

from collections.abc import Iterator

from layergen.contracts.buffers import ASSIGNED
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.tuples import wholes
from layergen.lang.visitor import mapped
from layergen.probe.initial import draws
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.unread import read_before
from layergen.rules.tensors import LostState


def check_unsaved(ways: Ways) -> Iterator[Finding]:
    """Yield the buffers that are not in the state dict, and that hold what was learned or drawn."""
    program = ways.program
    unsaved = [name for name, buffer in program.buffers.items() if not buffer.persistent]
    if not unsaved:
        return
    counting, updated = _counting(program), _updated_in_training(ways)
    for name in unsaved:
        if name in counting and name in updated:
            label = Label(Place(FORWARD, updated[name].span), "updated here")
            yield _finding(name, "what training has made of it is lost where one is loaded", label)
        elif name in counting and (source := _drawn(program, name)) is not None:
            lost = "what was drawn for it is lost where one is loaded"
            if source != name:
                lost = f"it stays as `{source}` was drawn, whatever is loaded"
            yield _finding(name, lost, Label(Place(("buffers", name, "init")), "starts here"))


UNSAVED = Promise(check_unsaved, (ASSIGNED,))


LIKE = frozenset({"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "size"})
AS = frozenset({"type_as", "loss_as", "view_as", "expand_as", "reshape_as"})


def _without_kinds(node: ex.Expression) -> ex.Expression | None:
    """What has the values of an expression, where a part of it is asked for its dtype or shape alone."""
    match node:
        case ex.Call(function=function) if function in LIKE:
            return ex.Literal(0)
        case ex.Call(function=function, arguments=(value, _)) if function in AS:
            return ex.transform(value, _without_kinds)
    return None


def _counting(program: Program) -> frozenset[str]:
    """The buffers whose values before a call tell what comes of it, or of a later one."""
    penalty = ex.names(program.penalty) if program.penalty is not None else set()
    block = mapped(program.forward.statements, lambda expression: ex.transform(expression, _without_kinds))
    wanted = frozenset({*program.outputs, *wholes(program.outputs), *penalty})
    while not (read := read_before(block, wanted) & program.buffers.keys()) <= wanted:
        wanted |= read
    return wanted & program.buffers.keys()


def _updated_in_training(ways: Ways) -> dict[str, ex.Name]:
    """The buffers that training updates and evaluation, as it does the state of a stream, does not; each with where."""
    found: dict[bool, dict[str, ex.Name]] = {True: {}, False: {}}
    for seen in ways.seen(ASSIGNED):
        for training in (seen.training,) if ways.program.asks_mode else (True, False):
            found[training] |= seen.run.stored
    return {name: target for name, target in found[True].items() if name not in found[False]}


def _drawn(program: Program, name: str) -> str | None:
    """The tensor whose drawn numbers the initial value of another one is made of; it may be itself."""
    init = program.tensors[name].init
    if any(map(draws, init.nodes())):
        return name
    others = (_drawn(program, other) for other in sorted(init.mentions & program.tensors.keys() - {name}))
    return next((other for other in others if other is not None), None)


def _finding(name: str, lost: str, label: Label) -> Finding:
    message = f"the buffer `{name}` is not in the state dict: {lost}"
    help = "leave out `persistent: false`; if it is meant to be lost, say why: `accept: {lost-state: …}`"
    return LostState.at(Place(("buffers", name, "persistent")), message, labels=(label,), help=help)
