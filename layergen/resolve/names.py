"""Are a spec's names defined, used, distinct, allowed and in order?"""

import re
from collections.abc import Iterator

from layergen import ops
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.model import LayerSpec
from layergen.lang.tuples import whole_name
from layergen.lang.visitor import assignments, calls, reads, statements
from layergen.resolve.flow import check_flow
from layergen.resolve.functions import called_functions
from layergen.resolve.misnamed import misnamed
from layergen.resolve.order import check_order
from layergen.resolve.overwritten import check_overwritten
from layergen.resolve.reserved import check_reserved
from layergen.resolve.scope import CONSTANTS, SAID_OF_THE_LAYER, scoped
from layergen.resolve.signature import dimensions
from layergen.resolve.undefined import check_undefined
from layergen.rules.names import ShadowedName, UndefinedName, UnusedName
from layergen.rules.spec import InvalidValue
from layergen.suggest import is_slip, nearest

SECTIONS = {
    "arguments": "an argument",
    "derived": "a derived name",
    "attributes": "an attribute",
    "parameters": "a parameter",
    "buffers": "a buffer",
    "modules": "a member",
    "inputs": "an input",
    "outputs": "an output",
}
IDLE = {
    "arguments": "has no effect",
    "derived": "has no effect",
    "modules": "is never called, and no tensor of it is read",
}
KEPT = {
    "arguments": ", or say `unused: true` if it is taken for compatibility alone",
    "buffers": ", or say `unused: true` if it is kept for the state dict alone",
}
OTHER_NAME = "choose another name"


def check_names(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with the names of a spec."""
    found = (*check_declared(spec), *check_flow(spec))
    yield from found
    if not any(finding.rule is UndefinedName for finding in found):  # a misspelled name is undefined, and unused too
        yield from _check_unused(spec)
    yield from check_overwritten(spec.forward, {name for section in SECTIONS for name in spec.names_in(section)})


def check_declared(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with the names of a spec, whatever its forward reads."""
    yield from check_reserved(spec)
    yield from check_order(spec)
    yield from _check_shadowed(spec)
    yield from _check_alike(spec)
    yield from check_undefined(spec)


def _check_shadowed(spec: LayerSpec) -> Iterator[Finding]:
    owners: dict[str, tuple[str, Place]] = {}  # what each name stands for first, and where
    for section, role in SECTIONS.items():
        for name in spec.names_in(section):
            place = Place((section, name), key=True)
            owner, first = owners.setdefault(name, (role, place))
            updated = section == "outputs" and owner == SECTIONS["inputs"]
            replaces = section == "derived" and owner == SECTIONS["arguments"]
            if replaces and name in ex.names(spec.derived[name]):
                continue
            shared = section == "inputs" and name in spec.shared
            if first != place and shared and _has_use(spec, name):
                yield from _check_shared(spec, name, first)
                continue
            if first != place and not updated and not _is_switch(spec, name, section):
                switchable = section in ("parameters", "buffers") and _is_flag(spec, name)
                help = f"add `when: {name}`, or choose another name" if switchable else OTHER_NAME
                help = f"{OTHER_NAME}, or compute it from the argument: `{name}: f({name})`" if replaces else help
                help = f"{help}, or read the argument as {_renamed(name)}" if shared else help
                yield _shadowed(place, f"`{name}` is {owner} already", first, help)
    yield from _check_bound(spec)
    for name, dimension in dimensions(spec).items():
        place = dimension.entries[0].place
        owner, first = owners.setdefault(name, ("a dimension", place))
        if first != place:
            yield _shadowed(place, f"dimension `{name}` has the name of {owner}", first)
    for run in spec.runs:
        yield from _check_run(spec, run, owners)
    loops = {
        target.span for part in statements(spec.forward) if isinstance(part, ex.For) for target in part.targets
    }  # the names of a loop are its own: none of them updates a buffer
    for target in assignments(spec.forward):
        changed = () if target.span in loops else spec.buffers
        if target.id in owners and target.id not in {*_tensors_given(spec), *spec.returned, *changed}:
            owner, first = owners[target.id]
            message = f"`{target.id}` is {owner}, which keeps its value"
            yield _shadowed(Place(FORWARD, target.span), message, first)


def _check_alike(spec: LayerSpec) -> Iterator[Finding]:
    """A misspelt argument in the shape of an input would be a dimension, which is as large as it likes."""
    for name, dimension in dimensions(spec).items():
        meant = next((other for other in (*spec.arguments, *spec.derived) if is_slip(name, other)), None)
        if meant:
            place = dimension.entries[0].place
            node = next((part for part in ex.walk(dimension.entries[0].expression) if part == ex.Name(name)), None)
            role = "argument" if meant in spec.arguments else "derived name"
            message = f"`{name}` is nearly the {role} `{meant}`, and would be a dimension"
            help = f"write `{meant}`; where a dimension is meant, choose a name that is less like it"
            yield UndefinedName.at(place._replace(span=node.span) if node else place, message, help=help)


def _check_run(spec: LayerSpec, run: str, owners: dict[str, tuple[str, Place]]) -> Iterator[Finding]:
    """The name of the run is no other's, and keeps its value."""
    if run in owners:
        owner, first = owners[run]
        yield _shadowed(Place(("inputs",), key=True), f"the run `{run}...` has the name of {owner}", first)
    for target in assignments(spec.forward):
        if target.id == run:
            message = f"`{run}` is a run of dimensions, which keeps its sizes"
            yield ShadowedName.at(Place(("forward",), target.span), message, help=OTHER_NAME)
            return


def _tensors_given(spec: LayerSpec) -> set[str]:
    """The tensors that a caller of the forward gives."""
    return set(spec.given) - set(spec.values)


def _shadowed(place: Place, message: str, first: Place, help: str = OTHER_NAME) -> Finding:
    label = Label(first, "first declared here")
    return ShadowedName.at(place, message, labels=(label,), help=help)


def _is_flag(spec: LayerSpec, name: str) -> bool:
    return name in spec.arguments and spec.arguments[name].type.base is Base.BOOL


def _is_switch(spec: LayerSpec, name: str, section: str) -> bool:
    """Whether a parameter or buffer has the name of the argument that switches it on."""
    if name not in spec.arguments or section not in ("parameters", "buffers"):
        return False
    alone = name not in spec.derived and not (name in spec.parameters and name in spec.buffers)
    when = spec.tensors[name].when
    return alone and _is_flag(spec, name) and when is not None and ex.Name(name) in _conjuncts(when)


def _has_use(spec: LayerSpec, name: str) -> bool:
    """Whether an argument is read where its name does not mean an input."""
    elsewhere = ("arguments", "derived", "constraints", "parameters", "buffers", "modules")
    return any(name in ex.names(part.expression) for part in scoped(spec) if part.path[0] in elsewhere)


def _renamed(name: str) -> str:
    """Another name for an argument."""
    return f"`use_{name}`, and say under `derived`: `use_{name}: {name}`"


def _check_shared(spec: LayerSpec, name: str, first: Place) -> Iterator[Finding]:
    """Where the forward checks inputs and tells what it returns, a name means one thing alone."""
    for part in scoped(spec):
        told = part.path[0] == "inputs" or (part.path[0] == "outputs" and part.path[-1] == "when")
        node = next((node for node in ex.walk(part.expression) if node == ex.Name(name)), None) if told else None
        if node is not None:
            message = f"in the forward `{name}` means the input, not the argument"
            help = f"read the argument as {_renamed(name)}"
            yield _shadowed(Place(part.path, node.span), message, first, help)


def _conjuncts(condition: ex.Expression) -> tuple[ex.Expression, ...]:
    if isinstance(condition, ex.Binary) and condition.operator == "and":
        return *_conjuncts(condition.left), *_conjuncts(condition.right)
    return (condition,)


def _tied(spec: LayerSpec) -> list[ex.Expression]:
    """The paths of the tensors that others are."""
    return [tie.right for tie in spec.ties]


def _only_grown(spec: LayerSpec) -> set[str]:
    """The lists that are made longer, and of which nothing else is done."""
    spans = {part.list.span: part.list.id for part in statements(spec.forward) if isinstance(part, ex.Append)}
    elsewhere = {name.id for name in reads(spec.forward) if name.span not in spans}
    return set(spans.values()) - elsewhere


def _check_unused(spec: LayerSpec) -> Iterator[Finding]:
    read = {name.id for name in reads(spec.forward)} - _only_grown(spec) | called_functions(spec, spec.forward)
    read |= ex.names(spec.penalty) if spec.penalty is not None else set()
    used_members = read.union(call.function for call in calls(spec.forward)).union(*map(ex.names, _tied(spec)))
    read |= {call.function for call in calls(spec.forward) if ops.find(call.function) is None}  # which is told there
    changed = {name.id for name in assignments(spec.forward)}
    outside, itself = set[str](), set[str]()
    for part in scoped(spec):
        if part.path[0] not in SAID_OF_THE_LAYER | {"causal"}:
            own = {part.path[1]} if part.path[0] == "derived" else set()
            outside |= ex.names(part.expression) - own
            itself |= ex.names(part.expression) & own
    used: dict[str, set[str]] = {
        "arguments": outside | itself | (read - set(spec.tensors)),
        "derived": outside | read,
        "parameters": read,
        "buffers": read | changed,
        "modules": used_members,
        "inputs": read | (outside & set(spec.values)) | _givers(spec, read),
    }
    idle = {
        **{name: "arguments" for name, argument in spec.arguments.items() if argument.unused},
        **{name: "buffers" for name, buffer in spec.buffers.items() if buffer.unused},
    }
    for name, section in sorted(idle.items()):
        if name in used[section]:
            has = "argument `{}` has an effect" if section == "arguments" else "the forward uses the buffer `{}`"
            yield InvalidValue.at((section, name, "unused"), has.format(name), help="delete `unused: true`")
    for section, names in used.items():
        for name in spec.names_in(section):
            if name not in names and idle.get(name) != section:
                lacks = IDLE.get(section, "is never read by the forward")
                message = f"{SECTIONS[section].split(' ', 1)[1]} `{name}` {lacks}"
                help = _said_elsewhere(spec, section, name) or f"use `{name}` or delete it{KEPT.get(section, '')}"
                yield UnusedName.at(Place((section, name), key=True), message, help=help)
    others = {"training", "_", *spec.values, *spec.runs}
    declared = (spec.names_in(section) for section in SECTIONS)
    kept = used_members.union(read, *declared, dimensions(spec), CONSTANTS, others)
    kept |= {other[1].id} if (other := misnamed(spec)) else set()  # of which it is said already
    turns = {target.span for part in statements(spec.forward) if isinstance(part, ex.For) for target in part.targets}
    for target in assignments(spec.forward):
        if target.id not in kept:
            kept.add(target.id)
            message = f"`{target.id}` is assigned but never read"
            help = "call it `_`" if target.span in turns else _updated(spec, target.id) or "delete it, or assign to `_`"
            yield UnusedName.at(Place(FORWARD, target.span), message, help=help)


def _updated(spec: LayerSpec, name: str) -> str | None:
    """What to do with a name that is nearly that of a buffer, which nothing updates."""
    changed = {target.id for target in assignments(spec.forward)}
    near = nearest(name, [other for other in spec.buffers if other not in changed], cutoff=0.8)
    return f"write `{near}` where the buffer is to be updated, or delete it" if near else None


def _said_elsewhere(spec: LayerSpec, section: str, name: str) -> str | None:
    """What to do with a derived value that the layer computes for its description alone."""
    if section != "derived":
        return None
    value = ex.show(spec.derived[name])
    if spec.definition is not None and re.search(rf"\b{name}\b", spec.definition):
        return f"only the definition reads it: write `{name} = {value}` there, or use `{name}` in the forward"
    for part in scoped(spec):
        if part.path[0] in SAID_OF_THE_LAYER and name in ex.names(part.expression):
            return f"only `{part.path[0]}` has it: write `{value}` there, or use `{name}` in the forward"
    return None


def _givers(spec: LayerSpec, read: set[str]) -> set[str]:
    """The inputs that alone give a dimension its size which is read."""
    givers = {found.giver for name, found in dimensions(spec).items() if name in read and found.giver}
    return set(map(whole_name, givers))


def _check_bound(spec: LayerSpec) -> Iterator[Finding]:
    """The inputs of the forward give sizes to dimensions; the tensors of the constructor have them."""
    for name, dimension in dimensions(spec).items():
        broadcast = spec.inputs[dimension.source.input].broadcast  # which tells the size of none, and is told so
        if whole_name(dimension.source.input) not in spec.given and not broadcast:
            message = f"no input of the forward has the dimension `{name}`"
            yield InvalidValue.at(dimension.source.place, message, help="give an input a dimension of that name")
